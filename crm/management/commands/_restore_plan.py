"""What `restore` is to do, found out and made sure of before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from django.core.management.base import CommandError

from crm.model import as_of_address
from crm.model.namespace import Namespace
from crm.model.schema import AUDIT_NAMES, TABLES, Table
from crm.repository import ddl
from crm.repository import versions as timeline
from crm.repository.errors import Missing
from crm.repository.past import restore_tables
from crm.repository.tables import backups
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound

from . import _backups as home_of

_BY_NAME = {table.name: table for table in TABLES}


@dataclass(frozen=True)
class Plan:
    """``sources``: what each table is put back to, as it stands in FROM; ``versions`` where that
    is one of its own. ``before``: the version that each is at now, without those that are not
    there. ``lacking``: columns of today that are not in the source."""

    what: str
    sources: dict[Table, str]
    before: dict[Table, int]
    versions: dict[Table, int] = field(default_factory=dict)
    lacking: dict[Table, tuple[str, ...]] = field(default_factory=dict)

    @property
    def gone(self) -> list[Table]:
        """The tables that are not there and come back whole."""
        return [
            table for table in restore_tables.in_order(self.sources) if table not in self.before
        ]

    def put_back(self, wh: Warehouse, table: Table) -> bool:
        """False where there was nothing to do."""
        if table not in self.versions:
            restore_tables.to_clone(wh, table, self.sources[table], self.lacking.get(table, ()))
            return True
        if self.before[table] == self.versions[table]:
            # Delta refuses to restore the version that a table is at.
            return False
        restore_tables.to_version(wh, table, self.versions[table])
        return True


def plan(wh: Warehouse, options: dict[str, Any]) -> Plan:
    """Raises CommandError for what cannot be done."""
    before = restore_tables.standing(wh)
    if options["backup"]:
        found = _to_backup(wh, home_of.home(options), options["backup"], before)
    else:
        found = _to_versions(wh, options, before)
    lacking = {table: _lacking(wh, found, table) for table in found.sources}
    return replace(found, lacking={table: names for table, names in lacking.items() if names})


def _to_backup(wh: Warehouse, home: Namespace, name: str, before: dict[Table, int]) -> Plan:
    try:
        backup = backups.get(wh, home, name)
    except (Missing, ObjectNotFound) as error:
        raise CommandError(
            f"There is no backup {name}; `backup --list` tells which there are."
        ) from error
    if backup.schema_version > ddl.VERSION:
        raise CommandError(
            f"Backup {name} is of tables of version {backup.schema_version}; this CRM knows "
            f"versions up to {ddl.VERSION}. Restore it with the CRM that took it, or a later one."
        )
    return Plan(f"backup {backup.id}", backups.clones(wh, home, backup), before)


def _to_versions(wh: Warehouse, options: dict[str, Any], before: dict[Table, int]) -> Plan:
    if options["to_time"]:
        moment = as_of_address.parse(options["to_time"])
        if moment is None:
            raise CommandError("--to-time takes a time such as 2026-11-20T09:30:00Z.")
        what = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
        _require_there(before, TABLES)
        found = timeline.versions(wh, moment)
        versions = {table: found[table.name] for table in TABLES}
    else:
        what = "these versions"
        versions = dict(_version(entry) for entry in options["to_version"])
        _require_there(before, tuple(versions))
        _require_reached(before, versions)
    return Plan(what, restore_tables.versions_of(wh.namespace, versions), before, versions)


def _lacking(wh: Warehouse, found: Plan, table: Table) -> tuple[str, ...]:
    try:
        names = restore_tables.lacking(wh, table, found.sources[table])
    except ObjectNotFound as error:
        raise CommandError(
            f"The clone of {table.plural} that belongs to {found.what} is not there any more. "
            "Nothing was changed."
        ) from error
    if others := [name for name in names if name not in AUDIT_NAMES]:
        raise CommandError(
            f"{table.name} had no column {', '.join(others)} then: what it held cannot be put "
            "back in place. Nothing was changed."
        )
    return names


def _require_there(before: dict[Table, int], tables: tuple[Table, ...]) -> None:
    if gone := [table.name for table in tables if table not in before]:
        raise CommandError(
            f"{', '.join(gone)}: not there, and with a table its versions go. Only a backup "
            "brings it back: restore --backup."
        )


def _require_reached(before: dict[Table, int], versions: dict[Table, int]) -> None:
    for table, version in versions.items():
        if version > before[table]:
            raise CommandError(
                f"{table.plural} are not at version {version} yet: the latest is {before[table]}."
            )


def _version(entry: str) -> tuple[Table, int]:
    name, _, version = entry.partition("=")
    if name not in _BY_NAME or not version.isdecimal():
        names = ", ".join(_BY_NAME)
        raise CommandError(f"--to-version takes TABLE=VERSION, one of {names}: not {entry!r}")
    return _BY_NAME[name], int(version)
