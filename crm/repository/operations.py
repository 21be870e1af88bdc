"""Operations: a change of rows, from whichever page or command, and the statements that make it.

Each row that an operation inserts or updates carries the operation's id in ``change_id``. From
the ids the history knows who wrote a row version, and what was written together, without comparing
clocks. Rows that are deleted carry it if the operation stamps them first.

All writes of rows run here. Only restores of whole tables do not: they bring back the ids of
earlier operations.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from crm import metrics
from crm.model.namespace import Namespace, quoted
from crm.model.schema import CHANGE_ID, Table
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, WarehouseError

from . import _sql, _writing
from .errors import ChangedMeanwhile
from .tables import privileges

log = logging.getLogger(__name__)

CREATE, EDIT, DELETE, REVERT = "create", "edit", "delete", "revert"
IMPORT, COPY, REPAIR, LOAD = "import", "copy", "repair", "load"
BULK, MERGE = "bulk", "merge"

# The table may be missing, or the person may have no right to it: notes are optional.
_BEGIN = """
MERGE INTO {operations} AS t
USING (SELECT CAST(:id AS STRING) AS id, CAST(:kind AS STRING) AS kind) AS s
ON t.id = s.id
WHEN NOT MATCHED THEN INSERT (id, kind, person, started_at, summary)
  VALUES (s.id, s.kind, :person, CURRENT_TIMESTAMP(), :summary)
"""
_DONE = """
MERGE INTO {operations} AS t
USING (
  SELECT CAST(:id AS STRING) AS id, CAST(:kind AS STRING) AS kind,
    CAST(:began AS TIMESTAMP) AS began, {ended} AS ended,
    CAST(:summary AS STRING) AS summary
) AS s
ON t.id = s.id
WHEN MATCHED AND (t.summary IS NULL OR t.ended_at IS NULL) THEN UPDATE SET
  started_at = s.began, ended_at = s.ended, summary = s.summary
WHEN NOT MATCHED THEN INSERT (id, kind, person, started_at, ended_at, summary)
  VALUES (s.id, s.kind, :person, s.began, s.ended, s.summary)
"""
_END = """
UPDATE {operations} SET ended_at = {ended}, summary = :summary WHERE id = :id AND ended_at IS NULL
"""
_REASON = """
MERGE INTO {operations} AS t
USING (SELECT CAST(:id AS STRING) AS id, CAST(:note AS STRING) AS note) AS s
ON t.id = s.id
WHEN MATCHED THEN UPDATE SET note = s.note
WHEN NOT MATCHED THEN INSERT (id, kind, person, started_at, ended_at, note)
  VALUES (s.id, :kind, :person, CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), s.note)
"""
_NOTE = "SELECT kind, summary, ended_at FROM {operations} WHERE id = :id"
_COUNT = "SELECT COUNT(*) FROM {table} WHERE change_id = :change_id"
# Characters of an id that say which form the operation comes from.
_HALF = 16
_PARAMETERS = re.compile(r":(\w+)")
_WRITES_ROWS = re.compile(r"\b(INSERT|UPDATE)\b")


@dataclass(frozen=True)
class Operation:
    """``person`` makes the change; ``kind`` is one of the constants above.

    ``masks``: by table name, columns that the operation must not write. A person for whom a mask
    hides a value would write the mask's text in its place.
    """

    id: str
    kind: str
    person: str
    masks: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def masked(self, table: Table) -> frozenset[str]:
        return self.masks.get(table.name, frozenset())

    @property
    def half(self) -> str:
        """Return how the ids of all operations begin that send the same form."""
        return self.id[:_HALF]

    def is_of_same_form(self, change_id: str | None) -> bool:
        """Return whether the id is of this operation, or of another that sent the same form."""
        return (change_id or "")[:_HALF] == self.half

    def resume(self, id: str) -> Operation:
        """Return the operation with the id of an earlier attempt, if there was one."""
        return replace(self, id=id) if id else self


def new(wh: Warehouse, kind: str) -> Operation:
    """Begin an operation of the warehouse's actor that writes only values that a person typed."""
    return Operation(uuid.uuid4().hex, kind, wh.actor)


def of_form(wh: Warehouse, kind: str, form: str) -> Operation:
    """Begin an operation for a form, which its person may send several times.

    The ids of these operations have the same first half, which no other person's form has. An
    empty ``form`` is like no other.
    """
    random = uuid.uuid4().hex
    half = half_of_form(wh, form) if form else random[:_HALF]
    return Operation(half + random[_HALF:], kind, wh.actor)


def half_of_form(wh: Warehouse, form: str) -> str:
    """Return how the ids of all operations begin that send this form of the warehouse's actor."""
    return hashlib.sha256(f"{wh.actor}\n{form}".encode()).hexdigest()[:_HALF]


def again(operation: Operation) -> Operation:
    """Begin an operation that sends the same form once more."""
    return replace(operation, id=operation.id[:_HALF] + uuid.uuid4().hex[_HALF:])


def of_many(wh: Warehouse, kind: str, form: str = "") -> Operation:
    """Begin an operation of many rows, for a form if one is given. One statement, which reads the
    masks."""
    return replace(of_form(wh, kind, form), masks=privileges.masked_columns(wh))


