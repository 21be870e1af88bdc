"""Backups: deep clones of the four tables as of one moment, and a manifest that lists them.

They lie in a schema of their own. A clone without a line in the manifest is half a backup, left
by one that died, and is cleared away by the next. Deep clones do not depend on the tables that
they were made of: https://docs.databricks.com/delta/clone
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from crm import ddl
from crm.schema import TABLES, Namespace, Table
from crm.warehouse import Warehouse

from . import _matching, timeline
from .errors import Missing

MANIFEST = "backups"
_ID = re.compile(r"\d{8}t\d{6}z")


@dataclass(frozen=True)
class Copied:
    """One table of a backup: rows and checksum of its clone, and what it is a clone of."""

    table: Table
    version: int
    rows: int
    checksum: int


@dataclass(frozen=True)
class Backup:
    """``id`` is its moment, as it stands in the clones' names: ``20261124t081500z``."""

    id: str
    moment: dt.datetime
    taken_by: str
    schema_version: int
    tables: tuple[Copied, ...]


class NotVerified(Exception):
    """A clone does not hold what its table held; the backup was not entered into the manifest."""


def create_home(wh: Warehouse, home: Namespace) -> None:
    """The schema and the manifest, where they are not there yet."""
    wh.execute(ddl.create_schema(home), repeatable=True)
    sql = f"""
    CREATE TABLE IF NOT EXISTS {_manifest(home)} (
      id STRING NOT NULL COMMENT 'The backup: its moment, as in the clones’ names',
      moment TIMESTAMP COMMENT 'As of when the tables were copied (UTC)',
      taken_by STRING COMMENT 'Who took the backup',
      source STRING COMMENT 'Catalog, schema and prefix of the tables',
      schema_version INT COMMENT 'The tables’ version, as migrate_tables notes it',
      table_name STRING COMMENT 'The table that was copied',
      version BIGINT COMMENT 'The Delta version that was copied',
      row_count BIGINT COMMENT 'How many rows the clone holds',
      checksum BIGINT COMMENT 'XOR of the hashes of its rows'
    ) USING DELTA COMMENT 'What backups of EDIP CRM there are'
    """
    wh.execute(sql, repeatable=True)


def take(wh: Warehouse, home: Namespace, schema_version: int) -> Backup:
    """Clone all tables as of now, verify the clones, and enter them into the manifest.

    Raises NotVerified.
    """
    read = timeline.load(wh)
    moment = max(commits[-1].moment for commits in read.commits.values())
    backup_id = read.read_at.strftime("%Y%m%dt%H%M%Sz")
    versions = read.versions_at(moment)
    past = timeline.past(wh.namespace, versions, moment)
    copied = []
    for table in TABLES:
        clone = _clone(home, table, backup_id)
        wh.execute(
            f"CREATE OR REPLACE TABLE {clone} DEEP CLONE {past.table(table)}", repeatable=True
        )
        there, source = sums(wh, table, clone), sums(wh, table, past.table(table))
        if there != source:
            raise NotVerified(f"{table.name}: {there} instead of {source} rows and checksum")
        copied.append(Copied(table, versions[table.name], *there))
    backup = Backup(backup_id, moment, wh.actor, schema_version, tuple(copied))
    _enter(wh, home, backup)
    return backup


def sums(wh: Warehouse, table: Table, source: str) -> tuple[int, int]:
    """How many rows ``source`` has, and the XOR of their hashes."""
    values = _matching.hashed("t", table.names)
    sql = f"SELECT COUNT(*) AS n, COALESCE(BIT_XOR(XXHASH64({values})), 0) AS s FROM {source} AS t"  # noqa: S608
    row = wh.query(sql)[0]
    return row["n"], row["s"]


def listed(wh: Warehouse, home: Namespace) -> list[Backup]:
    """The backups of these tables, the latest first."""
    sql = f"SELECT * FROM {_manifest(home)} WHERE source = :source ORDER BY id DESC"  # noqa: S608
    tables = {table.name: table for table in TABLES}
    found: dict[str, list[dict]] = {}
    for row in wh.query(sql, {"source": _source(wh.namespace)}):
        found.setdefault(row["id"], []).append(row)
    return [
        Backup(
            rows[0]["id"],
            rows[0]["moment"],
            rows[0]["taken_by"],
            rows[0]["schema_version"],
            tuple(
                Copied(tables[r["table_name"]], r["version"], r["row_count"], r["checksum"])
                for r in sorted(rows, key=lambda r: list(tables).index(r["table_name"]))
            ),
        )
        for rows in found.values()
    ]


