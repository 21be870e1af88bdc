"""The differences between two moments, as sentences."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from dataclasses import replace

import pytest

from crm import sample_data
from crm.model.changes import CHANGED, CREATED, DELETED, Change
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, UPDATES, USE_CASES
from crm.repository import versions
from crm.repository.errors import Missing
from crm.repository.past import diff, restore_tables
from crm.repository.past._both_sides import count_changes
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.warehouse import Warehouse

from ..conftest import Statements


def test_everything_that_differs(sample: Warehouse, statements: Statements) -> None:
    moment = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    detail = accounts.get_detail(sample, "BSN001")
    case, update = detail.use_cases[0], detail.updates[0]
    accounts.update(sample, "BSN001", {"team": "Renamed", "vp": None}, detail.account.updated_at)
    use_cases.update(sample, case.id, {"status": "On Hold"}, case.updated_at)
    updates.delete(sample, update.id)
    new = str(uuid.uuid4())
    updates.create(sample, "BSN001", new, {"author": "Ana", "description": "Go\nlive"})
    platform = next(p for p in detail.platforms if p.platform == "Databricks")
    platforms.set_status(sample, "BSN001", "Databricks", "Requested", platform.updated_at)
    accounts.delete(sample, "BSN002")

    past = versions.as_of(sample, moment)
    with statements() as done:
        _, changes = diff.find_in_account(past, "BSN001")
    assert len(done) == 1
    sentences = {
        change.table: change.what for change in changes if change.key not in (new, update.id)
    }
    assert sentences == {
        ACCOUNTS: "changed Team and VP of the account Renamed",
        PLATFORMS_STATUS: f"moved Databricks from {platform.status} to Requested",
        USE_CASES: f"moved the use case “{case.problem[:80].rstrip()}…” from {case.status} to On Hold",
    }
    wrote, deleted = (next(c for c in changes if c.key == key) for key in (new, update.id))
    assert wrote.what == "wrote the update “Go live”"
    assert wrote.after["description"] == "Go\nlive"
    assert deleted.what.startswith("deleted the update “")
    assert deleted.before["date"] == update.date.isoformat()
    assert {change.team for change in changes} == {"Renamed"}
    team = next(c for c in changes if c.table is ACCOUNTS).fields[0]
    assert (team.before, team.after) == (detail.account.team, "Renamed")

    everything = diff.find_changes(past)
    assert {change.bsnid for change in everything} == {"BSN001", "BSN002"}
    require_counts(sample, past, len(everything))


def require_counts(wh: Warehouse, past: Warehouse, total: int) -> None:
    before = {table: past.namespace.table(table) for table in TABLES}
    counts = count_changes(wh, before)
    assert counts[ACCOUNTS] == (0, 1, 1)
    assert counts[UPDATES][0] == 1
    assert sum(sum(counts[table]) for table in TABLES) == total


def change_in_many_ways(wh: Warehouse) -> None:
    """Change the tables by the app and in SQL, with keys that come and go."""

    def run(sql: str) -> None:
        tables = {table.name: wh.namespace.table(table) for table in TABLES}
        wh.execute(sql.format(**tables), repeatable=False)

    account = accounts.get(wh, "BSN001")
    accounts.update(wh, "BSN001", {"team": "Twice"}, account.updated_at)
    again = accounts.get(wh, "BSN001").updated_at
    accounts.update(wh, "BSN001", {"team": account.team}, again)  # no difference
    run("UPDATE {use_cases} SET account_bsnid = 'BSN002' WHERE account_bsnid = 'BSN004'")
    run("UPDATE {accounts} SET team = NULL WHERE bsnid = 'BSN002'")
    run("DELETE FROM {accounts} WHERE bsnid = 'BSN005'")  # its children stay
    run("INSERT INTO {accounts} (bsnid, team) VALUES ('BSN005', 'Back'), ('NEW', 'New')")
    run("DELETE FROM {accounts} WHERE bsnid IN ('BSN003', 'NEW')")
    run("UPDATE {platforms_status} SET status = 'Requested' WHERE account_bsnid = 'BSN003'")


def test_the_feeds_show_the_same_as_the_whole_tables(
    sample: Warehouse, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After writes by the app and outside it, restores, and keys that came and went."""
    restored = restore_tables.latest_versions(sample)[UPDATES]
    updates.create(sample, "BSN001", str(uuid.uuid4()), {"description": "Gone after the restore"})
    moment = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    past = versions.as_of(sample, moment)
    assert diff.find_changes(past) == []
    past_team = {b: accounts.get(sample, b).team for b in ("BSN002", "BSN003", "BSN004")}

    restore_tables.restore_version(sample, UPDATES, restored)
    change_in_many_ways(sample)

    asked = ["", "BSN001", "BSN002", "BSN004", "BSN005", "BSN003"]
    with statements() as done:
        by_feed = [changes_of(past, bsnid) for bsnid in asked]
    assert len(done) == len(asked)
    assert not any("VERSION AS OF" in sql for sql in done)
    monkeypatch.setattr(diff, "FEW", -1)  # many: each feed is read once more, for hashes
    with statements() as done:
        assert diff.find_changes(past) == by_feed[0]
    assert done[0].count("table_changes") == 2 * len(TABLES)
    kinds = {(each.bsnid, each.kind) for each in by_feed[0] if each.table is ACCOUNTS}
    assert kinds == {("BSN002", CHANGED), ("BSN005", CHANGED), ("BSN003", DELETED)}
    assert [change.kind for change in by_feed[1]] == [DELETED]
    # A child that moved counts as changed, for both accounts.
    for number, bsnid in ((2, "BSN002"), (3, "BSN004")):
        moved = [change for change in by_feed[number] if change.table is USE_CASES]
        ends = {change.what[-33:] for change in moved}
        assert ends == {"from the account BSN004 to BSN002"}
        assert {change.team for change in moved} == {past_team[bsnid]}
    assert all(change.team for change in by_feed[0])
    with pytest.raises(Missing):
        diff.find_in_account(past, "NEW")

    monkeypatch.setattr(diff, "_starts", lambda *_: None)
    assert [changes_of(past, bsnid) for bsnid in asked] == by_feed
    assert diff.find_in_account(past, "BSN003") == (past_team["BSN003"], by_feed[-1])


