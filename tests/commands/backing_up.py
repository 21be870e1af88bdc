"""Helpers that make, damage and compare tables and their backups."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from crm.model.namespace import Namespace
from crm.model.schema import TABLES
from crm.repository.records import accounts, use_cases
from crm.repository.tables import backups
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse


def run(command: str, *arguments: str, **options) -> str:
    output = io.StringIO()
    call_command(command, *arguments, stdout=output, **options)
    return output.getvalue()


def state(wh: Warehouse) -> dict[str, tuple[int, int]]:
    return {
        table.name: backups.checksums(wh, table, wh.namespace.table(table)) for table in TABLES
    }


def described(wh: Warehouse) -> dict[str, Any]:
    """Return the catalog's description of the tables, without their owner and location."""
    place = {"schema": wh.namespace.schema}
    about = {
        "columns": "column_name, ordinal_position, is_nullable, full_data_type, comment",
        "tables": "comment",
        "table_constraints": "constraint_name, constraint_type",
        "key_column_usage": "constraint_name, column_name",
    }
    return {
        view: sorted(
            wh.query(
                f"SELECT table_name, {names} FROM system.information_schema.{view} "
                "WHERE table_schema = :schema",
                place,
            ),
            key=str,
        )
        for view, names in about.items()
    }


def ids(text: str) -> list[str]:
    return re.findall(r"\d{8}t\d+z", text)


def damage(wh: Warehouse) -> None:
    """Change, delete and add some rows."""
    account = accounts.get(wh, "BSN001")
    accounts.update(wh, "BSN001", {"team": "Broken"}, account.updated_at)
    accounts.delete(wh, "BSN002")
    accounts.create(wh, {"bsnid": "BSN999", "team": "T", "business_area": "A"})
    use_cases.create(wh, "BSN999", "case", {"problem": "P", "status": "Active"})


def age(wh: Warehouse, home: Namespace, backup_id: str) -> str:
    """Make a backup a year older; return its new id."""
    older = f"{int(backup_id[:4]) - 1}{backup_id[4:]}"
    for row in table_names(wh, home):
        if backup_id in row:
            new = row.replace(backup_id, older)
            wh.execute(
                f"ALTER TABLE {home.quoted_schema}.`{row}` RENAME TO {home.quoted_schema}.`{new}`",
                repeatable=False,
            )
    wh.execute(
        f"UPDATE {home.quoted_schema}.`{home.prefix}backups` SET id = :new WHERE id = :old",
        {"new": older, "old": backup_id},
        repeatable=True,
    )
    return older


def table_names(wh: Warehouse, home: Namespace) -> list[str]:
    sql = "SELECT table_name FROM system.information_schema.tables WHERE table_schema = :schema"
    return [row["table_name"] for row in wh.query(sql, {"schema": home.schema})]


def interrupted(wh: Warehouse, home: Namespace, server: LocalWarehouse) -> str:
    """Leave the remains of a backup that dies at its last table; return its id."""
    known = {id_ for name in table_names(wh, home) for id_ in ids(name)}
    server.fault("expired_token", times=None, match="CREATE OR REPLACE TABLE .*updates")
    with pytest.raises(CommandError):
        run("backup")
    server.clear_faults()
    (begun,) = {id_ for name in table_names(wh, home) for id_ in ids(name)} - known
    return begun
