from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from crm import sample_data
from crm.identity.warehouses import for_person
from crm.model import vocabulary
from crm.model.namespace import Namespace
from crm.model.own_tables import ALL_TABLES
from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, UPDATES, USE_CASES
from crm.repository import ddl
from crm.repository.records import accounts, overview, updates
from crm.warehouse import Warehouse
from tests.broken_rows import insert
from tests.limits import LIMITS

from ..conftest import LocalWarehouse, Statements
from ..schemas import CATALOG


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def place(server: LocalWarehouse, settings: Any) -> list[str]:
    """Arguments for a catalog that does not exist yet."""
    settings.WAREHOUSE = server.config()
    return ["--catalog", f"c_{uuid.uuid4().hex[:8]}", "--schema", "crm", "--prefix", "edip_crm_"]


def test_create_tables_and_seed_data(
    place: list[str], settings: Any, statements: Statements, server: LocalWarehouse
) -> None:
    printed = run("create_tables", *place)
    assert printed.count("created") == len(ALL_TABLES) + 2
    assert "table edip_crm_accounts: created" in printed
    # Even with IF NOT EXISTS, if somebody else creates it at the same moment.
    exists = {"error_class": "TABLE_OR_VIEW_ALREADY_EXISTS", "sqlstate": "42P07"}
    server.fault("error", match="CREATE TABLE .*accounts", **exists)
    with statements() as done:
        printed = run("create_tables", *place)
    assert printed.count("existed already") == len(ALL_TABLES) + 2
    # Users without the right to create a catalog or schema can use an existing one.
    assert not [text for text in done if text.startswith(("CREATE CATALOG", "CREATE SCHEMA"))]
    assert "accounts: 5 of 5 added" in run("seed_data", *place)
    assert "updates: 0 of 28 added" in run("seed_data", *place)
    settings.NAMESPACE = Namespace(place[1], place[3], place[5])
    wh = for_person("alice@example.com")
    assert overview.load(wh, LIMITS).accounts == 5
    assert updates.search(wh, Listing()).total == 28


def test_tables_are_as_designed(warehouse: Warehouse, namespace: Namespace) -> None:
    schema = {"schema": namespace.schema}
    columns = warehouse.query(
        f"SELECT table_name, column_name, full_data_type, is_nullable, comment "
        f"FROM `{CATALOG}`.information_schema.columns WHERE table_schema = :schema",
        schema,
    )
    found = {(row["table_name"], row["column_name"]): row for row in columns}
    assert len(found) == sum(len(table.stored_columns) for table in ALL_TABLES)
    for table in TABLES:
        for column in table.stored_columns:
            row = found[table.name, column.name]
            assert row["full_data_type"].upper() == column.type
            assert row["is_nullable"] == ("NO" if column.not_null else "YES")
            assert row["comment"] == column.comment
    constraints = warehouse.query(
        f"SELECT constraint_name, constraint_type "
        f"FROM `{CATALOG}`.information_schema.table_constraints WHERE table_schema = :schema",
        schema,
    )
    kinds = Counter(row["constraint_type"] for row in constraints)
    assert kinds["PRIMARY KEY"] == len(ALL_TABLES)
    assert kinds["FOREIGN KEY"] == 3


def test_history_is_kept_long_enough(warehouse: Warehouse, namespace: Namespace) -> None:
    (row,) = warehouse.query(f"DESCRIBE DETAIL {namespace.table(UPDATES)}")
    properties = dict(row["properties"])
    assert properties["delta.enableChangeDataFeed"] == "true"
    assert properties["delta.logRetentionDuration"] == "interval 365 days"
    assert properties["delta.deletedFileRetentionDuration"] == "interval 365 days"
    assert list(row["clusteringColumns"]) == ["account_bsnid", "date"]
    assert "interval 30 days" in ddl.create_table(UPDATES, namespace, history_days=30)


def test_history_days_reach_tables_that_are_there(warehouse: Warehouse, settings: Any) -> None:
    def kept() -> set[str]:
        rows = warehouse.query(ddl.show_properties(UPDATES, warehouse.namespace))
        return {row["value"] for row in rows if row["key"] in ddl.RETENTION}

    assert "keeps its history" not in run("create_tables")
    settings.EDIP_HISTORY_DAYS = 400
    assert run("create_tables").count("keeps its history for 400 days from now on") == 4
    assert kept() == {"interval 400 days"}
    settings.EDIP_HISTORY_DAYS = 30
    assert "keeps its history" not in run("create_tables")
    assert run("create_tables", "--history-days", "30").count("keeps its history for 30 days") == 4
    assert kept() == {"interval 30 days"}


def test_says_what_to_ask_for_where_nothing_may_be_created(place: list[str]) -> None:
    run("create_tables", *place)
    with pytest.raises(CommandError) as caught:
        run("create_tables", *place[:2], "--schema", "information_schema")
    assert f"{place[1]}.information_schema" in str(caught.value)
    assert "Permission denied (INSUFFICIENT_PERMISSIONS" in str(caught.value)
    assert "GRANT USE CATALOG" in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "x`; DROP", "", "é"])
def test_names_are_checked(place: list[str], name: str) -> None:
    with pytest.raises(CommandError, match="cannot be the name"):
        run("create_tables", "--catalog", name)


def test_seed_data_without_tables(place: list[str]) -> None:
    with pytest.raises(CommandError, match="Run create_tables first"):
        run("seed_data", *place)


def test_seed_data_keeps_edits(sample: Warehouse) -> None:
    accounts.update(
        sample, "BSN001", {"team": "Edited"}, accounts.get(sample, "BSN001").updated_at
    )
    accounts.delete(sample, "BSN002")
    printed = run("seed_data")
    assert "accounts: 1 of 5 added" in printed
    assert "more than one row" not in printed
    insert(sample, ACCOUNTS, bsnid="BSN003", team="Twice")
    assert "1 key has more than one row, perhaps because seed_data ran twice" in run("seed_data")
    assert accounts.get(sample, "BSN001").team == "Edited"  # type: ignore[union-attr]


def test_sample_data_shows_everything() -> None:
    today = dt.date(2026, 3, 1)
    rows = sample_data.rows(today)
    assert rows == sample_data.rows(today)
    assert [len(rows[table]) for table in TABLES] == [5, 15, 11, 28]
    for table in TABLES:
        assert len({row[table.key] for row in rows[table]}) == len(rows[table])
        assert all(set(row) == set(table.names) for row in rows[table])
        required = [column.name for column in table.own_columns if column.required]
        assert all(row[name] for row in rows[table] for name in required)
    assert all(all(row.values()) for row in rows[ACCOUNTS])
    assert {row["status"] for row in rows[USE_CASES]} == set(vocabulary.USE_CASE_STATUSES)
    assert {row["enablement_tier"] for row in rows[USE_CASES]} == set(vocabulary.ENABLEMENT_TIERS)
    assert {row["status"] for row in rows[PLATFORMS_STATUS]} == set(vocabulary.ONBOARDING_STATUSES)
    days = [(today - row["date"]).days for row in rows[UPDATES]]
    assert (min(days), max(days)) == (0, 90)
    assert any("\n" in row["azure_devops_link"] for row in rows[ACCOUNTS])
