"""Copying tables: which are found, pages of remarks, what is written; no warehouse."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import islice
from typing import Any

import pytest

from crm.importing import copy_tables
from crm.importing.errors import SourceError
from crm.importing.findings import Findings
from crm.importing.importer import SKIP, UPDATE, Options
from crm.importing.results import TableResult
from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES, Table
from crm.repository.operations import Operation
from crm.repository.transfer import copy_tables as repository
from crm.repository.transfer._clean import Origin
from crm.repository.transfer.upsert import DIFFERENT, NEW, UNCHANGED


@pytest.fixture(autouse=True)
def _no_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_tables.privileges, "masked_in", lambda *_: frozenset())


class Pages:
    """A warehouse that has five remarks, and returns a page of them."""

    namespace = Namespace("c", "s")

    def query(self, sql: str, params: dict[str, Any]) -> list[dict[str, str]]:
        assert "LIMIT :page OFFSET :offset" in sql
        first = params["offset"]
        numbers = range(first, min(5, first + params["page"]))
        return [{"key": str(n), "outcome": "noted", "column": "", "reason": ""} for n in numbers]


@pytest.mark.parametrize("page", [1, 2, 5, 6])
def test_every_page_of_remarks_is_read(monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(repository, "PAGE", page)
    warehouse: Any = Pages()
    remarks = repository.Copy(
        warehouse,
        UPDATES,
        Origin(Pages.namespace, "old", {}),
        None,
        Operation("an id", "copy", "ana@example.com"),
        "2026-01-01T00:00:00+00:00",
    ).remarks()
    assert [remark.key for remark in islice(remarks, 9)] == list("01234")


def test_each_row_of_the_sources_is_cleaned_once() -> None:
    """Engines compute a CTE and a query again at each use, and plan each copy of an expression."""
    statements: list[str] = []

    class Statements:
        namespace = Namespace("c", "s")

        def query(self, sql: str, params: dict[str, Any]) -> list[dict[str, str]]:
            statements.append(sql)
            return []

    warehouse: Any = Statements()
    old = Namespace("c", "old")
    columns = {
        table: {column.name: (column.name, "STRING") for column in table.columns}
        for table in (ACCOUNTS, UPDATES)
    }
    copy = repository.Copy(
        warehouse,
        UPDATES,
        Origin(old, "updates", columns[UPDATES]),
        Origin(old, "accounts", columns[ACCOUNTS]),
        Operation("an id", "copy", "ana@example.com"),
        "2026-01-01T00:00:00+00:00",
    )
    copy.states()
    assert list(copy.remarks()) == []
    for sql, accounts in zip(statements, (2, 3), strict=True):
        parts = ("FROM `c`.`old`.`updates`", "FROM cleaned", "SHA1(", "FROM `c`.`old`.`accounts`")
        assert [sql.count(part) for part in parts] == [1, 1, 1, accounts]
        # Of the accounts, only what names one is read.
        assert "azure_devops_link" not in sql


def origins(
    monkeypatch: pytest.MonkeyPatch, names: list[str], where: Namespace
) -> tuple[dict[Table, Origin], list[str]]:
    tables = {name: {"bsnid": "STRING", "secret": "STRING"} for name in names}
    monkeypatch.setattr(repository, "columns", lambda *_: tables)
    warehouse: Any = Pages()
    with Findings() as findings:
        found = copy_tables._origins(warehouse, where, Options(), findings)
    return found, [str(finding) for finding in findings.first]


def test_tables_are_found_by_name_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["use_cases", "accounts", "teams", "other"]
    found, remarks = origins(monkeypatch, names, Namespace("c", "old"))
    assert [(table, origin.name) for table, origin in found.items()] == [
        (ACCOUNTS, "accounts"),
        (USE_CASES, "use_cases"),
    ]
    assert found[ACCOUNTS].columns == {"bsnid": ("bsnid", "STRING")}
    assert "skipped: c.old.teams: another table of that name was found" in remarks
    assert "skipped: c.old.other: is not named after a table" in remarks


def test_only_tables_with_the_prefix_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["X_accounts", "accounts"]
    found, remarks = origins(monkeypatch, names, Namespace("c", "old", "x_"))
    assert found[ACCOUNTS].name == "X_accounts"
    assert not any("c.old.accounts" in remark for remark in remarks)


@pytest.mark.parametrize(
    ("names", "where", "message"),
    [
        (["accounts"], Pages.namespace, "c.s holds the CRM’s own tables"),
        (["other"], Namespace("c", "old"), "Nothing to import in c.old"),
    ],
)
def test_nothing_and_our_own_tables_are_no_source(
    monkeypatch: pytest.MonkeyPatch, names: list[str], where: Namespace, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        origins(monkeypatch, names, where)


@pytest.mark.parametrize(
    ("overwrite", "different", "written", "checked"),
    [(False, 3, 1, 3), (True, 0, 4, 6), (True, 1, 4, 6)],
)
def test_rows_that_were_left_as_they_are_may_differ(
    overwrite: bool, different: int, written: int, checked: int
) -> None:
    class Copied:
        def upsert(self, expected: int, *, overwrite: bool) -> int:
            assert expected == (4 if overwrite else 1)
            return 4 if overwrite else 1

        def checksums(self) -> repository.Checksums:
            return repository.Checksums(6, different, 7, 7)

    result = TableResult(ACCOUNTS)
    result.states.update({NEW: 1, UNCHANGED: 2, DIFFERENT: 3})
    copied: Any = Copied()
    copy_tables._write(copied, result, Options(on_conflict=UPDATE if overwrite else SKIP))
    assert (result.written, result.checked, result.found) == (written, checked, 6 - different)
    assert result.verified is (different == 0 or not overwrite)


@pytest.mark.parametrize("dry_run", [True, False])
def test_only_a_dry_run_writes_nothing(monkeypatch: pytest.MonkeyPatch, dry_run: bool) -> None:
    written: list[bool] = []

    class Copied:
        def __init__(self, *_: Any, clears: bool) -> None: ...

        def states(self) -> repository.States:
            return repository.States({NEW: 1})

        def remarks(self) -> list[repository.Remark]:
            return []

        def upsert(self, expected: int, *, overwrite: bool) -> int:
            written.append(overwrite)
            return 1

        def checksums(self) -> repository.Checksums:
            return repository.Checksums(1, 0, 7, 7)

    operation = Operation("an id", "copy", "ana@example.com")
    monkeypatch.setattr(copy_tables.operations, "of_many", lambda *_: operation)
    monkeypatch.setattr(copy_tables, "noted", lambda *_: nullcontext())
    monkeypatch.setattr(copy_tables, "Copy", Copied)
    monkeypatch.setattr(copy_tables.upsert, "moment", lambda _: "")
    monkeypatch.setattr(repository, "columns", lambda *_: {"accounts": {"bsnid": "STRING"}})
    warehouse: Any = Pages()
    with Findings() as findings:
        where = Namespace("c", "old")
        (result,) = copy_tables.run(warehouse, where, Options(dry_run=dry_run), findings)
    assert written == ([] if dry_run else [False])
    assert (result.states[NEW], result.written) == (1, 0 if dry_run else 1)
