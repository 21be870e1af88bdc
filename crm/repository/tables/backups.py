"""Backups: deep clones of the four tables as of one moment, and a manifest that lists them.

They lie in a schema of their own, which several deployments may share. A backup is noted there
when it begins and entered when it is whole; what was begun long ago and never entered is half a
backup, left by one that died, and is cleared away by a later one. Deep clones do not depend on
the tables that they were made of: https://docs.databricks.com/delta/clone
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
from crm.repository import _match, ddl
from crm.repository import versions as timeline
from crm.repository.errors import Missing
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound

MANIFEST = "backups"
# How long a backup may be under way: what began earlier and was never entered has died.
DIED_AFTER = dt.timedelta(hours=6)
# To the microsecond; to the second in backups of earlier versions of the CRM.
_ID = re.compile(r"(\d{8}t\d{6})(\d{6})?z")


@dataclass(frozen=True)
class Copied:
    """One table of a backup: rows and checksum of its clone, and what it is a clone of."""

    table: Table
    version: int
    rows: int
    checksum: int


@dataclass(frozen=True)
class Backup:
    """``id`` says when it began, as it stands in the clones' names: ``20261124t081500123456z``."""

    id: str
    moment: dt.datetime
    taken_by: str
    schema_version: int
    tables: tuple[Copied, ...]


class NotVerified(Exception):
    """A clone does not hold what its table held; there is no such backup."""


def create_home(wh: Warehouse, home: Namespace) -> None:
    """The schema and the manifest, where they are not there yet."""
    wh.execute(ddl.create_schema(home), repeatable=True)
    sql = f"""
    CREATE TABLE IF NOT EXISTS {_manifest(home)} (
      id STRING NOT NULL COMMENT 'The backup: when it began, as in the clones’ names',
      moment TIMESTAMP COMMENT 'As of when the tables were copied (UTC)',
      taken_by STRING COMMENT 'Who took the backup',
      source STRING COMMENT 'Catalog, schema and prefix of the tables',
      schema_version INT COMMENT 'The tables’ version, as migrate_tables notes it',
      table_name STRING COMMENT 'The table that was copied; none where the backup began',
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
    versions, moment = timeline.settled(wh)
    began = dt.datetime.now(dt.UTC)
    backup = Backup(began.strftime("%Y%m%dt%H%M%S%fz"), moment, wh.actor, schema_version, ())
    _insert(wh, home, backup, [None])
    past = timeline.past(wh.namespace, versions, moment)
    try:
        copied = tuple(_copy(wh, home, table, past, backup.id) for table in TABLES)
        backup = replace(backup, tables=copied)
        _insert(wh, home, backup, copied)
        _require_clones(wh, home, backup)
    except NotVerified:
        remove(wh, home, [backup])
        raise
    return backup


def _copy(wh: Warehouse, home: Namespace, table: Table, past: PastNamespace, id_: str) -> Copied:
    clone, source = _clone(wh, home, table, id_), past.table(table)
    wh.execute(f"CREATE OR REPLACE TABLE {clone} DEEP CLONE {source}", repeatable=True)
    there, wanted = sums(wh, table, clone), sums(wh, table, source)
    if there != wanted:
        raise NotVerified(f"{table.name}: {there} instead of {wanted} rows and checksum")
    return Copied(table, dict(past.versions)[table.name], *there)


def _require_clones(wh: Warehouse, home: Namespace, backup: Backup) -> None:
    """Whoever took this backup for a dead one would have dropped them before it was entered."""
    for table, clone in clones(wh, home, backup).items():
        try:
            wh.query(f"SELECT 1 AS one FROM {clone} LIMIT 1")  # noqa: S608 - our own name
        except ObjectNotFound as error:
            raise NotVerified(f"{table.name}: its clone was removed meanwhile") from error


def sums(wh: Warehouse, table: Table, source: str) -> tuple[int, int]:
    """How many rows ``source`` has, and the XOR of their hashes."""
    values = _match.hashed("t", table.names)
    sql = f"SELECT COUNT(*) AS n, COALESCE(BIT_XOR(XXHASH64({values})), 0) AS s FROM {source} AS t"  # noqa: S608
    row = wh.query(sql)[0]
    return row["n"], row["s"]


def listed(wh: Warehouse, home: Namespace) -> list[Backup]:
    """The backups of these tables that are whole, the latest first."""
    sql = f"""
    SELECT * FROM {_manifest(home)} WHERE source = :source AND table_name IS NOT NULL
    ORDER BY id DESC
    """  # noqa: S608
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
    for backup in backups:
        _forget(wh, home, backup.id)


def clear_away_halves(wh: Warehouse, home: Namespace, now: dt.datetime) -> list[str]:
    """Drop what backups of these tables left that began long ago and were never entered; their
    ids. What another deployment keeps here, and what is under way, is left alone."""
    sql = f"""
    SELECT id, source, MAX(table_name) IS NOT NULL AS whole FROM {_manifest(home)}
    GROUP BY id, source
    """  # noqa: S608
    noted = wh.query(sql)
    mine = _source(wh.namespace)
    ids = {row["id"] for row in noted if row["source"] == mine} | _ids_of_clones(wh, home)
    # Clones of earlier versions do not say whose they are: so all that are whole are spared.
    whole = {row["id"] for row in noted if row["whole"]}
    halves = sorted(id_ for id_ in ids - whole if now - _began(id_) > DIED_AFTER)
    for id_ in halves:
        _forget(wh, home, id_)
    return halves


def _ids_of_clones(wh: Warehouse, home: Namespace) -> set[str]:
    """The backups of which there is a clone of these tables, or one that may be of these."""
    sql = """
    SELECT table_name FROM system.information_schema.tables
    WHERE table_catalog = :catalog AND table_schema = :schema
    """
    where = {"catalog": home.catalog.lower(), "schema": home.schema.lower()}
    ours = {f"{home.prefix}{table.name}".lower() for table in TABLES}
    ids = set()
    for row in wh.query(sql, where):
        name, _, rest = row["table_name"].rpartition("__")
        id_ = rest.partition("_")[0]
        if name in ours and _ID.fullmatch(id_) and rest == _name(wh, id_):
            ids.add(id_)
    return ids


def _began(backup_id: str) -> dt.datetime:
    seconds, micros = _ID.fullmatch(backup_id).groups()  # type: ignore[union-attr]
    moment = dt.datetime.strptime(seconds, "%Y%m%dt%H%M%S").replace(tzinfo=dt.UTC)
    return moment + dt.timedelta(microseconds=int(micros or 0))


def clones(wh: Warehouse, home: Namespace, backup: Backup) -> dict[Table, str]:
    """The full names of a backup's clones, quoted."""
    return {copied.table: _clone(wh, home, copied.table, backup.id) for copied in backup.tables}


