"""Backups: deep clones of the four tables as of one moment, and a manifest that lists them.

They are in a separate schema, which several deployments may share. The manifest notes the
beginning of a backup, and its tables when it is complete. A backup that began long ago and is not
complete has failed; a later backup removes it. Deep clones do not depend on their source tables:
https://docs.databricks.com/delta/clone
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crm.model.namespace import Namespace, PastNamespace
from crm.model.schema import TABLES, Table
from crm.repository import _match, _sql, ddl, versions
from crm.repository._sql import Row
from crm.repository.errors import Missing
from crm.warehouse import Warehouse
from crm.warehouse import now as warehouse_now
from crm.warehouse.errors import ObjectNotFound

MANIFEST = "backups"
# A backup that is not complete so long after its beginning has failed.
FAILED_AFTER = dt.timedelta(hours=6)
# To the microsecond; to the second in backups that earlier versions of the CRM made.
_ID = re.compile(r"(\d{8}t\d{6})(\d{6})?z")


_CREATE_MANIFEST = """
CREATE TABLE IF NOT EXISTS {manifest} (
  id STRING NOT NULL COMMENT 'The backup: when it began, as in the clones’ names',
  moment TIMESTAMP COMMENT 'As of when the tables were copied (UTC)',
  taken_by STRING COMMENT 'Who made the backup',
  source STRING COMMENT 'Catalog, schema and prefix of the tables',
  schema_version INT COMMENT 'The tables’ version, as migrate_tables notes it',
  table_name STRING COMMENT 'The table that was copied; NULL notes that the backup began',
  version BIGINT COMMENT 'The Delta version that was copied',
  row_count BIGINT COMMENT 'How many rows the clone has',
  checksum BIGINT COMMENT 'XOR of the hashes of its rows'
) USING DELTA COMMENT 'The backups of EDIP CRM'
"""
_LIST = """
SELECT * FROM {manifest} WHERE source = :source AND table_name IS NOT NULL
ORDER BY id DESC
"""
_COMPLETE = """
SELECT id, source, MAX(table_name) IS NOT NULL AS is_complete FROM {manifest}
GROUP BY id, source
"""
_TABLES_IN_HOME = """
SELECT table_name FROM system.information_schema.tables
WHERE table_catalog = :catalog AND table_schema = :schema
"""
_CHECKSUMS = """
SELECT COUNT(*) AS n, COALESCE(BIT_XOR(XXHASH64({values})), 0) AS s FROM {source} AS t
"""
_ENTRY = """
(:id, CAST(:moment AS TIMESTAMP), :taken_by, :source, :schema_version,
  CAST(:table{n} AS STRING), CAST(:version{n} AS BIGINT), CAST(:rows{n} AS BIGINT),
  CAST(:checksum{n} AS BIGINT))
"""


@dataclass(frozen=True)
class Clone:
    """One table of a backup: rows and checksum of the clone, and the version that it copies."""

    table: Table
    version: int
    rows: int
    checksum: int


@dataclass(frozen=True)
class Backup:
    """A backup. ``id`` is the time of its beginning, as in the clones' names, such as
    ``20261124t081500123456z``; ``moment`` is the moment of the copied data."""

    id: str
    moment: dt.datetime
    taken_by: str
    schema_version: int
    tables: tuple[Clone, ...]


class NotVerified(Exception):
    """A clone differs from its table, so the backup was removed."""


def create_home(wh: Warehouse, home: Namespace) -> None:
    """Create the backups' schema and manifest, if they do not exist."""
    wh.execute(ddl.create_schema(home), repeatable=True)
    wh.execute(_render(home, _CREATE_MANIFEST), repeatable=True)


def create(wh: Warehouse, home: Namespace, schema_version: int) -> Backup:
    """Clone all tables as of now, verify the clones, and add them to the manifest.

    Raises NotVerified.
    """
    now, moment = versions.consistent_versions(wh)
    began = warehouse_now()
    backup = Backup(began.strftime("%Y%m%dt%H%M%S%fz"), moment, wh.actor, schema_version, ())
    _insert(wh, home, backup, [None])
    past = versions.past_namespace(wh.namespace, now, moment)
    try:
        clones = tuple(_clone(wh, home, table, past, backup.id) for table in TABLES)
        backup = replace(backup, tables=clones)
        _insert(wh, home, backup, clones)
        _require_clones(wh, home, backup)
    except NotVerified:
        remove(wh, home, [backup])
        raise
    return backup


