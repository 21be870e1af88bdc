"""Helpers that make, damage and compare tables and their backups."""

from __future__ import annotations

import io
import re

from django.core.management import call_command

from crm.model.namespace import Namespace
from crm.model.schema import TABLES
from crm.repository.records import accounts, use_cases
from crm.repository.tables import backups
from crm.warehouse import Warehouse


def run(command: str, *arguments: str, **options) -> str:
    output = io.StringIO()
    call_command(command, *arguments, stdout=output, **options)
    return output.getvalue()


def state(wh: Warehouse) -> dict[str, tuple[int, int]]:
    return {
        table.name: backups.checksums(wh, table, wh.namespace.table(table)) for table in TABLES
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


def begun_only(wh: Warehouse, home: Namespace) -> str:
    """Leave the remains of an interrupted backup: its first line in the manifest, and a clone."""
    (taken,) = [id_ for id_ in ids(run("backup")) if id_]
    wh.execute(
        f"DELETE FROM {home.quoted_schema}.`backups` WHERE id = :id AND table_name IS NOT NULL",
        {"id": taken},
        repeatable=True,
    )
    return age(wh, home, taken)
