"""Rows that mean stored ones: without ids, or with keys that are almost the same."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from crm.importing.findings import CHANGED, NOTED, REFUSED
from crm.repository.records import accounts
from crm.repository.similar_keys import similar_keys
from crm.repository.transfer.matching.fold import DIFFERENCES
from crm.warehouse import Warehouse

from .test_cases import CASES
from .using import added, reasons, run


def without_ids(to: Path, changes: dict[str, tuple[str, str]]) -> Path:
    """A copy of the case whose children have no ids, some words of its files changed."""
    shutil.copytree(CASES / "no-ids", to)
    for name, (old, new) in changes.items():
        file = to / name
        file.write_text(file.read_text().replace(old, new))
    return to


def test_children_without_ids_are_matched_by_what_they_say(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    run(warehouse, CASES / "no-ids")
    changes = {
        "use_cases.csv": ("S1", "S2"),
        "updates.csv": ("a,2025-06-27,Typo", "A\u00a0,2025-06-27,Word"),
    }
    path = without_ids(tmp_path / "again", changes)
    outcomes, findings = run(warehouse, path, dry_run=True)
    assert [outcome.states["different"] for outcome in outcomes] == [0, 0, 1, 1]
    remarks = "\n".join(reasons(findings, CHANGED))
    assert "row 2, id: matches the stored use case with the same Account and Problem" in remarks
    assert (
        "row 2, id: matches the stored update with the same Account and Author and Date" in remarks
    )
    outcomes, _ = run(warehouse, path, on_conflict="update")
    assert added(outcomes) == {"accounts": 0, "platforms_status": 0, "use_cases": 1, "updates": 1}
    detail = accounts.get_detail(warehouse, "X1")
    assert [case.solution for case in detail.use_cases] == ["S2"]
    assert [update.description for update in detail.updates] == ["Word here"]


def test_children_of_one_meaning_are_not_mixed_up(warehouse: Warehouse, tmp_path: Path) -> None:
    """Of two updates by one person on one day, the one that equals no stored update is the changed
    one."""
    accounts.create(warehouse, {"bsnid": "X1", "team": "T"})
    file = tmp_path / "updates.csv"

    def import_updates(*descriptions: str) -> set[str | None]:
        lines = [f"X1,a,2025-06-27,{description}" for description in descriptions]
        file.write_text("\n".join(["bsnid,author,date,description", *lines]))
        run(warehouse, file, on_conflict="update")
        updates = accounts.get_detail(warehouse, "X1").updates
        return {update.description for update in updates}

    assert import_updates("First", "Second") == {"First", "Second"}
    assert import_updates("First", "Third") == {"First", "Third"}
    # If both changed, nobody can tell which is which: they are new, which the command asks about.
    everything = {"First", "Third", "Word", "Fourth"}
    file.write_text(file.read_text().replace("First", "Word").replace("Third", "Fourth"))
    output = io.StringIO()
    with pytest.raises(CommandError, match="--accept-doubts"):
        call_command("import_legacy", file, stdout=output)
    assert "Doubtful: 2 updates, the first at updates.csv, row 2, have no id" in output.getvalue()
    _, findings = run(warehouse, file, dry_run=True)
    noted = "\n".join(reasons(findings, NOTED))
    assert "may be a stored update with the same Account and Author and Date, or a new" in noted
    assert import_updates("Word", "Fourth") == everything
    # Now each is a stored row, so nothing is unclear.
    call_command("import_legacy", file, stdout=output)


def test_keys_that_are_almost_the_same_are_reported(warehouse: Warehouse, tmp_path: Path) -> None:
    run(warehouse, CASES / "keys" / "first.csv")
    (tmp_path / "accounts.csv").write_text("bsnid,team\nnk1 ,T\nNEW1,T\nNew1,T\n")
    partners = "id,account_uid,primary_it_partner\n1,GONE,Zoë\n"
    (tmp_path / "primary_it_partners.csv").write_text(partners)
    updates = "id,bsnid,description\nu,Nk1,d\nv,new1,e\nw,gone,f\n"
    (tmp_path / "updates.csv").write_text(updates)
    _, findings = run(warehouse, tmp_path, dry_run=True)
    noted = "\n".join(reasons(findings, NOTED))
    assert "row 2, bsnid: is new, but its key differs from that of account NK1 only in" in noted
    assert "row 4, bsnid: its key differs from that of accounts.csv, row 3 only in case" in noted
    assert reasons(findings, REFUSED) == [
        "primary_it_partners.csv, row 2, bsnid: its account GONE does not exist",
        "updates.csv, row 2, account_bsnid: its account Nk1 does not exist, but there is NK1, "
        f"which differs only in {DIFFERENCES}",
        "updates.csv, row 3, account_bsnid: its account new1 does not exist, but there is NEW1, "
        f"which differs only in {DIFFERENCES}",
        # A refused row is no account that could be meant.
        "updates.csv, row 4, account_bsnid: its account gone does not exist",
    ]


def test_keys_that_are_almost_the_same_need_consent(warehouse: Warehouse, tmp_path: Path) -> None:
    run(warehouse, CASES / "keys" / "first.csv")
    path, output = tmp_path / "accounts.csv", io.StringIO()
    path.write_text("bsnid,team\nnk1 ,T\nNEW1,T\nNew1,T\n")
    with pytest.raises(CommandError, match="Nothing was imported.*--accept-doubts"):
        call_command("import_legacy", path, stdout=output)
    assert "The BSNIDs of 2 new accounts, the first at accounts.csv, row 2" in output.getvalue()
    assert accounts.get(warehouse, "NEW1") is None
    call_command("import_legacy", path, accept_doubts=True, stdout=output)
    assert "Doubtful" not in output.getvalue().split("accounts: 3 added")[1]
    # Now each is a stored row.
    call_command("import_legacy", path, stdout=output)


def test_the_second_of_two_files_is_the_same_account(warehouse: Warehouse) -> None:
    run(warehouse, CASES / "keys" / "first.csv")
    outcomes, _ = run(warehouse, CASES / "keys" / "second.csv", on_conflict="update")
    assert outcomes[0].states == {"different": 1}
    assert accounts.get(warehouse, "NK1").vp == "v2"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("accounts.csv", "bsnid,team\n,T\n", "Nothing was imported: the source has no row"),
        ("accounts.csv", "bsnid,team\n", "Nothing was imported: the source has no row"),
        ("state.json", '{"accounts": {}, "updates": []}', "Nothing was imported"),
        ("state.json", '{"accounts": 5}', "Nothing was imported"),
        ("state.json", "[]", "Nothing to import in state.json"),
        ("state.txt", '{"accounts": {"B1"', "it ends in the middle"),
    ],
)
def test_importing_nothing_is_no_success(
    warehouse: Warehouse, tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    for options in ({}, {"dry_run": True}):
        with pytest.raises(CommandError, match=message):
            call_command("import_legacy", tmp_path / name, stdout=io.StringIO(), **options)


def test_importing_what_is_stored_is_a_success(warehouse: Warehouse) -> None:
    for _ in range(2):
        call_command("import_legacy", CASES / "keys" / "first.csv", stdout=io.StringIO())


def test_zones_and_orders_of_dates_are_checked(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text("bsnid,team,created_at\nB1,T,7/8/2026 22:48\n")
    options = {"dates": "mdy", "zone": "America/New_York"}
    call_command("import_legacy", path, stdout=io.StringIO(), **options)
    stored = accounts.get(warehouse, "B1")
    assert stored.created_at.isoformat() == "2026-07-09T02:48:00+00:00"
    with pytest.raises(CommandError, match="--zone takes a time zone such as Europe/Berlin"):
        call_command("import_legacy", path, zone="Nowhere")


def test_an_equal_key_is_not_one_that_is_almost_the_same(warehouse: Warehouse) -> None:
    for bsnid in ("B1", "b2", "B3", "B-5"):
        accounts.create(warehouse, {"bsnid": bsnid, "team": "T"})
    found = similar_keys(warehouse, ["B1", "B2", " b3 ", "B4", "B\u20115"])
    assert found == {"B2": "b2", " b3 ": "B3", "B\u20115": "B-5"}
