"""Save one record, so that only one row has its key, even if an answer is lost.

Unity Catalog enforces no keys, and two inserts of one key at the same moment need not conflict
(https://docs.databricks.com/optimizations/isolation/row-level-concurrency). So after an insert the
rows with the key are read. If there are several, the one that was committed first stays, and each
other one is deleted by the operation that inserted it.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from crm.model.records import Record
from crm.model.schema import CHANGE_ID, Table
from crm.repository import _sql, operations
from crm.repository._sql import Row, Values
from crm.repository.errors import AlreadyExists, Missing, NotSaved, Stale
from crm.repository.operations import Operation
from crm.repository.steps import insist
from crm.repository.tables.hidden_rows import read_as_app
from crm.warehouse import Warehouse
from crm.warehouse.errors import (
    Dropped,
    ObjectNotFound,
    PermissionDenied,
    SignInFailed,
    StatementFailed,
    StatementTimeout,
    WarehouseError,
)

from ._key import Key
from ._take_back import take_back

log = logging.getLogger(__name__)
Result = TypeVar("Result")

# Errors after which the statement may have run.
_LOST = (Dropped, StatementTimeout, SignInFailed)
# The number of latest commits in which the inserts of a key are searched.
_RECENT = 100
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_INSERTED = """
SELECT t.created_at, MAX(t._commit_version) AS version FROM {feed} AS t
WHERE t._change_type = 'insert'
  AND ARRAY_CONTAINS(FROM_JSON(:moments, 'array<bigint>'), UNIX_MICROS(t.created_at))