def _clone(wh: Warehouse, home: Namespace, table: Table, past: PastNamespace, id_: str) -> Clone:
    clone, source = _clone_name(wh, home, table, id_), past.table(table)
    sql = "CREATE OR REPLACE TABLE {clone} DEEP CLONE {source}"
    wh.execute(_render(home, sql, clone=clone, source=source), repeatable=True)
    found, expected = checksums(wh, table, clone), checksums(wh, table, source)
    if found != expected:
        raise NotVerified(f"{table.name}: {found} instead of {expected} rows and checksum")
    return Clone(table, dict(past.versions)[table.name], *found)


def _require_clones(wh: Warehouse, home: Namespace, backup: Backup) -> None:
    """Raise NotVerified if a clone is gone: another backup may have removed this one as failed."""
    sql = "SELECT 1 AS one FROM {clone} LIMIT 1"
    for table, clone in clone_names(wh, home, backup).items():
        try:
            wh.query(_render(home, sql, clone=clone))
        except ObjectNotFound as error:
            raise NotVerified(f"{table.name}: its clone was removed meanwhile") from error


def checksums(wh: Warehouse, table: Table, source: str) -> tuple[int, int]:
    """Return the number of rows of the FROM item ``source``, and the XOR of their hashes."""
    values = _match.hashed("t", table.names)
    row = wh.query(_render(wh.namespace, _CHECKSUMS, values=values, source=source))[0]
    return row["n"], row["s"]


def list_backups(wh: Warehouse, home: Namespace) -> list[Backup]:
    """Return the complete backups of these tables, the latest first."""
    found: dict[str, list[Row]] = {}
    for row in wh.query(_render(home, _LIST), {"source": _source(wh.namespace)}):
        found.setdefault(row["id"], []).append(row)
    return [_backup(rows) for rows in found.values()]


def _backup(rows: list[Row]) -> Backup:
    by_name = {row["table_name"]: row for row in rows}
    clones = (
        Clone(table, row["version"], row["row_count"], row["checksum"])
        for table in TABLES
        if (row := by_name.get(table.name))
    )
    first = rows[0]
    return Backup(
        first["id"], first["moment"], first["taken_by"], first["schema_version"], tuple(clones)
    )


def get(wh: Warehouse, home: Namespace, backup_id: str) -> Backup:
    """Return the complete backup with this id. Raises Missing."""
    for backup in list_backups(wh, home):
        if backup.id == backup_id:
            return backup
    raise Missing(backup_id)


def expired(backups: list[Backup], keep: int, days: int, now: dt.datetime) -> list[Backup]:
    """Return the backups that are neither among the latest ``keep`` nor younger than ``days``.

    ``backups`` is sorted, the latest first; that one never expires. Zero switches a rule off.
    """
    young = now - dt.timedelta(days=days)
    return [
        backup
        for place, backup in enumerate(backups)
        if place >= max(keep, 1) and backup.moment < young
    ]


def remove(wh: Warehouse, home: Namespace, backups: Iterable[Backup]) -> None:
    for backup in backups:
        _remove(wh, home, backup.id)


def remove_failed(wh: Warehouse, home: Namespace, now: dt.datetime) -> list[str]:
    """Remove the failed backups of these tables, and return their ids.

    Backups of other deployments, and unfinished recent ones, stay.
    """
    noted = wh.query(_render(home, _COMPLETE))
    ours = _source(wh.namespace)
    ids = {row["id"] for row in noted if row["source"] == ours} | _ids_of_clones(wh, home)
    # The names of earlier versions' clones do not show their deployment, so complete backups stay.
    complete = {row["id"] for row in noted if row["is_complete"]}
    failed = sorted(id_ for id_ in ids - complete if now - _began(id_) > FAILED_AFTER)
    for id_ in failed:
        _remove(wh, home, id_)
    return failed


