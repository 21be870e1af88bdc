"""Operations: a change of rows, from any page or command, and the statements that make it.

Each row that an operation inserts or updates has the operation's id in ``change_id``. From the ids
the history knows who wrote a row version, and which rows were written together, without comparing
clocks. Deleted rows have the id if the operation stamps them first.

All writes of rows run here, except for restores of whole tables, which bring back the ids of
earlier operations.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crm import metrics
from crm.model.namespace import Namespace, quoted
from crm.model.schema import CHANGE_ID, Table
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, WarehouseError

from . import _sql, _writing
from .errors import ChangedMeanwhile
from .tables import notes, privileges
from .tables.notes import Noted

log = logging.getLogger(__name__)

CREATE, EDIT, DELETE, REVERT = "create", "edit", "delete", "revert"
IMPORT, COPY, REPAIR, LOAD = "import", "copy", "repair", "load"
BULK, MERGE = "bulk", "merge"
# The note that two accounts are two teams. It changes no record.
TWO_TEAMS = "distinct"

# The table may be missing, or the person may have no right to it: notes are optional.
_BEGIN = """
MERGE INTO {operations} AS t
USING (SELECT CAST(:id AS STRING) AS id, CAST(:kind AS STRING) AS kind) AS s
ON t.id = s.id
WHEN MATCHED AND t.summary IS NULL THEN UPDATE SET
  started_at = CURRENT_TIMESTAMP(), ended_at = CAST(NULL AS TIMESTAMP), summary = :summary
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
_COUNT = "SELECT COUNT(*) FROM {table} WHERE change_id = :change_id"
# The number of an id's characters that identify the form of the operation.
_HALF = 16
_ID = re.compile("[0-9a-f]{32}")
_PARAMETERS = re.compile(r":(\w+)")
_WRITES_ROWS = re.compile(r"\b(INSERT|UPDATE)\b")


@dataclass(frozen=True)
class Operation:
    """``person`` makes the change; ``kind`` is one of the constants above.

    ``masks``: by table name, columns that the operation must not write. If a mask hides a value
    from the person, they would write the mask's text in its place. ``began``: a moment before its
    first write, if known.
    """

    id: str
    kind: str
    person: str
    masks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    began: dt.datetime | None = None

    def masked(self, table: Table) -> frozenset[str]:
        return self.masks.get(table.name, frozenset())

    @property
    def half(self) -> str:
        """Return the first half of the id, which all operations of the same form share."""
        return self.id[:_HALF]

    def is_of_same_form(self, change_id: str | None) -> bool:
        """Return whether the id belongs to this operation or another one of the same form."""
        return (change_id or "")[:_HALF] == self.half

    def resume(self, id: str) -> Operation:
        """Return the operation with the id of an earlier attempt, if ``id`` is not empty."""
        return replace(self, id=id) if id else self


def new(wh: Warehouse, kind: str) -> Operation:
    """Begin an operation of the warehouse's actor that writes only values that a person typed."""
    return Operation(uuid.uuid4().hex, kind, wh.actor)


def is_id(change_id: str | None) -> bool:
    """Return whether the text can be an operation's id, and so not what a mask shows instead."""
    return _ID.fullmatch(change_id or "") is not None


def of_form(wh: Warehouse, kind: str, form: str) -> Operation:
    """Begin an operation for a form, which its person may send several times.

    The ids of these operations share their first half, which no other person's form has. An
    empty ``form`` gives a unique id.
    """
    random = uuid.uuid4().hex
    half = half_of_form(wh, form) if form else random[:_HALF]
    return Operation(half + random[_HALF:], kind, wh.actor)


def half_of_form(wh: Warehouse, form: str) -> str:
    """Return the first half of the ids of all operations of this form by the warehouse's actor."""
    return hashlib.sha256(f"{wh.actor}\n{form}".encode()).hexdigest()[:_HALF]


def again(operation: Operation) -> Operation:
    """Begin another operation of the same form."""
    return replace(operation, id=operation.id[:_HALF] + uuid.uuid4().hex[_HALF:])


def of_many(wh: Warehouse, kind: str, form: str = "") -> Operation:
    """Begin an operation of many rows, for a form if one is given. One statement reads the
    masks."""
    return replace(of_form(wh, kind, form), masks=privileges.masked_columns(wh))


