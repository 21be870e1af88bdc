"""A dry run of a copy of tables."""

from __future__ import annotations

from crm.importing import copy_tables
from crm.importing.findings import Findings
from crm.importing.importer import Options
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS
from crm.repository.records import accounts, platforms
from crm.warehouse import Warehouse

from .test_copy_tables import old_table


def test_a_dry_run_counts_children_of_accounts_to_come_and_writes_nothing(
    warehouse: Warehouse,
) -> None:
    old_table(warehouse, ACCOUNTS, "bsnid STRING, team STRING", "('B1', 'Team')")
    columns, rows = "account_bsnid STRING, platform STRING, status STRING", "'Databricks', ''"
    old = old_table(warehouse, PLATFORMS_STATUS, columns, f"('B1', {rows}), ('B2', {rows})")
    with Findings() as findings:
        results = copy_tables.run(warehouse, old, Options(dry_run=True), findings)
    states = {each.table.name: (each.states["new"], each.states["orphan"]) for each in results}
    assert states == {"accounts": (1, 0), "platforms_status": (1, 1)}
    assert accounts.get(warehouse, "B1") is None
    assert not platforms.list_for(warehouse, "B1")
