"""The bundle's SQL alerts and dashboard run, and each alert triggers when it should."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, USE_CASES
from crm.repository.integrity import checks
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from ..conftest import BASE_DIR, LocalWarehouse
from .bundle import resolved


def bundle(warehouse: Warehouse) -> dict[str, Any]:
    names = warehouse.namespace
    return resolved("production", catalog=names.catalog, schema=names.schema)


def value(warehouse: Warehouse, name: str) -> tuple[float, bool]:
    """Return what an alert's query finds, and whether the alert triggers."""
    alert = bundle(warehouse)["alerts"][name]
    (row,) = warehouse.query(alert["query_text"])
    evaluation = alert["evaluation"]
    assert evaluation["comparison_operator"] == "GREATER_THAN"
    found = row[evaluation["source"]["name"]]
    return found, found > evaluation["threshold"]["value"]["double_value"]


def test_the_runbook_has_a_row_for_each() -> None:
    runbook = (BASE_DIR / "docs/runbook.md").read_text()
    rows = re.findall(r"^\| `(\w+)` triggers \|", runbook, re.MULTILINE)
    alerts = resolved("production")["alerts"]
    assert sorted(rows) == sorted(alerts)
    for name, alert in alerts.items():
        assert f"“{name} triggers”" in alert["custom_description"]
        assert alert["evaluation"]["notification"]["subscriptions"]


def test_too_old_a_backup_triggers(warehouse: Warehouse) -> None:
    call_command("backup", stdout=StringIO())
    assert value(warehouse, "backup_too_old") == (0, False)
    place = f"`{warehouse.namespace.catalog}`.`{warehouse.namespace.schema}_backups`.backups"
    older = f"UPDATE {place} SET moment = moment - INTERVAL 31 HOURS"
    warehouse.execute(older, repeatable=False)
    assert value(warehouse, "backup_too_old") == (31, True)
    warehouse.execute(f"DELETE FROM {place}", repeatable=False)
    assert value(warehouse, "backup_too_old") == (99999, True)


def test_failed_statements_trigger(warehouse: Warehouse, server: LocalWarehouse) -> None:
    accounts = warehouse.namespace.table(ACCOUNTS)

    def fail(times: int) -> None:
        for _ in range(times):
            with pytest.raises(WarehouseError):
                warehouse.query(f"SELECT no_such_column FROM {accounts}")

    fail(5)
    # The app repeats a statement after a conflict, so a conflict does not count.
    server.fault("conflict")
    warehouse.execute(f"UPDATE {accounts} SET bsnid = bsnid WHERE FALSE", repeatable=True)
    assert value(warehouse, "failed_statements") == (5, False)
    fail(1)
    assert value(warehouse, "failed_statements") == (6, True)


def test_integrity_findings_are_those_of_check_integrity(warehouse: Warehouse) -> None:
    assert value(warehouse, "integrity_findings") == (0, False)
    accounts, statuses, use_cases = (
        warehouse.namespace.table(table) for table in (ACCOUNTS, PLATFORMS_STATUS, USE_CASES)
    )
    for statement in (
        f"INSERT INTO {accounts} (bsnid) VALUES ('A'), ('B'), ('B')",
        f"INSERT INTO {statuses} (id, account_bsnid, platform) "
        "VALUES ('1', 'A', 'Snowflake'), ('2', 'A', 'Snowflake')",
        f"INSERT INTO {use_cases} (id, account_bsnid) VALUES ('3', 'A'), ('3', 'A'), ('4', 'gone')",
    ):
        warehouse.execute(statement, repeatable=False)
    known = {check.name: found.total for check, found in checks.run_checks(warehouse).items()}
    counted = ("duplicate-keys", "double-statuses", "orphans")
    assert value(warehouse, "integrity_findings") == (sum(known[name] for name in counted), True)
    assert all(known[name] for name in counted)


def test_the_dashboard_shows_what_its_queries_return(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError):
        warehouse.query(f"SELECT no_such_column FROM {warehouse.namespace.table(ACCOUNTS)}")
    dashboard = bundle(warehouse)["dashboards"]["operations"]["serialized_dashboard"]
    columns = {}
    for each in dashboard["datasets"]:
        if each["name"] != "sizes":  # only Databricks has _metadata
            columns[each["name"]] = set(warehouse.query("".join(each["queryLines"]))[0])
    columns["sizes"] = {"name", "files", "megabytes"}
    (page,) = dashboard["pages"]
    for widget in (each["widget"] for each in page["layout"]):
        (query,) = (each["query"] for each in widget["queries"])
        fields = {field["name"] for field in query["fields"]}
        assert fields <= columns[query["datasetName"]], widget["name"]
        encodings = widget["spec"]["encodings"]
        shown = encodings.get("columns") or encodings.values()
        assert {each["fieldName"] for each in shown} == fields
    assert {each["widget"]["queries"][0]["query"]["datasetName"] for each in page["layout"]} == {
        each["name"] for each in dashboard["datasets"]
    }
