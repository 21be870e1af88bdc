"""Plan a restore, and refuse an impossible one before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from django.core.management.base import CommandError

from crm.model import as_of_address
from crm.model.namespace import Namespace
from crm.model.schema import AUDIT_NAMES, CHANGE_ID, TABLE_BY_NAME, TABLES, Table
from crm.repository import ddl, versions
from crm.repository.errors import Missing, NewerSchema
from crm.repository.past import restore_tables
from crm.repository.tables import backups
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound

from . import _backups


@dataclass(frozen=True)
class Plan:
    """The effect of a restore, before it runs.

    :param what: a description of the backup, the moment or the versions.
    :param sources: the FROM item from which each table is restored.
    :param before: the version of each table that exists now.
    :param versions: the table's own version that it is restored to; empty for a backup.
    :param missing_columns: today's columns that a source does not have.
    """

    what: str
    sources: dict[Table, str]
    before: dict[Table, int]
    versions: dict[Table, int] = field(default_factory=dict)
    missing_columns: dict[Table, tuple[str, ...]] = field(default_factory=dict)

    @property
    def missing_tables(self) -> list[Table]:
        """The tables that do not exist and are restored whole."""
        return [
            table for table in restore_tables.in_order(self.sources) if table not in self.before
        ]

    def restore(self, wh: Warehouse, table: Table) -> bool:
        """Restore one table; return False if there was nothing to restore."""
        if table not in self.versions:
            restore_tables.restore_clone(
                wh, table, self.sources[table], self.missing_columns.get(table, ())
            )
            return True
        if self.before[table] == self.versions[table]:
            # Delta refuses to restore a table's current version.
            return False
        restore_tables.restore_version(wh, table, self.versions[table])
        return True


def plan(wh: Warehouse, options: dict[str, Any]) -> Plan:
    """Return the plan for the command's options. Raises CommandError if it is impossible."""
    before = restore_tables.latest_versions_of_existing(wh)
    if options["backup"]:
        source = wh.at(_backups.source(options))
        found = _to_backup(source, _backups.home(options), options["backup"], before)
    else:
        found = _to_versions(wh, options, before)
    missing = {table: _missing_columns(wh, found, table) for table in found.sources}
    return replace(
        found, missing_columns={table: names for table, names in missing.items() if names}
    )


def _to_backup(source: Warehouse, home: Namespace, name: str, before: dict[Table, int]) -> Plan:
    try:
        backup = backups.get(source, home, name)
    except (Missing, ObjectNotFound) as error:
        raise CommandError(
            f"There is no backup {name}. “manage.py backup --list” lists the backups."
        ) from error
    if backup.schema_version > ddl.VERSION:
        raise NewerSchema(backup.schema_version, ddl.VERSION)
    return Plan(f"backup {backup.id}", backups.clone_names(source, home, backup), before)


def _to_versions(wh: Warehouse, options: dict[str, Any], before: dict[Table, int]) -> Plan:
    if options["to_time"]:
        moment = as_of_address.parse(options["to_time"])
        if moment is None:
            raise CommandError("--to-time needs a time such as 2026-11-20T09:30:00Z.")
        what = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        _require_existing(before, TABLES)
        by_name = versions.versions_at(wh, moment)
        targets = {table: by_name[table.name] for table in TABLES}
    else:
        what = "these versions"
        targets = dict(_version(entry) for entry in options["to_version"])
        _require_existing(before, tuple(targets))
        _require_reached(before, targets)
    return Plan(what, restore_tables.at_versions(wh.namespace, targets), before, targets)


def _missing_columns(wh: Warehouse, found: Plan, table: Table) -> tuple[str, ...]:
    """Return today's columns that the source lacks and that may be empty afterwards."""
    try:
        names = restore_tables.missing_columns(wh, table, found.sources[table])
    except ObjectNotFound as error:
        raise CommandError(
            f"The clone of {table.plural} in {found.what} does not exist any more. "
            "Nothing was changed."
        ) from error
    others = [name for name in names if name not in {*AUDIT_NAMES, CHANGE_ID.name}]
    # Unknown columns suggest that a column was renamed since; otherwise it was added since.
    if others and restore_tables.unknown_columns(wh, table, found.sources[table]):
        raise CommandError(
            f"{table.name} had no column {', '.join(others)} then, so its values cannot be "
            "restored. Nothing was changed."
        )
    return names


def _require_existing(before: dict[Table, int], tables: tuple[Table, ...]) -> None:
    if gone := [table.name for table in tables if table not in before]:
        raise CommandError(
            f"{', '.join(gone)}: the table does not exist, and a dropped table has no versions. "
            "Restore it from a backup: restore --backup."
        )


def _require_reached(before: dict[Table, int], versions: dict[Table, int]) -> None:
    for table, version in versions.items():
        if version > before[table]:
            raise CommandError(
                f"{table.name} has no version {version} yet: the latest is {before[table]}."
            )


def _version(entry: str) -> tuple[Table, int]:
    name, _, version = entry.partition("=")
    if name not in TABLE_BY_NAME or not version.isdecimal():
        names = ", ".join(TABLE_BY_NAME)
        raise CommandError(f"--to-version needs TABLE=VERSION with one of {names}, not {entry!r}.")
    return TABLE_BY_NAME[name], int(version)
