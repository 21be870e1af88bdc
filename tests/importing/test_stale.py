"""Rows of a file that are older than the stored ones: nobody's later edit is taken back."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm.exporting import exporter
from crm.importing import importer
from crm.importing.findings import CHANGED, NOTED, SKIPPED, Findings
from crm.importing.importer import Options
from crm.repository.records import accounts, platforms, use_cases
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse
from tests.conftest import Statements

from ..schemas import CONTENTS
from .using import reasons, run, written

OLD = {"team": "Old", "business_area": "Finance", "vp": "Vera", "admin": "Ada"}


def exported(wh: Warehouse, folder: Path) -> Path:
    path = folder / "export.json"
    exporter.export(wh, "json", path)
    return path


def edited(path: Path, **changes: str | None) -> None:
    """Change the exported account B1."""
    state = json.loads(path.read_text())
    (row,) = [row for row in state["accounts"] if row["bsnid"] == "B1"]
    row.update(changes)
    path.write_text(json.dumps(state))


def save(wh: Warehouse, bsnid: str, **values: str) -> None:
    account = accounts.get(wh, bsnid)
    accounts.update(wh, bsnid, values, account.updated_at)


def write_two(wh: Warehouse) -> None:
    for bsnid in ("B1", "B2"):
        accounts.create(wh, {"bsnid": bsnid} | OLD)


CONTENTS["two_exported"] = write_two


@pytest.fixture
def two_exported(warehouse: Warehouse) -> Warehouse:
    """The tables with two accounts."""
    return warehouse


@pytest.fixture
def stored(two_exported: Warehouse) -> Warehouse:
    return two_exported


def test_an_edit_after_the_look_at_all_rows_stays(stored: Warehouse, tmp_path: Path) -> None:
    """The command compares all rows before it writes one; the edit comes between."""
    path = exported(stored, tmp_path)
    edited(path, admin="File")

    @dataclass
    class Meanwhile:
        vp: str

        def watch(self, *chunk: object) -> None:
            pass

        def require(self, *found: object) -> None:
            save(stored, "B1", vp=self.vp)

    with Findings() as findings:
        importer.run(
            stored, path, Options(on_conflict="update"), findings, look=Meanwhile("Later")
        )
    account = accounts.get(stored, "B1")
    assert (account.vp, account.admin) == ("Later", "File")
    # The same holds for a file without times: then the whole row stays, and the report names it.
    path = written(tmp_path, "accounts.csv", "bsnid,team,vp\nB1,File,File\nB2,File,File\n")
    with Findings() as findings:
        importer.run(stored, path, Options(on_conflict="update"), findings, look=Meanwhile("Now"))
    assert (accounts.get(stored, "B1").vp, accounts.get(stored, "B2").vp) == ("Now", "File")
    later = "was changed here after the import was previewed; left as it is"
    assert reasons(findings, SKIPPED) == [f"accounts.csv, row 2: {later}"]


def test_what_others_write_just_before_the_import_does_stays(
    stored: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They write between the comparison of the rows and the statement that writes them."""
    content = "bsnid,team,vp\nB1,File,File\nB2,File,File\nB3,File,File\nN1,File,File\n"
    path = written(tmp_path, "accounts.csv", content + "B4,File,File\n")
    for bsnid in ("B3", "B4"):
        accounts.create(stored, {"bsnid": bsnid} | OLD)

    def meanwhile() -> None:
        save(stored, "B1", vp="Later")
        accounts.delete(stored, "B3")
        accounts.create(stored, {"bsnid": "N1", "team": "Theirs", "business_area": "Finance"})

    write = upsert.statement

    def write_after_others(*args: Any, **options: Any) -> Any:
        monkeypatch.undo()
        meanwhile()
        return write(*args, **options)

    monkeypatch.setattr(upsert, "statement", write_after_others)
    outcomes, findings = run(stored, path, on_conflict="update")
    assert outcomes[0].written == 2
    first, theirs = accounts.get(stored, "B1"), accounts.get(stored, "N1")
    assert (first.team, first.vp, accounts.get(stored, "B3")) == ("Old", "Later", None)
    assert (theirs.team, theirs.vp) == ("Theirs", None)
    assert {accounts.get(stored, bsnid).vp for bsnid in ("B2", "B4")} == {"File"}
    stays = "somebody changed or deleted it here while the import ran; it stays as they left it"
    assert reasons(findings, SKIPPED) == [f"accounts.csv, row {n}: {stays}" for n in (2, 4, 5)]
    assert outcomes[0].states == {"changed meanwhile": 3, "different": 2, "new": 0}


