"""Units of an import: chunks, findings, seen keys, encodings; no warehouse."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from crm.importing.chunks import Chunk, chunks, json_array
from crm.importing.errors import ImportingError
from crm.importing.findings import CHANGED, KEPT, NOTED, REFUSED, SKIPPED, Findings, Place
from crm.importing.raw_rows import above_headings, under_headings
from crm.importing.readers.encoding import UNSURE, encoding_of
from crm.importing.readers.xlsx.strings import unescape
from crm.importing.rows import CleanRow
from crm.model.schema import ACCOUNTS, UPDATES
from crm.repository.transfer import upsert
from crm.repository.transfer.seen_keys import SeenKeys


def rows(count: int) -> list[tuple[Place, CleanRow, frozenset[str]]]:
    empty: CleanRow = dict.fromkeys(ACCOUNTS.names)
    filled = frozenset({"bsnid", "team", "created_by"})
    return [
        (Place("f", row=str(n)), empty | {"bsnid": f"B{n}", "team": "ü"}, filled)
        for n in range(count)
    ]


def grouped(count: int, max_rows: int = 1000, max_bytes: int = 10_000) -> list[Chunk]:
    return list(
        chunks(ACCOUNTS, rows(count), max_rows=max_rows, max_bytes=max_bytes, keep_audit=False)
    )


def test_chunks_hold_as_many_rows_as_one_statement_takes() -> None:
    assert [len(chunk.rows) for chunk in grouped(7, max_rows=3)] == [3, 3, 1]
    (one,) = grouped(3)
    by_size = grouped(7, max_bytes=one.size)
    assert [len(chunk.rows) for chunk in by_size] == [3, 3, 1]
    assert one.size == len(json_array(one.texts).encode()) - 1
    assert [len(chunk.rows) for chunk in grouped(2, max_bytes=1)] == [1, 1]
    assert grouped(0) == []


def test_a_row_knows_which_columns_are_filled() -> None:
    (chunk,) = grouped(1)
    *values, filled = json.loads(chunk.texts[0])
    assert dict(zip(ACCOUNTS.names, values, strict=True)) == chunk.rows[0]
    assert filled == upsert.presence(ACCOUNTS, {"bsnid", "team"})
    (exact,) = chunks(ACCOUNTS, rows(1), max_rows=9, max_bytes=999, keep_audit=True)
    assert json.loads(exact.texts[0])[-1] == upsert.presence(
        ACCOUNTS, {"bsnid", "team", "created_by"}
    )


def test_a_row_can_get_another_id() -> None:
    row: CleanRow = dict.fromkeys(UPDATES.names) | {"id": "made", "description": "d"}
    (chunk,) = chunks(
        UPDATES, [(Place("f"), row, frozenset())], max_rows=9, max_bytes=999, keep_audit=False
    )
    chunk.set_values(UPDATES, 0, {"id": "stored"})
    assert chunk.rows[0]["id"] == "stored"
    assert json.loads(chunk.texts[0])[UPDATES.names.index("id")] == "stored"


def test_findings_are_counted_kept_and_reported(tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    with Findings(report) as findings:
        findings.add(NOTED, "updates", Place("f"), "before")
        findings.restart()
        for n in range(KEPT + 1):
            findings.add(NOTED, "accounts", Place("f", "s", str(n)), "=1+1", "team")
        findings.add(REFUSED, "updates", Place("f", row="7"), "bad")
        findings.verdict("accounts", False, "1 of 2 rows found")
    assert findings.count(NOTED) == findings.count(NOTED, "accounts") == KEPT + 1
    assert findings.count(NOTED, "updates") == findings.count(SKIPPED) == 0
    assert len(findings.first) == KEPT + 1
    assert str(findings.by_weight()[0]) == "refused: f, row 7: bad"
    assert str(findings.by_weight()[1]) == "noted: f, sheet s, row 0, Team: =1+1"
    with report.open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == KEPT + 3
    assert lines[0] == {
        "outcome": "noted",
        "table": "accounts",
        "file": "f",
        "sheet": "s",
        "row": "0",
        "column": "Team",
        "reason": "'=1+1",
    }
    assert (lines[-1]["outcome"], lines[-1]["reason"]) == ("NOT verified", "1 of 2 rows found")


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ImportingError, match="The report cannot be written to .*No such file"):
        Findings(tmp_path / "none" / "report.csv").__enter__()


def test_the_heaviest_findings_come_first() -> None:
    with Findings() as findings:
        for outcome in (SKIPPED, CHANGED, NOTED, REFUSED):
            findings.add(outcome, "", Place("f"), "r")
    outcomes = [finding.outcome for finding in findings.by_weight()]
    assert outcomes == [REFUSED, NOTED, CHANGED, SKIPPED]


def test_keys_that_come_again() -> None:
    seen = SeenKeys()
    assert seen.add("accounts", "B1", "content", "row 1") is None
    assert seen.add("updates", "B1", "content", "row 2") is None
    again = seen.add("accounts", "B1", "content", "row 3")
    assert again is not None
    assert (again.place, again.same) == ("row 1", True)
    other = seen.add("accounts", "B1", "other", "row 4")
    assert other is not None
    assert not other.same
    assert seen.add("account", "sB1", "content", "row 5") is None


@pytest.mark.parametrize(
    ("content", "name", "remark"),
    [
        (b"plain", "utf-8", ""),
        ("Zürich".encode(), "utf-8", ""),
        ("Zürich".encode("utf-8-sig"), "utf-8-sig", ""),
        ("Zürich".encode("utf-16"), "utf-16", "was read as UTF-16"),
        ("Zürich".encode("utf-32"), "utf-32", "was read as UTF-32"),
        ("Zürich;1".encode("utf-16-be"), "utf-16-be", "was read as UTF-16"),
        ("Zürich".encode("cp1252"), "cp1252", "was read as Windows-1252, as it is not UTF-8; "
         "check whether accents are right"),
        ("Zürich ".encode() * 3 + b"\xe8", "utf-8", "is UTF-8 with some invalid bytes; they "
         "were read as \ufffd, and their rows are listed"),
    ],
)  # fmt: skip
def test_the_encoding_of_a_file_is_found_and_remarked_on(
    tmp_path: Path, content: bytes, name: str, remark: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    encoding = encoding_of(path)
    assert (encoding.name, encoding.remark) == (name, remark)


@pytest.mark.parametrize(
    ("encoding", "texts", "is_sure"),
    [
        ("cp1252", "Größe gemäß Öl|déjà très|El Niño ¿qué?|ações|Ærø på|don’t – 5 €|l’été", True),
        ("cp1250", "Dvořák Čapek|Łódź Gdańsk|Erdős", False),
        ("iso-8859-2", "Łódź|Michał", False),
        ("cp1252", "m³ 5 £|½ Tag|«Élan»|Zoë®", True),
        ("cp1251", "Привет мир|ООО «Ромашка»", False),
        ("mac-roman", "María|Größe", False),
        ("cp850", "Müller|Größe", False),
        ("cp1254", "İstanbul ç|Şişli", False),
        ("shift_jis", "東京タワー", False),
        ("gb18030", "中国", False),
    ],
)
def test_only_western_text_is_read_as_windows_1252_without_a_question(
    tmp_path: Path, encoding: str, texts: str, is_sure: bool
) -> None:
    for text in texts.split("|"):
        path = tmp_path / "file.csv"
        path.write_bytes(text.encode(encoding))
        found = encoding_of(path)
        assert (found.name, found.is_sure) == ("cp1252", is_sure), text
        assert found.remark.startswith(UNSURE) is not is_sure


def test_cells_and_headings() -> None:
    row = under_headings(["a", "", "b"], "2", ["1", "beyond", "2", "more"], [])
    assert row.cells == [("a", "1"), ("b", "2")]
    assert row.remarks[0].reason == (
        "has 2 cells without a heading; not imported: “beyond”, “more”"
    )
    assert under_headings(["a", "b"], "2", ["1"], []).cells == [("a", "1"), ("b", None)]
    # The index of pandas is reported once, by its heading.
    assert under_headings(["", "a"], "2", ["0", "1"], []).remarks == []
    assert len(under_headings(["", "a"], "2", ["x", "1"], []).remarks) == 1
    assert above_headings("1").cells is None


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("a_x000D_b", "a\rb"),
        ("_x005F_x0041_", "_x0041_"),
        ("_xD83D__xDE00_", "😀"),
        ("_xD83D_", "\ufffd"),
        ("_x00_", "_x00_"),
        ("my_xylophone", "my_xylophone"),
    ],
)
def test_escapes_of_excel(text: str, decoded: str) -> None:
    assert unescape(text) == decoded
