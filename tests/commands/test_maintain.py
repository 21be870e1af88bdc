"""maintain: fewer files, the same rows, and every version within the retention."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from crm.model.own_tables import ALL_TABLES, FOLLOWS
from crm.model.schema import ACCOUNTS, USE_CASES
from crm.repository import ddl
from crm.repository.tables import grants
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse


def run() -> str:
    out = StringIO()
    call_command("maintain", stdout=out)
    return out.getvalue()


def _insert(wh: Warehouse, n: int) -> None:
    for number in range(n):
        for table, columns in ((ACCOUNTS, "bsnid"), (USE_CASES, "account_bsnid, id")):
            values = ", ".join(f"'{number}'" for _ in columns.split(","))
            sql = f"INSERT INTO {wh.namespace.table(table)} ({columns}) VALUES ({values})"
            wh.execute(sql, repeatable=False)


def test_it_tidies_each_table_and_keeps_what_the_past_needs(warehouse: Warehouse) -> None:
    _insert(warehouse, 3)
    accounts, use_cases = (warehouse.namespace.table(table) for table in (ACCOUNTS, USE_CASES))
    at_once = {"delta.deletedFileRetentionDuration": "interval 0 hours"}
    for statement in (
        ddl.set_properties(ACCOUNTS, at_once, warehouse.namespace),
        f"DROP TABLE {warehouse.namespace.table(FOLLOWS)}",
    ):
        warehouse.execute(statement, repeatable=True)
    versions = warehouse.query(f"DESCRIBE HISTORY {use_cases}")
    said = dict(line.split(": ", 1) for line in run().splitlines())
    assert re.fullmatch(
        r"3 → 1 files, .+; 3 old files deleted, versions of the last 0 hours kept",
        said["accounts"],
    )
    assert re.fullmatch(
        r"3 → 1 files, .+; 0 old files deleted, versions of the last 365 days kept",
        said["use_cases"],
    )
    assert said["follows"] == "does not exist; the CRM works without it"
    assert list(said) == [table.name for table in ALL_TABLES]
    assert warehouse.query(f"SELECT COUNT(*) AS n FROM {accounts}") == [{"n": 3}]
    for number, commit in enumerate(reversed(versions[:3]), start=1):
        past = f"SELECT COUNT(*) AS n FROM {use_cases} VERSION AS OF {commit['version']}"
        assert warehouse.query(past) == [{"n": number}]


def test_what_the_rights_do_not_allow_is_named(
    warehouse: Warehouse, server: LocalWarehouse, settings: Any
) -> None:
    reader = f"{uuid.uuid4().hex}@example.com"
    for grant in grants.statements(grants.READER, warehouse.namespace, reader):
        warehouse.execute(grant, repeatable=True)
    server._ask("POST", "/tokens", {"token": f"dapi-{reader}", "user": reader})
    settings.WAREHOUSE = replace(server.config(), token=f"dapi-{reader}")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("maintain", stdout=out)
    assert ended.value.code == 1
    missing = f"GRANT SELECT, MODIFY ON TABLE {warehouse.namespace.table(ACCOUNTS)}"
    assert f"  {missing} TO `{reader}`;" in out.getvalue().splitlines()
    assert all(f"{table.name}: " in out.getvalue() for table in ALL_TABLES)
