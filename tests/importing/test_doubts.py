"""Signs that a file was misread: each is said before anything is written, and needs a consent."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm.importing import doubts
from crm.importing.chunks import Chunk
from crm.importing.doubts import Doubts
from crm.importing.findings import KEPT, NOTED, REFUSED, Findings, Place
from crm.importing.results import TableResult
from crm.importing.rows import CleanRow
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES, Table
from crm.repository.records import accounts
from crm.repository.transfer.matching.stored_teams import count_stored_teams
from crm.repository.transfer.upsert import DIFFERENT, NEW, ORPHAN, UNCHANGED
from crm.warehouse import Warehouse

from .using import read, reasons

NO_WAREHOUSE: Any = None


def row(table: Table, **values: str) -> CleanRow:
    return {**dict.fromkeys(table.names), **values}


def found(
    rows: list[CleanRow],
    states: list[str],
    table: Table = ACCOUNTS,
    findings: Findings | None = None,
) -> list[str]:
    watched = Doubts(NO_WAREHOUSE)
    places = [Place("a.csv", "", str(n)) for n in range(2, len(rows) + 2)]
    watched.watch(table, Chunk(places, rows), states)
    return watched.found([TableResult(table, Counter(states))], findings or Findings())


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of stored teams, in lower case."""
    teams: set[str] = set()

    def count(wh: Any, given: set[str]) -> int:
        return len({team.strip().lower() for team in given} & teams)

    monkeypatch.setattr(doubts, "count_stored_teams", count)
    return teams


@pytest.mark.parametrize(
    ("table", "values", "expected"),
    [
        (ACCOUNTS, {"bsnid": "BSNID", "team": "Team"}, "row 2: the row repeats headings"),
        # A column of JSON that was taken for a row.
        (ACCOUNTS, {"bsnid": "business_area"}, "row 2: the row repeats headings"),
        (UPDATES, {"author": "Author", "description": "Update"}, "repeats headings"),
        (ACCOUNTS, {"bsnid": "Total", "team": "12"}, "row 2: the row is a total"),
        (ACCOUNTS, {"bsnid": "7", "team": "Gesamt:"}, "the row is a total"),
        (ACCOUNTS, {"bsnid": "Networks Total", "team": "12"}, "the row is a total"),
        (ACCOUNTS, {"bsnid": "Total: 2 rows"}, "the row is a total"),
        (ACCOUNTS, {"bsnid": "SUM-001", "team": "Claims"}, ""),
        (ACCOUNTS, {"bsnid": "Exported on 2026-11-25"}, "reads like a remark below the table"),
        (ACCOUNTS, {"bsnid": "Filters:"}, "row 2: the BSNID “Filters:” reads like a remark"),
        (ACCOUNTS, {"bsnid": "Source: Excel", "team": "2026"}, "BSNID “Source: Excel” reads like"),
        (ACCOUNTS, {"bsnid": "urn:team:7", "team": "Claims"}, ""),
        (ACCOUNTS, {"bsnid": "BSN 1", "team": "Claims"}, ""),
        (ACCOUNTS, {"bsnid": "B1"}, ""),
        (USE_CASES, {"account_bsnid": "B1", "problem": "Total"}, ""),
        (UPDATES, {"account_bsnid": "B1", "description": "Text"}, ""),
        (ACCOUNTS, {"bsnid": "B1", "team": "Totals and sums"}, ""),
    ],
)
def test_rows_that_are_no_records(
    stored: set[str], table: Table, values: dict[str, str], expected: str
) -> None:
    said = found([row(table, **values)], [NEW], table)
    assert len(said) == bool(expected)
    assert expected in " ".join(said)


def test_several_rows_are_one_doubt(stored: set[str]) -> None:
    rows = [row(ACCOUNTS, bsnid="Total"), row(ACCOUNTS, bsnid="B1"), row(ACCOUNTS, bsnid="Sum")]
    assert found(rows, [NEW, NEW, NEW]) == [
        "2 rows are totals, the first at a.csv, row 2; they do not look like records."
    ]


def test_remarks_below_a_table(stored: set[str]) -> None:
    rows = [row(ACCOUNTS, bsnid="Source:", team="Excel"), row(ACCOUNTS, bsnid="Exported by Ada")]
    (said,) = found(rows, [NEW, NEW])
    assert "2 rows have BSNIDs that read like remarks below the table, such as “Source:”" in said


def test_new_accounts_whose_teams_all_exist(stored: set[str]) -> None:
    rows = [row(ACCOUNTS, bsnid=f"N{n}", team=f" Team {n}") for n in range(3)]
    assert found(rows, [NEW] * 3) == []
    stored |= {"team 0", "team 1", "team 2"}
    (said,) = found(rows, [NEW] * 3)
    assert "All 3 accounts are new, but accounts with the same teams exist" in said
    assert found(rows, [NEW, NEW, UNCHANGED]) == []
    assert found(rows[:2], [NEW] * 2) == []


def test_more_than_half_of_the_rows_refused(stored: set[str]) -> None:
    with Findings() as findings:
        for n in range(3):
            findings.add(REFUSED, "accounts", Place("a.csv", "", str(n)), "no key")
    rows = [row(ACCOUNTS, bsnid=f"B{n}") for n in range(3)]
    assert found(rows, [NEW, DIFFERENT, UNCHANGED], findings=findings) == []
    assert found(rows, [NEW, UNCHANGED, ORPHAN], findings=findings) == [
        "More than half of the rows are refused: 3 of 5."
    ]


def test_a_table_without_rows(tmp_path: Path) -> None:
    # However many remarks come before.
    links = "".join(f"B{n},T,no link\n" for n in range(KEPT + 1))
    (tmp_path / "accounts.csv").write_text(f"bsnid,team,ado_link\n{links}")
    (tmp_path / "updates.csv").write_text("id,bsnid,description\n")
    (tmp_path / "use_cases.json").write_text("[]")
    _, findings = read(tmp_path)
    assert "updates.csv: has no rows" in reasons(findings, NOTED)
    assert Doubts(NO_WAREHOUSE).found([], findings) == ["updates.csv has no rows."]


def test_the_command_asks_for_consent(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text("bsnid,team\nB1,Claims\nTotal,1\n")
    output = io.StringIO()
    with pytest.raises(CommandError, match="Nothing was imported.*--accept-doubts"):
        call_command("import_legacy", path, stdout=output)
    assert "Doubtful: accounts.csv, row 3: the row is a total" in output.getvalue()
    assert accounts.get(warehouse, "B1") is None
    call_command("import_legacy", path, dry_run=True, stdout=output)
    call_command("import_legacy", path, accept_doubts=True, stdout=output)
    assert accounts.get(warehouse, "Total").team == "1"
    assert count_stored_teams(warehouse, ["CLAIMS ", "1", "Nobody"]) == 2
    # Importing nothing is no success.
    path.write_text("bsnid,team\nB1,Other\n")
    with pytest.raises(CommandError, match="exist with other values; --on-conflict update"):
        call_command("import_legacy", path, stdout=output)
    (tmp_path / "updates.csv").write_text("bsnid,description\nGONE,d\n")
    with pytest.raises(CommandError, match="no row that can be imported"):
        call_command("import_legacy", tmp_path / "updates.csv", stdout=output)