GROUP BY t.created_at
"""


@dataclass(frozen=True)
class Saved:
    """A statement that ran, and the rows with its key; None if they could not be read."""

    operation: Operation
    written: int
    rows: list[Row] | None

    def is_own(self, row: Row) -> bool:
        return self.operation.is_of_same_form(row[CHANGE_ID.name])


def create(
    wh: Warehouse,
    key: Key,
    values: Values,
    form: str,
    insert: Callable[[Operation], int],
    update: Callable[[Row], object],
    operation: Operation | None = None,
) -> bool:
    """Insert a row with a new key, and return whether the person sees it afterwards.

    :param form: identifies the form, so that sending it again does not insert another row. If it
        is sent again with other ``values``, ``update`` saves these.
    :param operation: the operation of the form, if the row is a part of a larger operation.

    Two statements. Raises AlreadyExists, also if somebody changed the row meanwhile, Missing and
    NotSaved.
    """
    operation = operation or operations.of_form(wh, operations.CREATE, form)
    saved = save(wh, key, operation, insert)
    if saved.rows is None:
        return True
    row = keep_one(wh, key, saved)
    if row is None and saved.written:
        return False
    if row is None and key.bsnid:
        raise Missing(key.bsnid)
    similar = key.similar(row)
    if row is None or similar or not saved.is_own(row):
        raise AlreadyExists(key.text, similar)
    if not saved.written and not _sql.has_values(row.__getitem__, values):
        try:
            update(row)
        except Stale as stale:
            raise AlreadyExists(key.text) from stale
    return True


def save(
    wh: Warehouse, key: Key, operation: Operation, statement: Callable[[Operation], int]
) -> Saved:
    """Run a statement that may insert a row, and read the rows with its key.

    ``operation`` is the form's (``operations.of_form``). If the answer is lost, the rows show
    whether the statement ran; if it did not, it is sent once more. Raises NotSaved, and Missing if
    the account of a child does not exist.
    """
    lost: WarehouseError | None = None
    for may_repeat in (True, False):
        written, lost = attempt(partial(statement, operation), lost)
        saved = Saved(operation, written, _rows(wh, key, operation, written, lost))
        if lost is None or any(map(saved.is_own, saved.rows or ())):
            return saved
        if any(map(saved.is_own, read_result(lost, partial(_rows_for_app, wh, key)))):
            return replace(saved, written=1)  # a row filter hides the row from the person
        if not (may_repeat and isinstance(lost, Dropped)):
            break
        # A new id, since the first statement may still be running.
        operation = operations.again(operation)
    raise NotSaved() from lost


def update(
    values: Values,
    seen: dt.datetime | None,
    key: str,
    run: Callable[[], int],
    read: Callable[[], Record | None],
) -> int | None:
    """Run an UPDATE of a row that did not change since ``seen``; return how many rows it changed.

    Return None if the record has all ``values`` and changed since ``seen``, perhaps by this
    UPDATE: it runs twice if an answer is lost. ``read`` returns the record of ``key``, if the
    UPDATE changed no row. One or two statements. Raises Missing, NotSaved, and Stale unless the
    record has all ``values`` already.
    """
    written, lost = attempt(run)
    if written:
        return written
    current = read_result(lost, read)
    if current is None:
        raise Missing(key)
    if _sql.has_values(current.value, values):
        return 0 if current.value("updated_at") == seen else None
    if lost and current.value("updated_at") == seen:
        raise NotSaved() from lost
    raise Stale(current)


def attempt(
    run: Callable[[], int], before: WarehouseError | None = None
) -> tuple[int, WarehouseError | None]:
    """Return (the number of rows that a write changed, the error after which that is unknown).

    ``before`` is such an error of an earlier try, which may have run even if this one fails.
    """
    try:
        return run(), None
    except _LOST as error:
        return 0, error
    except WarehouseError:
        if before is None:
            raise
        return 0, before


def read_result(lost: WarehouseError | None, read: Callable[[], Result]) -> Result:
    """Read the result of a write. If that fails after a ``lost`` answer, the result is unknown:
    raise ``lost`` if it says so, else Dropped.
    """
    try:
        return read()
    except WarehouseError as error:
        if lost is None:
            raise
        is_known = isinstance(lost, (Dropped, SignInFailed))
        raise (lost if is_known else Dropped(query_id=lost.query_id)) from error


def _rows(
    wh: Warehouse, key: Key, operation: Operation, written: int, lost: WarehouseError | None
) -> list[Row] | None:
    """Return the rows with the key. A child without its account is deleted, and Missing raised."""
    try:
        return read_result(lost, partial(key.rows, wh))
    except Missing:
        if written or lost:
            _take_back(wh, key, operation.id)
        raise
    except WarehouseError as error:
        if lost or not written:
            raise
        log.warning("a row of %s was saved, but not read back: %s", key.table.name, error)
        return None


def keep_one(wh: Warehouse, key: Key, saved: Saved) -> Row | None:
    """Return the row that keeps the key, or None, after several were inserted at the same moment.

    All operations that inserted one decide alike. Two more statements for each deleted row. Raises
    Dropped if the order of the inserts cannot be read now: the row may stay.
    """
    rows = saved.rows or []
    own = [row for row in rows if saved.is_own(row) and row["created_at"] == row["updated_at"]]
    if len(rows) < 2 or not own:
        return next(iter([*own, *rows]), None)
    read = partial(insert_versions, wh, key.table, rows)
    versions = read_result(Dropped(), partial(insist, wh, read))
    kept = min(rows, key=lambda row: insert_order(row, versions))
    for change_id in sorted({row[CHANGE_ID.name] for row in own} - {kept[CHANGE_ID.name]}):
        _take_back(wh, key, change_id)
    return kept


def insert_versions(wh: Warehouse, table: Table, rows: Iterable[Row]) -> Mapping[object, int]:
    """Return the versions of the table that inserted the rows, by ``created_at``.

    Only for the last ``_RECENT`` commits. Two statements. Returns none if the change feed cannot
    be read, for example because of a row filter. Raises WarehouseError if that may pass: other
    operations may be able to read it, and must decide alike.
    """
    home = wh.namespace
    created = {row["created_at"] for row in rows} - {None}
    moments = [(each - _EPOCH) // dt.timedelta(microseconds=1) for each in created]
    try:
        history = wh.query(_sql.render(home, _sql.NEWEST_COMMIT, table=home.table(table)))
        latest = max(row["version"] for row in history)
        feed = home.change_feed(table, max(0, latest - _RECENT))
        sql = _sql.render(home, _INSERTED, feed=feed)
        found = wh.query(sql, {"moments": json.dumps(moments)})
    except (StatementFailed, PermissionDenied, ObjectNotFound) as error:
        log.warning("the order of inserts is not known: %s", error)
        return {}
    return {row["created_at"]: row["version"] for row in found}


def insert_order(row: Row, versions: Mapping[object, int]) -> tuple[int, dt.datetime, str]:
    """Return a sort key, which is the smallest for the row that was committed first: it stays.

    Its operation may have read it back before there was another row, so the first one must stay.
    If the versions are unknown, the earlier statement comes first.
    """
    created = row["created_at"]
    return versions.get(created, -1), created or _sql.EARLIEST, row[CHANGE_ID.name] or ""


def _take_back(wh: Warehouse, key: Key, change_id: str) -> None:
    """Delete the row that this operation inserted. Two statements. Raises NotTakenBack."""
    take_back(wh, key.table, key.match, key.values, change_id)


def refuse_hidden(wh: Warehouse, key: Key, form: str = "") -> None:
    """Raise AlreadyExists if the app sees a row with the key, and the person does not.

    If the app has no such rights, the statement that inserts the row finds only rows that the
    person sees. Raises WarehouseError: see ``read_as_app``.
    """
    rows, own = _rows_for_app(wh, key), operations.of_form(wh, operations.CREATE, form)
    if any(own.is_of_same_form(row[CHANGE_ID.name]) for row in rows):
        return
    if rows and not key.rows(wh):
        raise AlreadyExists(key.text)


def _rows_for_app(wh: Warehouse, key: Key) -> list[Row]:
    """Return the rows with the key that the app sees; none if it has no rights of its own, or sees
    no account. One statement. Raises WarehouseError."""
    try:
        return read_as_app(wh, key.rows) or []
    except Missing:
        return []