def begin(wh: Warehouse, operation: Operation, summary: str) -> Noted:
    """Note that the operation begins, and return the note of an earlier attempt.

    One statement; two after an earlier attempt. On the first attempt the returned note is empty.
    Without the table, or the right to write to it, it is empty, too, and nothing is noted. Raises
    WarehouseError for other causes: no operation begins of which an attempt may be forgotten.
    """
    params = {"id": operation.id, "kind": operation.kind, "person": operation.person}
    sql = _sql.render(wh.namespace, _BEGIN)
    try:
        is_first = wh.execute(sql, {**params, "summary": summary}, repeatable=True)
    except (ObjectNotFound, PermissionDenied) as error:
        log.warning("the operation %s was not noted: %s", operation.id, error)
        return Noted()
    return Noted() if is_first else notes.read_note(wh, operation.id)


def note_end(wh: Warehouse, operation: Operation, summary: str, *, is_ended: bool) -> None:
    """Note what an operation that ``begin`` noted has done so far, and whether it has ended.

    If it is repeated after its end, the note stays. One statement.
    """
    ended = "CURRENT_TIMESTAMP()" if is_ended else "NULL"
    _note(wh, _END, {"id": operation.id, "summary": summary}, ended=ended)


def note_done(
    wh: Warehouse,
    operation: Operation,
    began: dt.datetime,
    summary: str,
    *,
    is_ended: bool = True,
) -> None:
    """Note that the operation has ended or, without ``is_ended``, that it begins. One statement.

    ``began`` is a moment before its first write. The note of an operation that has ended is not
    changed.
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
    """Note the reason of an edit, before the edit is made; return whether it is noted.

    The order ensures that no edit is saved without its reason. ``removes``: note that an earlier
    reason no longer applies. One statement; none without either. Returns False if the table of
    operations, or the right to write to it, is missing. Raises WarehouseError for other causes.
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


def run(
    wh: Warehouse,
    operation: Operation,
    sql: str,
    params: dict[str, Any] | None = None,
    *,
    repeatable: bool,
) -> int:
    """Run one statement of the operation, and return how many rows it changed.

    Binds ``:change_id``, ``:half`` and ``:actor`` if the statement has them. Raises ValueError if
    it inserts or updates rows without ``:change_id``, NewerSchema, and what ``wh.execute`` raises.
    """
    values = bound(operation, sql, params or {})
    metrics.count("edip_operation_statements_total", kind=operation.kind)
    return _writing.write(wh, sql, values or None, repeatable=repeatable)


def bound(operation: Operation, sql: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a statement; add those of the operation that the SQL uses.

    Raises ValueError if it inserts or updates rows without ``:change_id``.
    """
    used = set(_PARAMETERS.findall(sql))
    if CHANGE_ID.name not in used and _WRITES_ROWS.search(sql):
        raise ValueError("a statement writes rows without the operation's id")
    own = {CHANGE_ID.name: operation.id, "half": operation.half, "actor": operation.person}
    return params | {name: value for name, value in own.items() if name in used}


def require_unchanged(wh: Warehouse, operation: Operation, table: Table, key: str) -> None:
    """Raise ChangedMeanwhile if the row exists and somebody changed it after the operation, or
    after another one of the same form.

    One statement. Raises WarehouseError.
    """
    sql = "SELECT change_id FROM {table} WHERE {key} = :key"
    text = _sql.render(wh.namespace, sql, table=wh.namespace.table(table), key=quoted(table.key))
    rows = wh.query(text, {"key": key})
    if not all(operation.is_of_same_form(row["change_id"]) for row in rows):
        raise ChangedMeanwhile(key)


def written_rows(
    wh: Warehouse, operation: Operation, table: Table, counted: int, expected: int
) -> int:
    """Return how many rows of the table the operation wrote.

    ``counted`` is the sum of its statements' answers. If that is less than ``expected``, others
    were first, or an answer was lost, so that the statement ran twice and changed nothing the
    second time. Then count the rows with the operation's id. At most one statement. Raises
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
    """Return the query that counts the rows of each table which the operation ``:change_id``
    wrote, as columns ``n0``, ``n1``, …"""
    each = (_sql.render(namespace, _COUNT, table=namespace.table(table)) for table in tables)
    columns = ", ".join(f"({count}) AS n{place}" for place, count in enumerate(each))
    return _sql.fill("SELECT {columns}", columns=columns or "0 AS n0")
