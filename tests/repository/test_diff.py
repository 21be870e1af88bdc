"""The differences between two moments, as sentences."""

from __future__ import annotations

import datetime as dt
import time
import uuid

import pytest

from crm.model.changes import CHANGED, DELETED
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, UPDATES, USE_CASES
from crm.repository import versions
from crm.repository.errors import Missing
from crm.repository.past import diff, restore_tables
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
        changes = diff.find_changes(past, "BSN001")
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
    before = {table: past.namespace.table(table) for table in TABLES}
    counts = diff.count_changes(sample, before)
    assert counts[ACCOUNTS] == (0, 1, 1)
    assert counts[UPDATES][0] == 1
    assert sum(sum(counts[table]) for table in TABLES) == len(everything)


def test_the_feeds_tell_the_same_as_the_whole_tables(
    sample: Warehouse, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After writes by the app and outside it, restores, and keys that came and went."""
    restored = restore_tables.latest_versions(sample)[UPDATES]
    updates.create(sample, "BSN001", str(uuid.uuid4()), {"description": "Gone after the restore"})
    moment = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    past = versions.as_of(sample, moment)
    assert diff.find_changes(past) == []

    def run(sql: str) -> None:
        tables = {table.name: sample.namespace.table(table) for table in TABLES}
        sample.execute(sql.format(**tables), repeatable=False)

    restore_tables.restore_version(sample, UPDATES, restored)
    account = accounts.get(sample, "BSN001")
    accounts.update(sample, "BSN001", {"team": "Twice"}, account.updated_at)
    again = accounts.get(sample, "BSN001").updated_at
    accounts.update(sample, "BSN001", {"team": account.team}, again)  # no difference
    run("UPDATE {use_cases} SET account_bsnid = 'BSN002' WHERE account_bsnid = 'BSN004'")
    run("UPDATE {accounts} SET team = NULL WHERE bsnid = 'BSN002'")
    run("DELETE FROM {accounts} WHERE bsnid = 'BSN005'")  # its children stay
    run("INSERT INTO {accounts} (bsnid, team) VALUES ('BSN005', 'Back'), ('NEW', 'New')")
    run("DELETE FROM {accounts} WHERE bsnid IN ('BSN003', 'NEW')")
    run("UPDATE {platforms_status} SET status = 'Requested' WHERE account_bsnid = 'BSN003'")

    asked = ["", "BSN001", "BSN002", "BSN004", "BSN005", "BSN003"]
    with statements() as done:
        by_feed = [diff.find_changes(past, bsnid) for bsnid in asked]
    assert len(done) == len(asked)
    assert not any("VERSION AS OF" in sql for sql in done)
    kinds = {(change.bsnid, change.kind) for change in by_feed[0] if change.table is ACCOUNTS}
    assert kinds == {("BSN002", CHANGED), ("BSN005", CHANGED), ("BSN003", DELETED)}
    assert [change.kind for change in by_feed[1]] == [DELETED]
    assert all(change.team for change in by_feed[0])
    with pytest.raises(Missing):
        diff.find_changes(past, "NEW")

    monkeypatch.setattr(diff, "_starts", lambda *_: None)
    assert [diff.find_changes(past, bsnid) for bsnid in asked] == by_feed


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