def _ids_of_clones(wh: Warehouse, home: Namespace) -> set[str]:
    """Return the ids of backups with a clone that is, or may be, of these tables."""
    where = {"catalog": home.catalog.lower(), "schema": home.schema.lower()}
    ours = {f"{home.prefix}{table.name}".lower() for table in TABLES}
    ids = set()
    for row in wh.query(_render(home, _TABLES_IN_HOME), where):
        name, _, rest = row["table_name"].rpartition("__")
        id_ = rest.partition("_")[0]
        if name in ours and _ID.fullmatch(id_) and rest == _suffix(wh, id_):
            ids.add(id_)
    return ids


def _began(backup_id: str) -> dt.datetime:
    seconds, micros = _parsed(backup_id)
    moment = dt.datetime.strptime(seconds, "%Y%m%dt%H%M%S").replace(tzinfo=dt.UTC)
    return moment + dt.timedelta(microseconds=int(micros or 0))


def clone_names(wh: Warehouse, home: Namespace, backup: Backup) -> dict[Table, str]:
    """Return the full names of a backup's clones, quoted."""
    return {clone.table: _clone_name(wh, home, clone.table, backup.id) for clone in backup.tables}


def _remove(wh: Warehouse, home: Namespace, backup_id: str) -> None:
    # The manifest comes first: it never lists a backup whose clones are gone.
    sql = "DELETE FROM {manifest} WHERE id = :id AND source = :source"
    params = {"id": backup_id, "source": _source(wh.namespace)}
    wh.execute(_render(home, sql), params, repeatable=True)
    drop = "DROP TABLE IF EXISTS {clone}"
    for table in TABLES:
        clone = _clone_name(wh, home, table, backup_id)
        wh.execute(_render(home, drop, clone=clone), repeatable=True)


def _insert(
    wh: Warehouse, home: Namespace, backup: Backup, tables: Sequence[Clone | None]
) -> None:
    """Add a backup's tables to the manifest; None notes its beginning.

    One statement, so that the manifest lists a backup completely or not at all.
    """
    entries = (_render(home, _ENTRY, n=str(n)) for n in range(len(tables)))
    params: dict[str, Any] = {
        "id": backup.id,
        "moment": backup.moment,
        "taken_by": backup.taken_by,
        "source": _source(wh.namespace),
        "schema_version": backup.schema_version,
    }
    for n, clone in enumerate(tables):
        params[f"table{n}"] = clone and clone.table.name
        params[f"version{n}"] = clone and clone.version
        params[f"rows{n}"] = clone and clone.rows
        params[f"checksum{n}"] = clone and clone.checksum
    sql = "INSERT INTO {manifest} VALUES {entries}"
    wh.execute(_render(home, sql, entries=",".join(entries)), params, repeatable=False)


def _render(home: Namespace, template: str, **parts: str) -> str:
    return _sql.render(home, template, manifest=home.place(MANIFEST), **parts)


def _source(namespace: Namespace) -> str:
    return f"{namespace.catalog}.{namespace.schema}.{namespace.prefix}".lower()


def _parsed(backup_id: str) -> tuple[str, str | None]:
    known = _ID.fullmatch(backup_id)
    if not known:
        raise ValueError(f"{backup_id!r} is no id of a backup")
    return known[1], known[2]


def _suffix(wh: Warehouse, backup_id: str) -> str:
    """Return the end of the clones' names: the id, and a digest of the tables' location.

    The digest distinguishes the clones of different deployments. Backups by earlier versions have
    none.
    """
    _, micros = _parsed(backup_id)
    digest = hashlib.sha256(_source(wh.namespace).encode()).hexdigest()[:8]
    return f"{backup_id}_{digest}" if micros else backup_id


def _clone_name(wh: Warehouse, home: Namespace, table: Table, backup_id: str) -> str:
    return home.place(f"{table.name}__{_suffix(wh, backup_id)}")
