"""Read and write use cases and updates: rows of an account, with an id that the CRM creates."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crm.model.records import AnyRecord
from crm.model.schema import USE_CASES, Table
from crm.repository import _sql, operations
from crm.repository._sql import Row, Values
from crm.repository.errors import ChangedMeanwhile, Missing, ReasonNotKept, Stale
from crm.repository.operations import Operation
from crm.repository.steps import NOTHING, Earlier, run_steps
from crm.repository.tables import notes
from crm.warehouse import Warehouse

from . import _deleting, _key, _saving
from ._key import Key
from ._list_query import Cut, ListSource

# How often orphans are looked for while others change them.
_LOOKS = 5
# Columns of a child's account; its list can be filtered by each.
OF_ACCOUNT = ("team", "business_area", "vp", "primary_it_partner")
# The account's columns for the list of its children. Each child comes once, even if several rows
# of accounts have the account's key.
ACCOUNT_OF_CHILD = """
  LEFT JOIN (
    SELECT bsnid, MAX(team) AS team, MAX(business_area) AS business_area, MAX(vp) AS vp,
      MAX(primary_it_partner) AS primary_it_partner
    FROM {accounts} GROUP BY bsnid
  ) AS a ON a.bsnid = account_bsnid
"""
# The team is looked up for the page's rows only, each of which has its number.
_ROWS = """
  SELECT p.rn, {columns}, MAX(a.team) AS team
  FROM ({page}) AS p LEFT JOIN {accounts} AS a ON a.bsnid = p.account_bsnid
  GROUP BY p.rn
"""
# Texts are long, so a far page is cut from the list with keys only.
_FAR_ROWS = """
  SELECT {columns}, team, p.rn
  FROM ({page}) AS p JOIN {table} AS f ON f.id = p.id
  {join}
  WHERE {is_same}
"""

_CREATE = """
MERGE INTO {table} AS t
USING (
  SELECT CAST(:id AS STRING) AS id, a.bsnid AS account_bsnid, {bound},
    CURRENT_TIMESTAMP() AS now, CAST(:actor AS STRING) AS actor,
    CAST(:change_id AS STRING) AS change_id
  FROM {one_account} AS a
) AS s
ON t.id = s.id
WHEN NOT MATCHED THEN INSERT
  (id, account_bsnid, {names}, created_at, updated_at, created_by, updated_by, change_id)
  VALUES (s.id, s.account_bsnid, {sources}, s.now, s.now, s.actor, s.actor, s.change_id)
