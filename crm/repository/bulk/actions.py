"""The actions of a bulk change: set a field, set a status, write an update, move."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, Table
from crm.model.vocabulary import NOT_STARTED
from crm.repository import _sql, operations
from crm.repository._sql import Row, Values
from crm.repository.operations import Operation
from crm.repository.records import _key
from crm.repository.records.platforms import new_id
from crm.repository.tables.hidden_rows import read_as_app
from crm.warehouse import Warehouse

from .selection import Planned

# The planned rows: key, version, whether the action inserts a row for it, and that row's id.
_ROWS = """
SELECT r.* FROM (
  SELECT EXPLODE(FROM_JSON(:rows, 'array<struct<k: string, s: bigint, n: boolean, i: string>>'))
    AS r
) AS j
"""
_SET_FIELD = """
MERGE INTO {table} AS t USING ({rows}) AS s
ON t.{key} = s.k AND UNIX_MICROS(t.updated_at) <=> s.s AND NOT ({same})
WHEN MATCHED THEN UPDATE SET
  {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
_MOVE = """
MERGE INTO {table} AS t USING (
  SELECT g.*, k.bsnid FROM ({rows}) AS g CROSS JOIN {one_account} AS k
) AS s
ON t.{key} = s.k AND UNIX_MICROS(t.updated_at) <=> s.s AND NOT (t.account_bsnid <=> s.bsnid)
WHEN MATCHED THEN UPDATE SET account_bsnid = s.bsnid,
  updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
_STATUS_ROWS = """
LEFT JOIN (
  SELECT account_bsnid AS owner, COALESCE(status, '') AS old_status,
    UNIX_MICROS(updated_at) AS old_version
  FROM {platforms_status} WHERE platform = :platform
) AS p ON p.owner = a.bsnid
"""
_STATUS_COLUMNS = "p.old_status AS old, p.old_version AS old_version, p.owner IS NULL AS is_new"
_SET_STATUS = """
MERGE INTO {platforms_status} AS t
USING (
  SELECT g.*, CAST(:platform AS STRING) AS platform, CAST(:status AS STRING) AS status,
    CURRENT_TIMESTAMP() AS now, CAST(:actor AS STRING) AS actor,
    CAST(:change_id AS STRING) AS change_id
  FROM ({rows}) AS g LEFT SEMI JOIN {accounts} AS a ON a.bsnid = g.k
) AS s
ON t.account_bsnid = s.k AND t.platform = s.platform
WHEN MATCHED AND NOT s.n AND UNIX_MICROS(t.updated_at) <=> s.s AND NOT (t.status <=> s.status)
  THEN UPDATE SET
  status = s.status, updated_at = s.now, updated_by = s.actor, change_id = s.change_id
WHEN NOT MATCHED AND s.n THEN INSERT
  (id, account_bsnid, platform, status, created_at, updated_at, created_by, updated_by, change_id)
  VALUES (s.i, s.k, s.platform, s.status, s.now, s.now, s.actor, s.actor, s.change_id)
"""
_STORED = """
SELECT account_bsnid AS key FROM {platforms_status}
WHERE platform = :platform AND ARRAY_CONTAINS({keys}, account_bsnid)
"""
_WRITE_UPDATE = """
MERGE INTO {updates} AS t
USING (
  SELECT g.i AS id, g.k AS account_bsnid, {bound},
    CURRENT_TIMESTAMP() AS now, CAST(:actor AS STRING) AS actor,
    CAST(:change_id AS STRING) AS change_id
  FROM ({rows}) AS g LEFT SEMI JOIN {accounts} AS a ON a.bsnid = g.k
) AS s
ON t.id = s.id
WHEN NOT MATCHED THEN INSERT
  (id, account_bsnid, {names}, created_at, updated_at, created_by, updated_by, change_id)
  VALUES (s.id, s.account_bsnid, {sources}, s.now, s.now, s.actor, s.actor, s.change_id)
"""


class Previewed(Protocol):
    """A change that can be previewed."""

    def reads(self, wh: Warehouse) -> tuple[str, str, Mapping[str, Any]]:
        """Return the SQL for a preview: columns, join and parameters; see ``selection.load``.

        One of the columns is ``old``; ``old_version`` and ``is_new`` belong to a joined row.
        """

    def is_done(self, row: Row) -> bool:
        """Return whether the row already has the new value."""

    def hidden(self, wh: Warehouse, rows: Sequence[Planned]) -> Collection[str]:
        """Return the keys of rows that the action cannot change because a row filter hides data.

        One statement if a new row might duplicate a hidden one, else none. Raises WarehouseError:
        see ``read_as_app``.
        """


class Action(Previewed, Protocol):
    """A change of rows of the table ``of``.

    ``table`` is the table that it writes, and ``inserts`` whether it may insert rows. ``step`` is
    the name of its step. ``reason`` is for ``operations.note_reason``.
    """

    @property
    def of(self) -> Table: ...

    @property
    def table(self) -> Table: ...

    @property
    def inserts(self) -> bool: ...

    @property
    def reason(self) -> str: ...

    @property
    def step(self) -> str: ...

    def write(self, wh: Warehouse, operation: Operation, rows: Sequence[Planned]) -> int:
        """Write the rows that nobody changed since the preview. One statement, safe to repeat."""


@dataclass(frozen=True)
class SetField:
    """Sets one column of a table; an empty value becomes NULL."""

    column: str
    value: str
    of: Table = ACCOUNTS
    reason: str = ""
    inserts = False

    @property
    def table(self) -> Table:
        return self.of

    @property
    def step(self) -> str:
        return f"Change the {self.of.plural}"

    def reads(self, wh: Warehouse) -> tuple[str, str, Mapping[str, Any]]:
        _sql.checked(self.of, {self.column: self.value})
        return f"a.{quoted(self.column)} AS old", "", {}

    def is_done(self, row: Row) -> bool:
        return (row["old"] or "") == self.value

    def hidden(self, wh: Warehouse, rows: Sequence[Planned]) -> Collection[str]:
        return ()

    def write(self, wh: Warehouse, operation: Operation, rows: Sequence[Planned]) -> int:
        values = _sql.checked(self.of, {self.column: self.value})
        _require_unmasked(operation, self.of, values)
        parts = _sql.update_parts(self.of, values)
        parts |= {"table": wh.namespace.table(self.of), "key": quoted(self.of.key)}
        return _run(wh, operation, _SET_FIELD, {**values, "rows": _json(rows)}, **parts)


@dataclass(frozen=True)
class Move:
    """Moves use cases or updates to another account, if it exists. ``team`` is its name."""

    bsnid: str
    team: str
    of: Table
    reason = ""
    inserts = False

    @property
    def table(self) -> Table:
        return self.of

    @property
    def step(self) -> str:
        return f"Move the {self.of.plural}"

    def reads(self, wh: Warehouse) -> tuple[str, str, Mapping[str, Any]]:
        return f"a.{quoted(self.of.owner)} AS old", "", {}

    def is_done(self, row: Row) -> bool:
        return bool(row["old"] == self.bsnid)

    def hidden(self, wh: Warehouse, rows: Sequence[Planned]) -> Collection[str]:
        return ()

    def write(self, wh: Warehouse, operation: Operation, rows: Sequence[Planned]) -> int:
        parts = {"table": wh.namespace.table(self.of), "key": quoted(self.of.key)}
        parts["one_account"] = _key.one_account(wh.namespace)
        return _run(wh, operation, _MOVE, {"bsnid": self.bsnid, "rows": _json(rows)}, **parts)


@dataclass(frozen=True)
class SetStatus:
    """Sets the accounts' status for one platform. An account without one counts as Not Started."""

    platform: str
    status: str
    reason: str = ""
    of = ACCOUNTS
    table = PLATFORMS_STATUS
    inserts = True

    @property
    def step(self) -> str:
        return f"Set {self.platform} to {self.status}"

    def reads(self, wh: Warehouse) -> tuple[str, str, Mapping[str, Any]]:
        join = _sql.render(wh.namespace, _STATUS_ROWS)
        return _STATUS_COLUMNS, join, {"platform": self.platform}

    def is_done(self, row: Row) -> bool:
        return (row["old"] or NOT_STARTED) == self.status

    def hidden(self, wh: Warehouse, rows: Sequence[Planned]) -> Collection[str]:
        new = [row.key for row in rows if row.is_new]
        keys, bound = _sql.text_array("keys", new)
        sql = _sql.render(wh.namespace, _STORED, keys=keys)
        params = {**bound, "platform": self.platform}
        found = read_as_app(wh, lambda app: app.query(sql, params)) if new else None
        return {row["key"] for row in found or ()}

    def write(self, wh: Warehouse, operation: Operation, rows: Sequence[Planned]) -> int:
        params = {"platform": self.platform, "status": self.status}
        _require_unmasked(operation, PLATFORMS_STATUS, params)
        ids = {row.key: new_id(row.key, self.platform) for row in rows}
        return _run(wh, operation, _SET_STATUS, {**params, "rows": _json(rows, ids)})


@dataclass(frozen=True)
class WriteUpdate:
    """Adds an update with these values to each account."""

    values: Values
    reason = ""
    of = ACCOUNTS
    table = UPDATES
    inserts = True
    step = "Write the updates"

    def reads(self, wh: Warehouse) -> tuple[str, str, Mapping[str, Any]]:
        return "CAST(NULL AS STRING) AS old", "", {}

    def is_done(self, row: Row) -> bool:
        return False

    def hidden(self, wh: Warehouse, rows: Sequence[Planned]) -> Collection[str]:
        return ()

    def write(self, wh: Warehouse, operation: Operation, rows: Sequence[Planned]) -> int:
        _require_unmasked(operation, UPDATES, self.values)
        parts, params = _sql.insert_parts(UPDATES, self.values)
        # The ids are the same each time, so a repeated statement inserts nothing.
        ids = {row.key: str(uuid.uuid5(uuid.UUID(operation.id), row.key)) for row in rows}
        return _run(wh, operation, _WRITE_UPDATE, {**params, "rows": _json(rows, ids)}, **parts)


def _run(
    wh: Warehouse, operation: Operation, template: str, params: dict[str, Any], **parts: str
) -> int:
    sql = _sql.render(wh.namespace, template, rows=_ROWS, **parts)
    return operations.run(wh, operation, sql, params, repeatable=True)


def _json(rows: Sequence[Planned], ids: Mapping[str, str] | None = None) -> str:
    new = ids or {}
    given = [{"k": r.key, "s": r.seen, "n": r.is_new, "i": new.get(r.key)} for r in rows]
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))


def _require_unmasked(operation: Operation, table: Table, values: Values) -> None:
    """Raise ValueError for a column that a policy masks: the forms do not offer it."""
    if masked := operation.masked(table) & values.keys():
        raise ValueError(f"{table.name}: {', '.join(sorted(masked))} is masked")