def _forget(wh: Warehouse, home: Namespace, backup_id: str) -> None:
    # Out of the manifest first, so that no half of one is ever listed.
    sql = f"DELETE FROM {_manifest(home)} WHERE id = :id AND source = :source"  # noqa: S608
    wh.execute(sql, {"id": backup_id, "source": _source(wh.namespace)}, repeatable=True)
    for table in TABLES:
        wh.execute(f"DROP TABLE IF EXISTS {_clone(wh, home, table, backup_id)}", repeatable=True)


def _insert(
    wh: Warehouse, home: Namespace, backup: Backup, tables: Sequence[Copied | None]
) -> None:
    """Enter a backup's tables; None notes that it begins."""
    # One statement: a backup is either listed whole or not at all.
    rows = ", ".join(
        f"(:id, CAST(:moment AS TIMESTAMP), :taken_by, :source, :schema_version, "
        f"CAST(:table{n} AS STRING), CAST(:version{n} AS BIGINT), CAST(:rows{n} AS BIGINT), "
        f"CAST(:checksum{n} AS BIGINT))"
        for n in range(len(tables))
    )
    params: dict[str, Any] = {
        "id": backup.id,
        "moment": backup.moment,
        "taken_by": backup.taken_by,
        "source": _source(wh.namespace),
        "schema_version": backup.schema_version,
    }
    for n, copied in enumerate(tables):
        params[f"table{n}"] = copied and copied.table.name
        params[f"version{n}"] = copied and copied.version
        params[f"rows{n}"] = copied and copied.rows
        params[f"checksum{n}"] = copied and copied.checksum
    wh.execute(f"INSERT INTO {_manifest(home)} VALUES {rows}", params, repeatable=False)  # noqa: S608


def _source(namespace: Namespace) -> str:
    return f"{namespace.catalog}.{namespace.schema}.{namespace.prefix}".lower()


def _manifest(home: Namespace) -> str:
    return f"{home.quoted_schema}.`{home.prefix}{MANIFEST}`"


def _name(wh: Warehouse, backup_id: str) -> str:
    """The end of its clones' names: the id, and a mark of the tables, so that no two deployments
    ever mean the same clone. Backups of earlier versions have no mark."""
    known = _ID.fullmatch(backup_id)
    if not known:
        raise ValueError(f"{backup_id!r} is no id of a backup")
    mark = hashlib.sha256(_source(wh.namespace).encode()).hexdigest()[:8]
    return f"{backup_id}_{mark}" if known[2] else backup_id


def _clone(wh: Warehouse, home: Namespace, table: Table, backup_id: str) -> str:
    return f"{home.quoted_schema}.`{home.prefix}{table.name}__{_name(wh, backup_id)}`"