def get(wh: Warehouse, home: Namespace, backup_id: str) -> Backup:
    """Raises Missing."""
    for backup in listed(wh, home):
        if backup.id == backup_id:
            return backup
    raise Missing(backup_id)


def expired(backups: list[Backup], keep: int, days: int, now: dt.datetime) -> list[Backup]:
    """Those that are neither among the latest ``keep`` nor younger than ``days``.

    Zero means that this rule keeps none; the latest backup always stays.
    """
    young = now - dt.timedelta(days=days)
    return [
        backup
        for place, backup in enumerate(backups)
        if place >= max(keep, 1) and backup.moment < young
    ]


def remove(wh: Warehouse, home: Namespace, backups: Iterable[Backup]) -> None:
    """Out of the manifest first, so that no half of one is ever listed."""
    for backup in backups:
        sql = f"DELETE FROM {_manifest(home)} WHERE id = :id AND source = :source"  # noqa: S608
        wh.execute(sql, {"id": backup.id, "source": _source(wh.namespace)}, repeatable=True)
        _drop(wh, home, backup.id)


def clear_away_halves(wh: Warehouse, home: Namespace) -> list[str]:
    """Drop the clones that no manifest lists; the ids of their backups."""
    sql = """
    SELECT table_name FROM system.information_schema.tables
    WHERE table_catalog = :catalog AND table_schema = :schema
    """
    where = {"catalog": home.catalog.lower(), "schema": home.schema.lower()}
    listed_ids = {backup.id for backup in listed(wh, home)}
    halves = set()
    for row in wh.query(sql, where):
        name, _, backup_id = row["table_name"].rpartition("__")
        ours = {f"{home.prefix}{table.name}".lower() for table in TABLES}
        if name in ours and _ID.fullmatch(backup_id) and backup_id not in listed_ids:
            halves.add(backup_id)
    for backup_id in sorted(halves):
        _drop(wh, home, backup_id)
    return sorted(halves)


def clones(home: Namespace, backup: Backup) -> dict[Table, str]:
    """The full names of a backup's clones, quoted."""
    return {copied.table: _clone(home, copied.table, backup.id) for copied in backup.tables}


def _drop(wh: Warehouse, home: Namespace, backup_id: str) -> None:
    for table in TABLES:
        wh.execute(f"DROP TABLE IF EXISTS {_clone(home, table, backup_id)}", repeatable=True)


def _enter(wh: Warehouse, home: Namespace, backup: Backup) -> None:
    # One statement: a backup is either listed whole or not at all.
    rows = ", ".join(
        f"(:id, CAST(:moment AS TIMESTAMP), :taken_by, :source, :schema_version, :table{n}, "
        f":version{n}, :rows{n}, :checksum{n})"
        for n in range(len(backup.tables))
    )
    params = {
        "id": backup.id,
        "moment": backup.moment,
        "taken_by": backup.taken_by,
        "source": _source(wh.namespace),
        "schema_version": backup.schema_version,
    }
    for n, copied in enumerate(backup.tables):
        params[f"table{n}"] = copied.table.name
        params[f"version{n}"] = copied.version
        params[f"rows{n}"] = copied.rows
        params[f"checksum{n}"] = copied.checksum
    wh.execute(f"INSERT INTO {_manifest(home)} VALUES {rows}", params, repeatable=False)  # noqa: S608


def _source(namespace: Namespace) -> str:
    return f"{namespace.catalog}.{namespace.schema}.{namespace.prefix}".lower()


def _manifest(home: Namespace) -> str:
    return f"{home.quoted_schema}.`{home.prefix}{MANIFEST}`"


def _clone(home: Namespace, table: Table, backup_id: str) -> str:
    if not _ID.fullmatch(backup_id):
        raise ValueError(f"{backup_id!r} is no id of a backup")
    return f"{home.quoted_schema}.`{home.prefix}{table.name}__{backup_id}`"
