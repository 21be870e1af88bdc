"""The differences between two moments, as sentences."""

from __future__ import annotations

import datetime as dt
import time
import uuid

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, UPDATES, USE_CASES
from crm.repository import versions
from crm.repository.past import diff
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

    then = versions.as_of(sample, moment).namespace
    with statements() as done:
        changes = diff.find_changes(sample, then, sample.namespace, "BSN001")
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

    everything = diff.find_changes(sample, then, sample.namespace)
    assert {change.bsnid for change in everything} == {"BSN001", "BSN002"}
    counts = diff.count_changes(
        sample, {table: then.table(table) for table in TABLES}, sample.namespace
    )
    assert counts[ACCOUNTS] == (0, 1, 1)
    assert counts[UPDATES][0] == 1
    assert sum(sum(counts[table]) for table in TABLES) == len(everything)


def test_equal_moments_have_no_differences(sample: Warehouse) -> None:
    assert diff.find_changes(sample, sample.namespace, sample.namespace) == []
