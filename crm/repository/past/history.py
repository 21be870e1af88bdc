"""Who changed what, and when: the change data feeds of all four tables, in one statement.

See _history_sql for how it tells who made a change.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cachetools import TTLCache

from crm.model.changes import CHANGED, CREATED, DELETED, Change, Undo, values_of
from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _made_ids, _sql, _stamps
from crm.repository._sql import Row
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

from . import change_feed
from ._history_sql import (
    EVENTS,
    MICROS_OF_MOMENT,
    NOT_NOTED,
    NOTED,
    NOTES,
    RECORD_ORDER,
    STATEMENT,
    UNTIL_NOW,
)

PAGE_SIZE = 50


@dataclass(frozen=True)
class Wanted:
    """The filters of the history; an empty field filters nothing.

    ``operation``: only this operation's changes. ``is_gathered``: an operation of many rows is one
    change, the latest of them. ``person`` may be ``OUTSIDE``. ``since`` and ``until`` (exclusive)
    are aware. ``page`` counts from 1.
    """

    bsnid: str = ""
    key: str = ""
    person: str = ""
    field: str = ""
    kind: str = ""
    table: str = ""
    operation: str = ""
    is_gathered: bool = False
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    page: int = 1
    size: int = PAGE_SIZE


@dataclass(frozen=True)
class History:
    """One page of changes, newest first.

    :param total: how many changes the filters let through.
    :param people: everybody who made a change, whatever the filters.
    :param known: how many changes there are, whatever the filters.
    :param team: the name of the account, where one account is asked for.
    """

    wanted: Wanted
    changes: list[Change]
    total: int
    page: int
    people: list[str] = field(default_factory=list)
    known: int = 0
    team: str = ""

    @property
    def last(self) -> int:
        """Return the number of the last page, at least 1."""
        return max(1, -(-self.total // self.wanted.size))


_lock = threading.Lock()
# Whose table of operations is missing or hidden; it is asked for again after a while.
_without_notes: TTLCache[Hashable, bool] = TTLCache(maxsize=200, ttl=600.0)

OUTSIDE = "(outside)"
_CONDITIONS: Mapping[str, str] = {
    "kind": "kind = :kind",
    "table": "place = :table",
    "since": "moment >= :since",
    "until": "moment < :until",
    "operation": "operation = :operation",
    "field": "NOT (GET_JSON_OBJECT(`before`, :field) <=> GET_JSON_OBJECT(`after`, :field))",
}


def load(wh: Warehouse, wanted: Wanted) -> History:
    """Return one page of the history. One statement. Raises WarehouseError.

    Without the table of operations, all that is in it is missing, and nothing is gathered.
    """
    key = wh.cache_key
    with _lock:
        has_notes = key not in _without_notes
    try:
        row = change_feed.read(wh, lambda starts: _query(wh, wanted, starts, has_notes))[0]
    except (ObjectNotFound, PermissionDenied):
        if not has_notes:
            raise
        row = change_feed.read(wh, lambda starts: _query(wh, wanted, starts, False))[0]
        with _lock:
            _without_notes[key] = True
    changes = [_change(each) for each in row["rows"] or ()]
    people, team = list(row["people"] or ()), row["team"] if wanted.bsnid else ""
    return History(wanted, changes, row["total"], row["page"], people, row["known"], team or "")


def _query(
    wh: Warehouse, wanted: Wanted, starts: change_feed.Starts, has_notes: bool
) -> list[Row]:
    conditions, params = _filters(wanted)
    sql = _sql.render(
        wh.namespace,
        STATEMENT,
        events="UNION ALL".join(_events(wh, wanted, table, starts) for table in TABLES),
        noted=_noted(wh) if has_notes else NOT_NOTED,
        is_alone="summary IS NULL" if wanted.is_gathered else "TRUE",
        filters=" AND ".join(conditions),
        of_one="key = :key" if wanted.key else "TRUE",
        micros=str(_stamps.MICROSECONDS),
        is_new_ours=_stamps.is_ours_sql("moment", "new_at"),
        is_old_ours=_stamps.is_ours_sql("moment", "old_at"),
        record_order=RECORD_ORDER,
        of_record=f"({RECORD_ORDER})",
        until_now=UNTIL_NOW,
        micros_of_moment=MICROS_OF_MOMENT,
    )
    params |= {"bsnid": wanted.bsnid} if wanted.bsnid else {}
    params |= {"key": wanted.key} if wanted.key else {}
    return wh.query(sql, {**params, "page": wanted.page, "size": wanted.size})


def _noted(wh: Warehouse) -> str:
    notes, revert_id = _sql.render(wh.namespace, NOTES), _made_ids.of_revert_sql("a.operation")
    return _sql.render(wh.namespace, NOTED, notes=notes, revert_id=revert_id)


def _events(wh: Warehouse, wanted: Wanted, table: Table, starts: change_feed.Starts) -> str:
    """Return the SELECT of a table's changes.

    A child's history needs its account's: deleting the account tells who deleted the child.
    """
    narrowed = [f"{quoted(table.owner)} = :bsnid"] if wanted.bsnid else []
    if wanted.key and table is not ACCOUNTS:
        narrowed.append(f"{quoted(table.key)} = :key")
    return _sql.render(
        wh.namespace,
        EVENTS,
        place=str(TABLES.index(table)),
        key=quoted(table.key),
        owner=quoted(table.owner),
        row=_sql.own_row(table),
        feed=wh.namespace.change_feed(table, starts[table.name]),
        where=f"WHERE {' AND '.join(narrowed)}" if narrowed else "",
    )


def _filters(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    values: dict[str, Any] = {
        "kind": wanted.kind if wanted.kind in (CREATED, CHANGED, DELETED) else None,
        "table": next((n for n, t in enumerate(TABLES) if t.name == wanted.table), None),
        "operation": wanted.operation or None,
        "since": wanted.since,
        "until": wanted.until,
        "field": f"$.{wanted.field}" if wanted.field in fields() else None,
    }
    params = {name: value for name, value in values.items() if value is not None}
    conditions = [_CONDITIONS[name] for name in params] or ["TRUE"]
    if wanted.person == OUTSIDE:
        conditions.append("person IS NULL")
    elif wanted.person:
        conditions.append("person = :person")
        params["person"] = wanted.person
    return conditions, params


def fields() -> dict[str, str]:
    """Return the columns that the history can be filtered by, with their labels."""
    return {column.name: column.label for table in TABLES for column in table.editable}


def _change(row: Row) -> Change:
    table = TABLES[row["place"]]
    before, after = (row[side] and json.loads(row[side]) for side in ("before", "after"))
    return Change(
        table,
        row["key"],
        row["account"],
        values_of(table, before),
        values_of(table, after),
        team=row["team"] or "",
        version=row["version"],
        moment=row["moment"],
        person=row["person"] or "",
        operation=row["operation"] or "",
        summary=row["summary"] or "",
        changes=row["changes"],
        started_at=row["started_at"],
        undo=Undo(**row["undo"]) if row["undo"] else None,
        outside=row["person"] is None,
        returned=bool(row["returned"]),
    )