def test_an_old_export_takes_no_later_edit_back(
    stored: Warehouse, tmp_path: Path, statements: Statements
) -> None:
    path = exported(stored, tmp_path)
    edited(path, admin="File", vp="File", team="Same", business_area=None)
    save(stored, "B1", vp="Later", team="Same")
    save(stored, "B2", vp="Later")
    outcomes, _ = run(stored, path, on_conflict="update", dry_run=True)
    assert outcomes[0].states == {"different": 1, "unchanged": 1}
    assert (outcomes[0].stale, outcomes[0].conflicts) == (2, {"vp": 1})
    with statements() as done:
        outcomes, findings = run(stored, path, on_conflict="update")
    # Stale rows cost more statements: one reads the present rows, one the earlier ones, and four
    # find the version.
    assert len(done) <= 8 + 6
    assert outcomes[0].written == 1
    first, second = accounts.get(stored, "B1"), accounts.get(stored, "B2")
    assert (first.team, first.vp, first.admin) == ("Same", "Later", "File")
    assert (first.business_area, second.vp) == (None, "Later")
    older = "is older than the stored row; merged with it"
    assert [r for r in reasons(findings, CHANGED) if older in r] == [
        f"export.json, row 1: {older}",
        f"export.json, row 2: {older}",
    ]
    cleared = "is empty in the file; the stored value is cleared"
    assert f"export.json, row 1, business_area: {cleared}" in reasons(findings, CHANGED)
    assert reasons(findings, NOTED) == [
        "export.json, row 1, business_area: Business area is empty",
        "export.json, row 1, vp: was changed in the file and later here; the later value stays",
    ]
    assert reasons(findings, SKIPPED) == [
        "export.json, row 2, vp: was changed later; the later value stays"
    ]


def test_where_both_changed_a_field_a_person_may_take_the_files(
    stored: Warehouse, tmp_path: Path
) -> None:
    path = exported(stored, tmp_path)
    edited(path, vp="File", admin="File")
    save(stored, "B1", vp="Later", admin="Later")
    run(stored, path, on_conflict="update", taken=["accounts.vp"])
    account = accounts.get(stored, "B1")
    assert (account.vp, account.admin) == ("File", "Later")


def test_without_update_a_stale_row_stays_and_is_named(stored: Warehouse, tmp_path: Path) -> None:
    path = exported(stored, tmp_path)
    save(stored, "B1", vp="Later")
    outcomes, findings = run(stored, path)
    assert outcomes[0].stale == 1
    assert reasons(findings, SKIPPED) == [
        "export.json, row 1: is older than the stored row; left as it is"
    ]


def test_what_a_row_said_then_may_be_unknown(stored: Warehouse, tmp_path: Path) -> None:
    path = exported(stored, tmp_path)
    save(stored, "B1", admin="Later")
    # Nobody has stored this row with this time: no version tells what the file changed.
    edited(path, vp="File", updated_at="2020-01-01T10:00:00.123456+00:00")
    outcomes, findings = run(stored, path, on_conflict="update")
    assert outcomes[0].states == {"stale": 1, "unchanged": 1}
    (said,) = reasons(findings, SKIPPED)
    assert "its values at the time of the export are unknown; left as it is" in said
    assert accounts.get(stored, "B1").vp == "Vera"


