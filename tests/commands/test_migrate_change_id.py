"""migrate_tables adds the column with the id of the operation that wrote a row."""

from __future__ import annotations

from django.test import Client

from crm.model.schema import ACCOUNTS, TABLES
from crm.repository import ddl
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .test_migrate_tables import run


def test_tables_of_the_version_before_get_the_operations_id(
    warehouse: Warehouse, client: Client
) -> None:
    """An older row has none; the history still shows who wrote it."""
    accounts.create(warehouse, {"bsnid": "OLD1", "team": "Kept"})
    for table in TABLES:
        name = warehouse.namespace.table(table)
        for text in (
            "SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
            "DROP COLUMN change_id",
        ):
            warehouse.execute(f"ALTER TABLE {name} {text}", repeatable=False)
    before = {ddl.VERSION_PROPERTY: "5"}
    warehouse.execute(ddl.set_properties(ACCOUNTS, before, warehouse.namespace), repeatable=True)
    assert client.get("/accounts/").status_code == 200
    assert "Migrate the tables, step" in client.get("/activity/").content.decode()
    assert run().count("ADD COLUMNS") == 0
    assert run("--check") == "The tables are up to date.\n"
    seen = accounts.get(warehouse, "OLD1").updated_at
    accounts.update(warehouse, "OLD1", {"team": "Renamed"}, seen)
    (row,) = warehouse.query(f"SELECT change_id FROM {warehouse.namespace.table(ACCOUNTS)}")
    assert row["change_id"]
