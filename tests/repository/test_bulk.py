"""A bulk change of accounts: what the preview finds, and what one statement writes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest

from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, CHILDREN, MAX_TEXT, PLATFORMS_STATUS
from crm.repository import operations
from crm.repository.bulk import actions, selection
from crm.repository.bulk.actions import Action, SetField, SetStatus, WriteUpdate
from crm.repository.bulk.change import Preview, preview, write
from crm.repository.bulk.outcome import LeftAlone, Outcome
from crm.repository.bulk.selection import Planned, Selection
from crm.repository.bulk.written import count_written
from crm.repository.errors import HalfDone, TooMany
from crm.repository.operations import Operation
from crm.repository.records import accounts, platforms
from crm.repository.steps import Earlier
from crm.warehouse import Warehouse
from crm.warehouse.connector import MAX_BYTES

from ..broken_rows import insert
from ..conftest import LocalWarehouse, Statements
from ..schemas import CONTENTS

ALL = Selection(Listing())
HAND_OVER = SetField("primary_it_partner", "Anna")
COMPLETED = SetStatus("Databricks", "Completed")
UPDATE = WriteUpdate({"author": "Dana", "date": dt.date(2026, 3, 31), "description": "Moved"})


def write_team(wh: Warehouse) -> None:
    """Write three accounts; B2 has Anna already, and B3 a status for Databricks."""
    for bsnid, partner in (("B1", "Bob"), ("B2", "Anna"), ("B3", "")):
        values = {"bsnid": bsnid, "team": f"Team {bsnid}", "primary_it_partner": partner}
        accounts.create(wh, values)
    platforms.set_status(wh, "B3", "Databricks", "Requested", None)


CONTENTS["team"] = write_team


@pytest.fixture
def team(warehouse: Warehouse) -> Warehouse:
    """The tables after ``write_team``."""
    return warehouse


def begin(wh: Warehouse) -> Operation:
    return operations.new(wh, operations.BULK)


def keys(rows: Sequence[Planned]) -> list[str]:
    return [row.key for row in rows]


def apply(wh: Warehouse, action: Action, of: Selection = ALL) -> Outcome:
    return write(wh, begin(wh), action, preview(wh, of, action).changes)


def stored(wh: Warehouse, bsnid: str) -> dict[str, str]:
    return {row.platform: row.status for row in accounts.get_detail(wh, bsnid).platforms}


def test_a_preview_shows_old_values_and_who_has_the_new_one(team: Warehouse) -> None:
    found = preview(team, ALL, HAND_OVER)
    assert [(row.key, row.name, row.old) for row in found.changes] == [
        ("B1", "Team B1", "Bob"),
        ("B3", "Team B3", None),
    ]
    assert (keys(found.same), found.missing) == (["B2"], ())


def test_the_filter_and_the_keys_select(team: Warehouse, statements: Statements) -> None:
    listing = Listing(q="team", filters={"platform": ("Databricks",)})
    with statements() as done:
        assert keys(preview(team, Selection(listing), HAND_OVER).changes) == ["B3"]
    assert len(done) == 1
    found = preview(team, Selection(Listing(), ("B1", "NONE")), HAND_OVER)
    assert (keys(found.changes), found.missing) == (["B1"], ("NONE",))


def test_a_field_is_set_in_one_statement(team: Warehouse, statements: Statements) -> None:
    changes = preview(team, ALL, HAND_OVER).changes
    with statements() as done:
        assert write(team, begin(team), HAND_OVER, changes) == Outcome(2)
    assert len([text for text in done if "DESCRIBE" not in text and "SHOW" not in text]) == 1
    for bsnid in ("B1", "B2", "B3"):
        assert accounts.get(team, bsnid).value("primary_it_partner") == "Anna"
    assert apply(team, SetField("primary_it_partner", "")) == Outcome(3)
    assert accounts.get(team, "B1").value("primary_it_partner") is None


def test_what_changed_since_the_preview_is_left_alone(team: Warehouse) -> None:
    changes = preview(team, ALL, HAND_OVER).changes
    accounts.update(team, "B1", {"vp": "V"}, accounts.get(team, "B1").updated_at)
    accounts.delete(team, "B3")
    left = (LeftAlone("B1", "Team B1", False), LeftAlone("B3", "B3", True))
    assert write(team, begin(team), HAND_OVER, changes) == Outcome(0, left)
    assert accounts.get(team, "B1").value("primary_it_partner") == "Bob"


def test_an_edit_that_keeps_the_id_counts_no_row_twice(team: Warehouse) -> None:
    """As one in an SQL editor does."""
    found = preview(team, ALL, HAND_OVER)
    operation = replace(begin(team), began=found.moment)
    assert write(team, operation, HAND_OVER, found.changes) == Outcome(2)
    sql = f"UPDATE {team.namespace.table(ACCOUNTS)} SET vp = 'V' WHERE bsnid = 'B1'"
    team.execute(sql, repeatable=False)
    assert count_written(team, operation, ACCOUNTS, "bsnid") == {"B1": 1, "B3": 1}


def test_a_status_is_set_where_there_was_none_and_where_there_was_one(team: Warehouse) -> None:
    found = preview(team, ALL, COMPLETED)
    assert [(row.key, row.old, row.is_new) for row in found.changes] == [
        ("B1", None, True),
        ("B2", None, True),
        ("B3", "Requested", False),
    ]
    assert write(team, begin(team), COMPLETED, found.changes) == Outcome(3)
    assert [stored(team, bsnid) for bsnid in ("B1", "B3")] == [{"Databricks": "Completed"}] * 2
    again = preview(team, ALL, COMPLETED)
    assert (again.changes, keys(again.same)) == ((), ["B1", "B2", "B3"])
    # Who has no status counts as Not Started.
    assert keys(preview(team, ALL, SetStatus("Snowflake", "Not Started")).same) == keys(again.same)


def test_a_status_that_changed_since_the_preview_is_left_alone(team: Warehouse) -> None:
    changes = preview(team, ALL, COMPLETED).changes
    platforms.set_status(team, "B1", "Databricks", "Requested", None)
    seen = platforms.list_for(team, "B3")[0].updated_at
    platforms.set_status(team, "B3", "Databricks", "In Progress", seen)
    accounts.delete(team, "B2")
    done = write(team, begin(team), COMPLETED, changes)
    assert [(each.key, each.is_gone) for each in done.left] == [
        ("B1", False),
        ("B2", True),
        ("B3", False),
    ]
    assert (stored(team, "B1"), stored(team, "B3")) == (
        {"Databricks": "Requested"},
        {"Databricks": "In Progress"},
    )
    assert len(platforms.list_for(team, "B2")) == 0


def test_an_update_is_written_to_each(team: Warehouse) -> None:
    assert apply(team, UPDATE, Selection(Listing(), ("B1", "B3"))) == Outcome(2)
    texts = [
        [u.value("description") for u in accounts.get_detail(team, b).updates]
        for b in ("B1", "B2", "B3")
    ]
    assert texts == [["Moved"], [], ["Moved"]]


@pytest.mark.parametrize("action", [HAND_OVER, COMPLETED, UPDATE])
@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_lost_answer_changes_no_number_and_doubles_nothing(
    team: Warehouse, server: LocalWarehouse, action: Action, kind: str
) -> None:
    found, operation = preview(team, ALL, action), begin(team)
    server.fault(kind, match="MERGE INTO")
    assert write(team, operation, action, found.changes) == Outcome(len(found.changes))
    # The form may be sent again, too.
    assert write(team, operation, action, found.changes) == Outcome(len(found.changes))
    detail = accounts.get_detail(team, "B1")
    assert len(detail.updates) == (action is UPDATE)
    assert len(platforms.list_for(team, "B3")) == 1


def test_duplicates_change_as_an_edit_changes_them(team: Warehouse) -> None:
    """The row that changed last, and no second status of an account."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    insert(team, ACCOUNTS, bsnid="B1", team="Twin", primary_it_partner="Old", updated_at=later)
    insert(
        team,
        PLATFORMS_STATUS,
        id="x",
        account_bsnid="B3",
        platform="Databricks",
        status="In Progress",
        updated_at=later,
    )
    found = preview(team, Selection(Listing(), ("B1",)), HAND_OVER)
    assert [(row.key, row.name, row.old) for row in found.changes] == [("B1", "Twin", "Old")]
    assert write(team, begin(team), HAND_OVER, found.changes) == Outcome(1)
    rows = team.query(
        f"SELECT team, primary_it_partner AS p FROM {team.namespace.table(ACCOUNTS)} "
        "WHERE bsnid = 'B1' ORDER BY team"
    )
    assert [(row["team"], row["p"]) for row in rows] == [("Team B1", "Bob"), ("Twin", "Anna")]
    found = preview(team, Selection(Listing(), ("B3",)), COMPLETED)
    assert [row.old for row in found.changes] == ["In Progress"]
    assert write(team, begin(team), COMPLETED, found.changes) == Outcome(1)
    assert sorted(row.status for row in platforms.list_for(team, "B3")) == [
        "Completed",
        "Requested",
    ]