@contextmanager
def noted(wh: Warehouse, operation: Operation, summary: Callable[[], str]) -> Iterator[None]:
    """Note in the table of operations when the operation begins and ends, and what it did.

    ``summary`` returns what it has done so far (see summaries). An operation that fails has no
    end, and one that is repeated after its end keeps the note of it. Two statements; without the
    table, or the right to write to it, nothing is noted.
    """
    who = {"kind": operation.kind, "person": operation.person}
    _note(wh, _BEGIN, {"id": operation.id, **who, "summary": summary()})
    ended = "NULL"
    try:
        yield
        ended = "CURRENT_TIMESTAMP()"
    finally:
        _note(wh, _END, {"id": operation.id, "summary": summary()}, ended=ended)


def note_done(
    wh: Warehouse,
    operation: Operation,
    began: dt.datetime,
    summary: str,
    *,
    is_ended: bool = True,
) -> None:
    """Note what an operation has done, or begins to do, in one statement.

    ``began`` is a moment before its first write. The summary of an operation that has ended is
    kept.
    """
    who = {"id": operation.id, "kind": operation.kind, "person": operation.person}
    ended = "CURRENT_TIMESTAMP()" if is_ended else "CAST(NULL AS TIMESTAMP)"
    _note(wh, _DONE, {**who, "began": began, "summary": summary}, ended=ended)


def _note(wh: Warehouse, template: str, params: dict[str, Any], **parts: str) -> None:
    try:
        wh.execute(_sql.render(wh.namespace, template, **parts), params, repeatable=True)
    except WarehouseError as error:
        log.warning("the operation %s was not noted: %s", params["id"], error)


def note_reason(
    wh: Warehouse, operation: Operation, reason: str, *, removes: bool = False
) -> bool:
    """Note why a person makes this edit, before it is made; return whether that is noted.

    So no edit is saved whose reason is lost on the way. ``removes``: note that an earlier reason
    was wrong. One statement, none without either. Returns False where the table of operations, or
    the right to write to it, is missing. Raises WarehouseError where that is not the cause.
    """
    if not (reason or removes):
        return False
    params = {"id": operation.id, "kind": operation.kind, "person": operation.person}
    sql = _sql.render(wh.namespace, _REASON)
    try:
        wh.execute(sql, {**params, "note": reason}, repeatable=True)
    except (ObjectNotFound, PermissionDenied) as error:
        log.warning("the reason of operation %s was not noted: %s", operation.id, error)
        return False
    return True


@dataclass(frozen=True)
class Noted:
    """The note of an operation; empty texts without one."""

    kind: str = ""
    summary: str = ""
    is_ended: bool = False


def read_note(wh: Warehouse, id: str) -> Noted:
    """Return the operation's note. One statement."""
    try:
        rows = wh.query(_sql.render(wh.namespace, _NOTE), {"id": id})
    except WarehouseError:
        rows = []
    if not rows:
        return Noted()
    return Noted(rows[0]["kind"] or "", rows[0]["summary"] or "", rows[0]["ended_at"] is not None)


def run(
    wh: Warehouse,
    operation: Operation,
    sql: str,
    params: dict[str, Any] | None = None,
    *,
    repeatable: bool,
) -> int:
    """Run one statement of the operation, and return how many rows it changed.

    Binds ``:change_id`` and ``:actor`` where the statement has them. Raises ValueError if it
    inserts or updates rows without ``:change_id``, NewerSchema, and as ``wh.execute`` does.
    """
    values = bound(operation, sql, params or {})
    metrics.count("edip_operation_statements_total", kind=operation.kind)
    return _writing.write(wh, sql, values or None, repeatable=repeatable)


def bound(operation: Operation, sql: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a statement, with the operation's own where the SQL has them.

    Raises ValueError if it inserts or updates rows without ``:change_id``.
    """
    used = set(_PARAMETERS.findall(sql))
    if CHANGE_ID.name not in used and _WRITES_ROWS.search(sql):
        raise ValueError("a statement writes rows without the operation's id")
    own = {CHANGE_ID.name: operation.id, "actor": operation.person}
    return params | {name: value for name, value in own.items() if name in used}


def require_unchanged(wh: Warehouse, operation: Operation, table: Table, key: str) -> None:
    """Raise ChangedMeanwhile if the row exists and somebody changed it after the operation.

    One statement. Raises WarehouseError.
    """
    sql = "SELECT change_id FROM {table} WHERE {key} = :key"
    text = _sql.render(wh.namespace, sql, table=wh.namespace.table(table), key=quoted(table.key))
    if any(row["change_id"] != operation.id for row in wh.query(text, {"key": key})):
        raise ChangedMeanwhile(key)


def written_rows(
    wh: Warehouse, operation: Operation, table: Table, counted: int, expected: int
) -> int:
    """Return how many rows of the table the operation wrote.

    ``counted`` are those that its answers named. Fewer than ``expected`` mean that others were
    first, or that an answer was lost: the statement then ran twice, and changed nothing the second
    time. So the rows that have the operation's id are counted. At most one statement. Raises
    WarehouseError.
    """
    if counted >= expected:
        return counted
    return max(counted, count_rows(wh, operation, [table]))


def count_rows(wh: Warehouse, operation: Operation, tables: Sequence[Table]) -> int:
    """Return how many rows of the tables have the operation's id. One statement."""
    sql = counts(wh.namespace, tables)
    return sum(wh.query(sql, {CHANGE_ID.name: operation.id})[0].values())


def counts(namespace: Namespace, tables: Sequence[Table]) -> str:
    """Return the query of how many rows of each table the operation ``:change_id`` wrote, as
    columns ``n0``, ``n1``, …"""
    each = (_sql.render(namespace, _COUNT, table=namespace.table(table)) for table in tables)
    columns = ", ".join(f"({count}) AS n{place}" for place, count in enumerate(each))
    return _sql.fill("SELECT {columns}", columns=columns or "0 AS n0")
