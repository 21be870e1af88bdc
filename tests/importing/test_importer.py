"""Which rows an import writes and verifies, with a replaced repository; no warehouse."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from crm.importing import importer, matching, owners, planning, writing
from crm.importing.errors import ImportingError, Stopped
from crm.importing.findings import CHANGED, REFUSED, SKIPPED, Findings
from crm.importing.importer import FAIL, SKIP, UPDATE, Options
from crm.importing.results import TableResult
from crm.model.schema import ACCOUNTS, UPDATES, Table
from crm.repository.operations import Operation
from crm.repository.transfer.matching.natural_keys import folded_key
from crm.repository.transfer.upsert import (
    DIFFERENT,
    NEW,
    ORPHAN,
    UNCHANGED,
    Compared,
)
from crm.repository.transfer.verify import Checksums

from .using import reasons

WAREHOUSE: Any = None
OPERATION = Operation("an id", "import", "ana@example.com")
STATES = {"B1": NEW, "B2": UNCHANGED, "B3": DIFFERENT, "B4": ORPHAN}


@dataclass
class Repository:
    """Answers like crm.repository.transfer; keeps which rows were written and verified."""

    stored: dict[Any, set[str]] = field(default_factory=dict)
    written: list[tuple[list[str], bool]] = field(default_factory=list)
    verified: list[list[str]] = field(default_factory=list)

    def classify(
        self,
        wh: Any,
        table: Table,
        rows: str,
        *,
        sparse: bool,
        masked: frozenset[str],
        is_coming: list[bool],
        has_times: bool,
        since: str,
    ) -> list[Compared]:
        return [Compared(STATES.get(key, NEW)) for key in self.keys(table, rows)]

    def upsert(
        self,
        wh: Any,
        table: Table,
        rows: str,
        operation: Operation,
        *,
        overwrite: bool,
        sparse: bool,
    ) -> int:
        assert operation == OPERATION
        self.written.append((self.keys(table, rows), overwrite))
        return len(self.written[-1][0])

    def checksums(self, wh: Any, table: Table, rows: str, masked: frozenset[str]) -> Checksums:
        keys = self.keys(table, rows)
        self.verified.append(keys)
        return Checksums(len(keys), len(keys), 1, 1)

    def stored_ids(self) -> dict[Any, dict[str, Any]]:
        found: dict[Any, dict[str, Any]] = {}
        for key, ids in self.stored.items():
            found.setdefault(folded_key(UPDATES, key), {}).update(dict.fromkeys(ids, key))
        return found

    def keys(self, table: Table, rows: str) -> list[str]:
        return [cells[table.names.index(table.key)] for cells in json.loads(rows)]


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository()
    for name in ("classify", "upsert"):
        monkeypatch.setattr(importer.upsert, name, getattr(made, name))
    monkeypatch.setattr(importer.upsert, "moment", lambda _: "2026-01-01T00:00:00+00:00")
    monkeypatch.setattr(writing.verify, "checksums", made.checksums)
    monkeypatch.setattr(importer.operations, "of_many", lambda *_: OPERATION)
    monkeypatch.setattr(importer, "noted", lambda *_: nullcontext())
    monkeypatch.setattr(importer.atomic, "is_possible", lambda *_: False)
    monkeypatch.setattr(planning, "similar_keys", lambda *_: {})
    monkeypatch.setattr(matching, "stored_ids", lambda *_: made.stored_ids())
    monkeypatch.setattr(owners, "accounts_of_teams", lambda *_: {})
    return made


def run(path: Path, **options: Any) -> tuple[TableResult, Findings]:
    with Findings() as findings:
        results = importer.run(WAREHOUSE, path, Options(**options), findings)
    return results[0], findings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.csv"
    path.write_text("bsnid,team\nB1,T\nB2,T\nB3,T\n")
    return path


def test_rows_that_differ_are_left_out_and_reported(repository: Repository, file: Path) -> None:
    result, findings = run(file, on_conflict=SKIP)
    assert repository.written == [(["B1", "B2"], False)]
    assert repository.verified == [["B1", "B2"]]
    assert (result.written, result.checked, result.verified) == (2, 2, True)
    assert reasons(findings, SKIPPED) == [
        "accounts.csv, row 4: already exists with different values; left as it is"
    ]


def test_rows_that_differ_are_updated_if_that_is_asked(repository: Repository, file: Path) -> None:
    _, findings = run(file, on_conflict=UPDATE)
    assert repository.written == [(["B1", "B2", "B3"], True)]
    assert repository.verified == [["B1", "B2", "B3"]]
    assert reasons(findings, SKIPPED) == []


def test_rows_that_are_stored_already_are_only_verified(
    repository: Repository, tmp_path: Path
) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text("bsnid,team\nB2,T\n")
    result, _ = run(path, on_conflict=UPDATE)
    assert repository.written == []
    assert (repository.verified, result.checked) == ([["B2"]], 1)


def test_nothing_is_written_where_the_options_forbid_it(
    repository: Repository, file: Path, tmp_path: Path
) -> None:
    run(file, dry_run=True)
    with pytest.raises(ImportingError, match="1 row already exists with different values"):
        run(file, on_conflict=FAIL)
    file.write_text("bsnid,team\nB1,T\n,T\n")
    with pytest.raises(ImportingError, match="1 row is refused"):
        run(file, strict=True)
    assert repository.written == repository.verified == []


class Refusing:
    """Looks at all rows, and lets nothing be written."""

    def __init__(self, repository: Repository) -> None:
        self.repository, self.seen = repository, 0

    def watch(self, table: Table, chunk: Any, states: list[str]) -> None:
        assert not self.repository.written
        self.seen += len(states)

    def require(self, results: list[TableResult], findings: Findings) -> None:
        raise ImportingError(f"{self.seen} rows were seen")


@pytest.mark.parametrize(("most", "passes"), [(importer.LOOK_BYTES, 1), (10, 2)])
def test_few_rows_are_read_once_where_all_are_looked_at_first(
    repository: Repository,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    passes: int,
) -> None:
    """More rows than should be kept in memory are read twice. The report is the same."""
    monkeypatch.setattr(importer, "LOOK_BYTES", most)
    monkeypatch.setattr(importer, "CHUNK_ROWS", 2)
    compared: list[int] = []
    classify = importer.upsert.classify

    def counted(wh: Any, table: Table, rows: str, **options: Any) -> Any:
        compared.append(len(json.loads(rows)))
        return classify(wh, table, rows, **options)

    monkeypatch.setattr(importer.upsert, "classify", counted)
    with Findings() as findings, pytest.raises(ImportingError, match="3 rows were seen"):
        importer.run(WAREHOUSE, file, Options(), findings, look=Refusing(repository))
    assert repository.written == []
    assert len(findings.first) == 2
    look = Refusing(repository)
    monkeypatch.setattr(look, "require", lambda *_: None)
    compared.clear()
    with Findings() as findings:
        (result, *_) = importer.run(WAREHOUSE, file, Options(), findings, look=look)
    assert sum(compared) == 3 * passes
    assert [keys for keys, _ in repository.written] == [["B1", "B2"]]
    assert (look.seen, result.checked, result.verified, len(findings.first)) == (3, 2, True, 2)


def test_an_import_stops_before_the_next_chunk(repository: Repository, file: Path) -> None:
    with Findings() as findings, pytest.raises(Stopped):
        importer.run(WAREHOUSE, file, Options(), findings, should_stop=lambda: True)
    assert repository.written == []


@pytest.mark.parametrize(
    ("stored", "texts", "is_matched"),
    [({"s1"}, ["one"], True), ({"s1", "s2"}, ["one"], False), ({"s1"}, ["one", "two"], False)],
)
def test_a_row_without_an_id_is_matched_only_if_there_is_one_such_row(
    repository: Repository, tmp_path: Path, stored: set[str], texts: list[str], is_matched: bool
) -> None:
    path = tmp_path / "updates.csv"
    lines = [f"B2,Ana,2025-06-27,{text}\n" for text in texts]
    path.write_text("account_bsnid,author,date,description\n" + "".join(lines))
    repository.stored = {("B2", "Ana", "2025-06-27"): stored}
    _, findings = run(path)
    ((keys, _),) = repository.written
    assert ("s1" in keys) is is_matched
    matched = [reason for reason in reasons(findings, CHANGED) if "matches the stored" in reason]
    assert len(matched) == is_matched


def test_a_row_that_is_written_otherwise_means_the_same(
    repository: Repository, file: Path
) -> None:
    """But a stored row with exactly the same text comes first."""
    file = file.with_name("updates.csv")
    file.write_text("account_bsnid,author,date,description\nB2,ana\u00a0k,2025-06-27,d\n")
    day = "2025-06-27"
    repository.stored = {("B2", "ANA K", day): {"s1"}}
    run(file)
    repository.stored = {("B2", "ANA K", day): {"s1"}, ("B2", "ana\u00a0k", day): {"s2"}}
    run(file)
    assert [keys for keys, _ in repository.written] == [["s1"], ["s2"]]


def test_a_row_of_the_file_is_no_match_for_another_one(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two updates of one day, in two statements: the first is stored when the second comes."""
    monkeypatch.setattr(importer, "CHUNK_ROWS", 1)
    path = tmp_path / "updates.csv"
    lines = "B2,Ana,2025-06-27,one\nB2,Ana,2025-06-27,two\n"
    path.write_text(f"account_bsnid,author,date,description\n{lines}")
    run(path)
    ((first,), _), ((second,), _) = repository.written
    repository.stored = {("B2", "Ana", "2025-06-27"): {first}}
    repository.written.clear()
    run(path)
    assert [keys for keys, _ in repository.written] == [[first], [second]]
    # A stored row that one row matched is no match for the next row.
    repository.stored = {("B2", "Ana", "2025-06-27"): {"s1"}}
    repository.written.clear()
    run(path)
    assert [keys for keys, _ in repository.written] == [["s1"], [second]]
    # Nor is a row written twice if a later row equals it.
    path.write_text(path.read_text() + "B2,Ana,2025-06-27,three\n")
    repository.stored = {}
    repository.written.clear()
    run(path)
    ((third,), _) = repository.written[-1]
    repository.stored = {("B2", "Ana", "2025-06-27"): {third}}
    repository.written.clear()
    _, findings = run(path)
    assert [keys for keys, _ in repository.written] == [[third], [second]]
    assert reasons(findings, REFUSED) == [
        "updates.csv, row 4, id: is the stored update that an earlier row was matched to"
    ]


@pytest.mark.parametrize(
    ("checked", "found", "sums", "verified"),
    [
        (2, 2, (7, 7), True),
        (2, 1, (7, 7), False),
        (2, 2, (7, 8), False),
        (0, 0, (None, None), True),
    ],
)
def test_a_table_is_verified_if_all_rows_are_found_with_equal_checksums(
    checked: int, found: int, sums: tuple[int | None, int | None], verified: bool
) -> None:
    result = TableResult(ACCOUNTS, checked=checked, found=found)
    result.compare(*sums)
    result.compare(1, 1)
    assert result.verified is verified