def test_rows_of_one_key_hide_no_account_that_was_left_alone(team: Warehouse) -> None:
    """Two rows of B1 are written, and none of B3: as many rows as accounts were planned."""
    at = accounts.get(team, "B1").updated_at
    insert(team, ACCOUNTS, bsnid="B1", team="Twin", primary_it_partner="Bob", updated_at=at)
    changes = preview(team, ALL, HAND_OVER).changes
    accounts.update(team, "B3", {"vp": "V"}, accounts.get(team, "B3").updated_at)
    left = (LeftAlone("B3", "Team B3", False),)
    assert write(team, begin(team), HAND_OVER, changes) == Outcome(1, left)


def test_a_row_that_was_taken_back_is_no_change_and_one_that_others_deleted_is(
    team: Warehouse, server: LocalWarehouse
) -> None:
    """Somebody has set a first status of B2 and deleted B9 just before, and deletes B1 later."""
    found = preview(team, Selection(Listing(), ("B1", "B2")), COMPLETED)
    operation = replace(begin(team), began=found.moment)
    insert(team, PLATFORMS_STATUS, id="x", account_bsnid="B2", platform="Databricks")
    team.execute(
        f"INSERT INTO {team.namespace.table(PLATFORMS_STATUS)} "
        "(id, account_bsnid, platform, status, created_at, updated_at, change_id) "
        "SELECT k, k, 'Databricks', 'Completed', NOW(), NOW(), :id "
        "FROM VALUES ('B1'), ('B2'), ('B9') AS v(k)",
        {"id": operation.id},
        repeatable=False,
    )
    changes = (*found.changes, Planned("B9", "Team B9", is_new=True))
    outcome = Outcome(1, (LeftAlone("B2", "Team B2", False), LeftAlone("B9", "B9", True)))
    again = Earlier(operation.id, 1)
    server.fault("http_status", times=None, status=400, match="DELETE FROM")
    with pytest.raises(HalfDone):
        write(team, operation, COMPLETED, changes, again)
    server.clear_faults()
    for delete in (accounts.delete, lambda *_: None):
        assert write(team, operation, COMPLETED, changes, again) == outcome
        kept = [*platforms.list_for(team, "B2"), *platforms.list_for(team, "B9")]
        assert [row.id for row in kept] == ["x"]
        delete(team, "B1")


def test_more_than_one_operation_takes_is_refused(
    team: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "MOST", 2)
    with pytest.raises(TooMany):
        preview(team, ALL, HAND_OVER)
    assert len(preview(team, Selection(Listing(), ("B1", "B3")), HAND_OVER).changes) == 2


def test_the_rows_of_one_operation_fit_into_a_statement() -> None:
    row = Planned("B" * 64, "", None, 2**52, is_new=True)
    given = actions._json([row] * selection.MOST, {row.key: "0" * 36})
    assert len(given) + 4 * MAX_TEXT < MAX_BYTES


def test_masked_columns_are_refused(team: Warehouse) -> None:
    changes = preview(team, ALL, HAND_OVER).changes
    operation = Operation(
        "a" * 32, operations.BULK, "a", {"accounts": frozenset({HAND_OVER.column})}
    )
    with pytest.raises(ValueError, match="masked"):
        write(team, operation, HAND_OVER, changes)
    with pytest.raises(ValueError, match="no column bsnid"):
        preview(team, ALL, SetField("bsnid", "B9"))


def test_a_preview_of_nothing(warehouse: Warehouse) -> None:
    assert preview(warehouse, ALL, HAND_OVER) == Preview((), children=dict.fromkeys(CHILDREN, 0))