"""
_UPDATE = """
UPDATE {table}
SET {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
WHERE id = :id AND updated_at <=> CAST(:seen AS TIMESTAMP)
  AND (CAST(:has_reason AS BOOLEAN) OR NOT ({same}))
"""


def list_source(table: Table, joins: Mapping[str, str] | None = None, **parts: Any) -> ListSource:
    """Return the source of the list of a table of children, with their account's team.

    ``joins`` are further joins; each adds a column with its name.
    """
    rows = _sql.fill(
        _ROWS,
        columns=_sql.any_values(table.names, "p"),
        page="{page}",
        accounts="{accounts}",
    )
    far_rows = _sql.fill(
        _FAR_ROWS,
        columns=_sql.names(table.names, "f"),
        join=ACCOUNT_OF_CHILD,
        page="{page}",
        table="{table}",
        is_same="{is_same}",
    )
    return ListSource(
        table=table,
        cut=Cut(table.names, rows),
        far_cut=Cut(("id",), far_rows),
        key="id",
        joins={"account": ACCOUNT_OF_CHILD, **(joins or {})},
        extra_joins=("account",),
        joined=dict.fromkeys(OF_ACCOUNT, "account"),
        extra=", team",
        **parts,
    )


def list_rows(kind: type[AnyRecord], rows: list[Row]) -> tuple[AnyRecord, ...]:
    """Return the page's records from ``rows``, which repeat all duplicates of a row."""
    copies: dict[int, list[Row]] = {}
    for row in rows:
        copies.setdefault(row["rn"], []).append(row)
    taken: Counter[str] = Counter()
    found = []
    for same in copies.values():
        id = same[0]["id"]
        found.append(_sql.record(kind, same[taken[id] % len(same)]))
        taken[id] += 1
    return tuple(found)


def get(wh: Warehouse, table: Table, kind: type[AnyRecord], id: str) -> AnyRecord | None:
    """Return the row with its account's team, or None; of several the one that changed last.

    A use case also has the reason of its status. One statement.
    """
    if table is not USE_CASES:
        return _get(wh, table, kind, id, has_notes=False)
    return notes.read(wh, lambda has_notes: _get(wh, table, kind, id, has_notes=has_notes))


def _get(
    wh: Warehouse, table: Table, kind: type[AnyRecord], id: str, *, has_notes: bool
) -> AnyRecord | None:
    sql = """
    SELECT {columns}, a.team, {reason} AS reason
    FROM {table} AS c LEFT JOIN {accounts} AS a ON a.bsnid = c.account_bsnid {join}
    WHERE c.id = :id
    """
    reason, join = notes.reasons(wh.namespace, "c", has_notes=has_notes)
    columns = _sql.names(table.names, "c")
    text = _render(wh, sql, table, columns=columns, reason=reason, join=join)
    rows = wh.query(text, {"id": id})
    return _sql.record(kind, _sql.latest_first(rows)[0]) if rows else None


def create(
    wh: Warehouse,
    table: Table,
    kind: type[AnyRecord],
    bsnid: str,
    id: str,
    values: Values,
    reason: str = "",
    operation: Operation | None = None,
) -> bool:
    """Insert the row if its account exists; return whether the person sees it afterwards.

    ``id`` also identifies the form, which may be sent again; see ``_saving.create``. ``reason`` is
    the reason of its status; ``operation`` is given for a part of a larger operation. Raises
    Missing for the account, AlreadyExists if the row was changed since, and ReasonNotKept.

    Two statements, three with a reason. The last one checks that nobody deleted the account
    meanwhile, and otherwise deletes the row; accounts.delete also checks.
    """
    parts, params = _sql.insert_parts(table, values)
    params |= {"id": id, "bsnid": bsnid}
    text = _render(wh, _CREATE, table, one_account=_key.one_account(wh.namespace), **parts)
    noted = []

    def insert(operation: Operation) -> int:
        noted.append(operations.note_reason(wh, operation, reason))
        return operations.run(wh, operation, text, params, repeatable=False)

    is_seen = _saving.create(
        wh,
        Key(table, {"id": id}, bsnid),
        values,
        form=id,
        insert=insert,
        update=lambda row: update(wh, table, kind, id, values, row["updated_at"]),
        operation=operation,
    )
    if reason and not noted[-1]:
        raise ReasonNotKept(is_seen=is_seen)
    return is_seen


def update(
    wh: Warehouse,
    table: Table,
    kind: type[AnyRecord],
    id: str,
    values: Values,
    seen: dt.datetime | None,
    operation: Operation | None = None,
    reason: str = "",
    *,
    removes_reason: bool = False,
) -> bool:
    """Update the row if it did not change since ``seen``. Raises Stale or Missing.

    Without ``operation`` this is a separate edit. Values that the row already has are not written
    and are no conflict; it returns False if the row had all of them when it was ``seen``. But if
    the ``reason`` of its status is set or removed, the row is always written. Raises
    ReasonNotKept after the row was saved, or if the reason was not removed.
    """
    saved = _sql.checked(table, values)
    parts = _sql.update_parts(table, saved)
    operation = operation or operations.new(wh, operations.EDIT)
    is_noted = operations.note_reason(wh, operation, reason, removes=removes_reason)
    params = {**saved, "id": id, "seen": seen, "has_reason": is_noted}
    written = _saving.update(
        saved,
        seen,
        key=id,
        run=lambda: operations.run(
            wh, operation, _render(wh, _UPDATE, table, **parts), params, repeatable=True
        ),
        read=lambda: get(wh, table, kind, id),
    )
    if (reason or removes_reason) and not is_noted:
        raise ReasonNotKept()
    if is_noted and not operations.written_rows(wh, operation, table, written or 0, 1):
        current = get(wh, table, kind, id)  # somebody saved the same values first
        raise Stale(current) if current else Missing(id)
    return is_noted or written != 0


def delete(
    wh: Warehouse,
    table: Table,
    id: str,
    operation: Operation | None = None,
    earlier: Earlier = NOTHING,
    *,
    blind: bool = True,
) -> None:
    """Stamp the row and delete it; for ``blind`` see ``_deleting.delete_stamped``.

    Raises Missing if the person sees no such row, HalfDone, and ChangedMeanwhile if somebody
    changed the row since it was stamped.
    Without ``operation`` this is a separate deletion, or continues the ``earlier`` attempts.
    """
    operation = operation or _deleting.begin(wh, table, id).resume(earlier.operation)
    if earlier.done:
        operations.require_unchanged(wh, operation, table, id)
    steps = [
        _deleting.stamp(wh, operation, table, id),
        _deleting.delete_stamped(
            wh, operation, f"Delete the {table.singular}", table, id, blind=blind
        ),
    ]
    run_steps(wh, operation, steps, done=earlier.done)


def delete_orphans(
    wh: Warehouse, operation: Operation, find: Callable[[], Sequence[tuple[Table, str]]]
) -> int:
    """Delete the rows without an account that ``find`` returns, and return their number.

    If somebody changes one meanwhile, it looks again, up to ``_LOOKS`` times: the row may have an
    account now.
    """
    deleted, is_changed = 0, True
    for look in range(_LOOKS):
        if not is_changed:
            break
        is_changed = False
        for table, id in find():
            try:
                delete(wh, table, id, operation, blind=look > 0)
                deleted += 1
            except Missing:
                pass  # the person who added it has deleted it
            except ChangedMeanwhile:
                is_changed = True
    return deleted


def _render(wh: Warehouse, sql: str, table: Table, **parts: str) -> str:
    return _sql.render(wh.namespace, sql, table=wh.namespace.table(table), **parts)