def test_an_older_file_that_was_imported_before_is_merged_too(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """The times of its rows are older than the tables."""
    path = tmp_path / "accounts.csv"
    lines = "B1,T,Vera,Ada,2020-01-01T10:00:00Z\nB2,U,Vera,Ada,2021-01-01T10:00:00Z\n"
    path.write_text(f"bsnid,team,vp,admin,updated_at\n{lines}")
    run(warehouse, path)
    for bsnid in ("B1", "B2"):
        save(warehouse, bsnid, vp="Later")
    path.write_text(path.read_text().replace("Ada", "File"))
    outcomes, _ = run(warehouse, path, on_conflict="update")
    assert (outcomes[0].stale, outcomes[0].written) == (2, 2)
    found = [accounts.get(warehouse, bsnid) for bsnid in ("B1", "B2")]
    assert [(row.vp, row.admin) for row in found] == [("Later", "File")] * 2


def test_what_was_deleted_since_is_not_added_without_asking(
    stored: Warehouse, tmp_path: Path
) -> None:
    """Also where rows were added to the file, whose times are later than the deletion."""
    path = exported(stored, tmp_path)
    accounts.delete(stored, "B1")
    state = json.loads(path.read_text())
    for bsnid, later in (("N1", "2999-01-01T00:00:00Z"), ("N2", "2999-01-02T00:00:00Z")):
        state["accounts"].append(state["accounts"][0] | {"bsnid": bsnid, "updated_at": later})
    path.write_text(json.dumps(state))
    output = io.StringIO()
    with pytest.raises(CommandError, match="--accept-doubts"):
        call_command("import_legacy", path, stdout=output)
    said = "row 1: the account was deleted here after the file was exported. It would be added"
    assert said in output.getvalue()
    call_command("import_legacy", path, stdout=output, accept_doubts=True)
    assert accounts.get(stored, "B1").team == "Old"


def test_a_time_without_seconds_may_be_any_of_its_minute(
    stored: Warehouse, tmp_path: Path
) -> None:
    """Excel writes times to the minute: the row is not older than itself."""
    stamp = accounts.get(stored, "B1").updated_at
    assert stamp is not None
    lines = [["bsnid", "vp", "updated_at"], ["B1", "File", f"{stamp:%Y-%m-%d %H:%M}"]]
    path = tmp_path / "accounts.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    outcomes, _ = run(stored, path, on_conflict="update")
    assert (outcomes[0].stale, accounts.get(stored, "B1").vp) == (0, "File")


def test_children_are_merged_too(stored: Warehouse, tmp_path: Path) -> None:
    values = {"problem": "P", "status": "Active", "solution": "S"}
    use_cases.create(stored, "B1", "u1", values)
    requested = platforms.set_status(stored, "B1", "Databricks", "Requested", None)
    path = exported(stored, tmp_path)
    state = json.loads(path.read_text())
    state["use_cases"][0]["solution"] = "File"
    path.write_text(json.dumps(state))
    case = use_cases.get(stored, "u1")
    use_cases.update(stored, "u1", {"status": "Completed"}, case.updated_at)
    platforms.set_status(stored, "B1", "Databricks", "In Progress", requested.updated_at)
    run(stored, path, on_conflict="update")
    detail = accounts.get_detail(stored, "B1")
    (found,) = detail.use_cases
    assert (found.solution, found.status) == ("File", "Completed")
    assert [each.status for each in detail.platforms if each.id] == ["In Progress"]


@pytest.mark.parametrize(("empty", "vp"), [("", "Vera"), ("keep", "Vera"), ("clear", None)])
def test_an_empty_cell_keeps_or_clears(
    stored: Warehouse, tmp_path: Path, empty: str, vp: str | None
) -> None:
    path = written(tmp_path, "accounts.csv", "bsnid,team,vp\nB1,New,\nB2,Old,\n")
    outcomes, findings = run(stored, path, on_conflict="update", empty=empty)
    assert [accounts.get(stored, bsnid).vp for bsnid in ("B1", "B2")] == [vp, vp]
    assert accounts.get(stored, "B1").team == "New"
    assert outcomes[0].written == (1 if vp else 2)
    cleared = "is empty in the file; the stored value is cleared"
    assert [r for r in reasons(findings, CHANGED) if cleared in r] == (
        []
        if vp
        else [f"accounts.csv, row 2, vp: {cleared}", f"accounts.csv, row 3, vp: {cleared}"]
    )