def changes_of(past: Warehouse, bsnid: str) -> list[Change]:
    return diff.find_in_account(past, bsnid)[1] if bsnid else diff.find_changes(past)


def insert(wh: Warehouse, bsnid: str, team: str, minute: int) -> None:
    row = f"'{bsnid}', '{team}', TIMESTAMP '2050-01-01 00:{minute:02}:00Z'"
    table = wh.namespace.table(ACCOUNTS)
    sql = f"INSERT INTO {table} (bsnid, team, updated_at) VALUES ({row})"
    wh.execute(sql, repeatable=False)


def change_one_of_several_rows(wh: Warehouse) -> None:
    def run(sql: str) -> None:
        wh.execute(sql.format(accounts=wh.namespace.table(ACCOUNTS)), repeatable=True)

    # Of BSN001 the row that pages show goes, of BSN002 the other one.
    run("DELETE FROM {accounts} WHERE team = 'Second of BSN001'")
    run("DELETE FROM {accounts} WHERE bsnid = 'BSN002' AND updated_at < '2049-01-01'")
    run("DELETE FROM {accounts} WHERE bsnid = 'BSN003'")
    run("UPDATE {accounts} SET vp = 'Z' WHERE bsnid = 'BSN004' AND updated_at < '2049-01-01'")
    run("UPDATE {accounts} SET vp = 'A' WHERE team = 'Second of BSN004'")
    insert(wh, "BSN005", "Second of BSN005", 1)
    insert(wh, "NEW", "Second", 2)
    insert(wh, "NEW", "First", 1)


def test_of_several_rows_with_one_key_the_one_that_pages_show_counts(
    sample: Warehouse, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is the row that was changed last. If one row of a record stays, the record is not
    deleted."""
    for bsnid in ("BSN001", "BSN002", "BSN003", "BSN004"):
        insert(sample, bsnid, f"Second of {bsnid}", 1)
    moment = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    past = versions.as_of(sample, moment)
    change_one_of_several_rows(sample)

    with statements() as done:
        changes = diff.find_changes(past)
    assert len(done) == 2  # one more, because there are such rows
    assert "VERSION AS OF" not in done[0]
    team = {row["bsnid"]: row["team"] for row in sample_data.rows(moment.date())[ACCOUNTS]}
    found = {change.bsnid: (change.kind, _teams(change)) for change in changes}
    assert found == {
        "BSN001": (CHANGED, ("Second of BSN001", team["BSN001"])),
        "BSN003": (DELETED, ("Second of BSN003", None)),
        "BSN004": (CHANGED, ("Second of BSN004", "Second of BSN004")),
        "BSN005": (CHANGED, (team["BSN005"], "Second of BSN005")),
        "NEW": (CREATED, (None, "Second")),
    }
    assert [c.what for c in changes if c.bsnid == "BSN004"] == [
        "changed VP of the account Second of BSN004"
    ]
    assert changes_of(past, "BSN002") == []

    monkeypatch.setattr(diff, "_starts", lambda *_: None)
    assert diff.find_changes(past) == changes


def _teams(change: Change) -> tuple[str | None, str | None]:
    before, after = change.before, change.after
    return before and before["team"], after and after["team"]


def test_whole_tables_are_compared_where_a_feed_does_not_reach_back(
    sample: Warehouse, statements: Statements
) -> None:
    moment = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    for state in ("false", "true"):
        sql = "ALTER TABLE {table} SET TBLPROPERTIES (delta.enableChangeDataFeed = {state})"
        table = sample.namespace.table(ACCOUNTS)
        sample.execute(sql.format(table=table, state=state), repeatable=True)
        sample.execute(
            f"UPDATE {table} SET vp = '{state}' WHERE bsnid = 'BSN001'", repeatable=True
        )
    past = versions.as_of(sample, moment)
    for most in (20, 1):  # the first time, the starts of the feeds are searched for
        with statements() as done:
            [change] = diff.find_changes(past)
        assert change.after["vp"] == "true"
        assert len(done) <= most
    assert "VERSION AS OF" in done[0]


def test_a_child_that_moved_and_changed_is_shown_with_both() -> None:
    before = {"account_bsnid": "B2", "problem": "Claims", "status": "On Hold"}
    here = {**before, "account_bsnid": "B1"}
    case = Change(USE_CASES, "u1", "B1", before, {**here, "leader": "Lea"})
    moved = ", and moved it from the account B2 to B1"
    assert case.what == f"changed Leader of the use case “Claims”{moved}"
    case = replace(case, after={**here, "status": "Completed"})
    assert case.what == f"moved the use case “Claims” from On Hold to Completed{moved}"
    before = {"account_bsnid": "B2", "platform": "Snowflake", "status": "Requested"}
    after = {**before, "account_bsnid": "B1", "status": "Completed"}
    status = Change(PLATFORMS_STATUS, "s1", "B1", before, after)
    assert status.what == f"moved Snowflake from Requested to Completed{moved}"
    status = replace(status, after={**before, "status": "Completed"})
    assert status.what == "moved Snowflake from Requested to Completed"
    status = replace(status, after={**after, "platform": "Databricks"})
    assert status.what == f"changed Snowflake (Requested) to Databricks (Completed){moved}"
