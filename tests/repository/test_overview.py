from __future__ import annotations

import datetime as dt
from dataclasses import replace

from crm.model.records import Facet, Listing
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES
from crm.repository.records import accounts, overview, platforms, use_cases
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse
from tests.limits import LIMITS

from ..broken_rows import NEW, insert
from ..conftest import Statements


def test_figures_of_the_sample_data(sample: Warehouse, statements: Statements) -> None:
    with statements() as done:
        found = overview.load(sample, LIMITS)
    assert len(done) == 1
    assert (found.accounts, found.use_cases, found.active_use_cases) == (5, 11, 5)
    assert found.updates_30_days == 14
    assert list(found.adoption) == ["Databricks", "Snowflake", "Power Platform"]
    assert found.adoption["Databricks"] == {
        "Not Started": 1,
        "Requested": 1,
        "In Progress": 2,
        "Completed": 1,
    }
    assert all(sum(by_status.values()) == 5 for by_status in found.adoption.values())
    assert list(found.pipeline) == [
        "Not Started",
        "Planning",
        "Active",
        "In Progress",
        "On Hold",
        "Completed",
        "Cancelled",
    ]
    assert sum(found.pipeline.values()) == sum(found.tiers.values()) == 11
    assert list(found.tiers) == ["Self-Service", "Guided", "Managed"]
    assert len(found.areas) == 5
    assert len(found.updates) == overview.LATEST_UPDATES
    assert found.updates[0].team == "Claims Analytics"
    dates = [update.date for update in found.updates]
    assert dates == sorted(dates, reverse=True)  # type: ignore[type-var]


def test_figures_of_empty_tables(warehouse: Warehouse) -> None:
    found = overview.load(warehouse, LIMITS)
    assert (found.accounts, found.use_cases, found.updates) == (0, 0, ())
    assert (found.adoption, found.pipeline, found.tiers, found.areas) == ({}, {}, {}, ())


def test_gaps_and_unknown_words_are_counted(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "A"})
    accounts.create(warehouse, {"bsnid": "B", "business_area": "Finance"})
    platforms.set_status(warehouse, "A", "Fabric", "Trial", None)
    platforms.set_status(warehouse, "A", "Databricks", "", None)
    use_cases.create(warehouse, "A", "1", {"problem": "p", "enablement_tier": "Tier 2"})
    found = overview.load(warehouse, LIMITS)
    assert found.adoption == {
        "Databricks": {"Not Started": 2},
        "Fabric": {"Not Started": 1, "Trial": 1},
    }
    assert (found.pipeline, found.tiers) == ({"": 1}, {"Tier 2": 1})
    assert found.areas == (Facet("", 1), Facet("Finance", 1))


def test_the_newest_of_several_statuses_for_a_platform_counts(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "A", "team": "T"})
    rows = [
        ("1", "Databricks", "Completed", dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        ("2", "Databricks", "Requested", dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
        ("3", "Snowflake", "", None),
        ("4", "", "Completed", None),
    ]
    names = ("id", "platform", "status", "updated_at")
    given = [dict(zip(names, row, strict=True)) | {"account_bsnid": "A"} for row in rows]
    insert_missing(warehouse, PLATFORMS_STATUS, given)
    assert overview.load(warehouse, LIMITS).adoption == {
        "Databricks": {"Requested": 1},
        "Snowflake": {"Not Started": 1},
    }
    (row,) = accounts.search(warehouse, Listing()).rows
    assert row.statuses == {"Databricks": "Requested", "Snowflake": "Not Started"}


def test_updates_of_the_last_thirty_days_are_counted_and_the_newest_shown(
    warehouse: Warehouse,
) -> None:
    today = dt.datetime.now(dt.UTC).date()
    written = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    ages = [0, 29, 30, *range(31, 31 + overview.LATEST_UPDATES)]
    rows = [
        {
            "id": f"{age:02}",
            "account_bsnid": "A",
            "date": today - dt.timedelta(days=age),
            # The older the date, the later it was written.
            "created_at": written + dt.timedelta(days=age),
        }
        for age in ages
    ]
    insert_missing(warehouse, UPDATES, rows)
    # Two rows have the account's key, and a status has no account.
    insert(warehouse, ACCOUNTS, {"bsnid": "A", "team": "One"}, {"bsnid": "A", "team": "Two"})
    insert(warehouse, PLATFORMS_STATUS, id="s", account_bsnid="?", platform="P", status="Trial")
    found = overview.load(warehouse, replace(LIMITS, status_before={"Trial": NEW}))
    assert found.attention == {"no partner": 2, "on hold": 0}
    assert found.updates_30_days == 2
    shown = [update.id for update in found.updates]
    assert shown == [f"{age:02}" for age in ages[: overview.LATEST_UPDATES]]
