from __future__ import annotations

from crm.model.records import Facet
from crm.repository.records import accounts, overview, platforms, use_cases
from crm.warehouse import Warehouse

from ..conftest import Statements


def test_figures_of_the_sample_data(sample: Warehouse, statements: Statements) -> None:
    with statements() as done:
        found = overview.load(sample)
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
    found = overview.load(warehouse)
    assert (found.accounts, found.use_cases, found.updates) == (0, 0, ())
    assert (found.adoption, found.pipeline, found.tiers, found.areas) == ({}, {}, {}, ())


def test_gaps_and_unknown_words_are_counted(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "A"})
    accounts.create(warehouse, {"bsnid": "B", "business_area": "Finance"})
    platforms.set_status(warehouse, "A", "Fabric", "Trial", None)
    platforms.set_status(warehouse, "A", "Databricks", "", None)
    use_cases.create(warehouse, "A", "1", {"problem": "p", "enablement_tier": "Tier 2"})
    found = overview.load(warehouse)
    assert found.adoption == {
        "Databricks": {"Not Started": 2},
        "Fabric": {"Not Started": 1, "Trial": 1},
    }
    assert (found.pipeline, found.tiers) == ({"": 1}, {"Tier 2": 1})
    assert found.areas == (Facet("", 1), Facet("Finance", 1))
