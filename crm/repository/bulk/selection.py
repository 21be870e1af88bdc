"""The rows that a bulk change selects."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm.model.namespace import Namespace, quoted
from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.errors import TooMany
from crm.repository.records import _status_since, view_counts
from crm.repository.records._list_query import ListSource, Query
from crm.warehouse import Warehouse

# Keys and versions are sent as one parameter, and a statement takes at most 1 MB of parameters:
# crm/warehouse/connector.py. A row takes about 90 bytes and its key.
MOST = 4_000
KEY_BYTES = 64 * MOST
NAME_LENGTH = 100

_SELECTED = """
SELECT {selected} FROM (
  SELECT {columns} FROM {table} WHERE ARRAY_CONTAINS({keys}, {key})
) AS a {more}
"""
_COLUMNS = """a.{key} AS key, {name} AS name, {account} AS account,
  UNIX_MICROS(a.updated_at) AS version, CURRENT_TIMESTAMP() AS moment, {columns}"""
_ACCOUNT = """
LEFT JOIN (
  SELECT bsnid AS of_bsnid, MAX(team) AS of_team FROM {accounts} GROUP BY bsnid
) AS o ON o.of_bsnid = a.{owner}
"""


@dataclass(frozen=True)
class Selection:
    """The rows with these keys or, without keys, all that the listing finds."""

    listing: Listing
    keys: tuple[str, ...] = ()
    table: Table = ACCOUNTS


@dataclass(frozen=True)
class Planned:
    """A row that a bulk change plans to change.

    :param old: the value to replace; None if an account has no such row yet (``is_new``), or the
        change replaces nothing.
    :param seen: the version of the row to change: its ``updated_at`` in microseconds, or None.
    :param has_copies: whether several rows have its key.
    :param account: the name of its account; empty for an account itself.
    """

    key: str
    name: str
    old: str | None = None
    seen: int | None = None
    is_new: bool = False
    has_copies: bool = False
    account: str = ""


@dataclass(frozen=True)
class Found:
    """The visible rows of a selection, sorted by name, and the moment at which they were read."""

    rows: list[Row]
    moment: dt.datetime | None


def load(
    wh: Warehouse,
    selection: Selection,
    columns: str,
    join: str = "",
    params: Mapping[str, Any] | None = None,
) -> Found:
    """Return the selected rows, each once, with ``key``, ``name``, ``account``, ``version`` and
    the given ``columns`` of the row (``a``) and of the ``join``.

    Of several rows with one key, the one that changed last counts; ``copies`` says how many
    there are. One statement. Raises TooMany if there are more than ``MOST``, or their keys are
    very long.
    """
    table = selection.table
    selected, own_join = _selected(wh.namespace, table, columns)
    more = f"{own_join} {join} LIMIT {_rows_read()}"
    find = _with_keys if selection.keys else _matching
    rows = find(wh, selection, selected, more, params or {})
    copies = Counter(row["key"] for row in rows)
    latest: dict[str, Row] = {}
    for row in sorted(rows, key=_age):
        latest[row["key"]] = {**row, "copies": copies[row["key"]]}
    size = sum(len(key.encode()) for key in latest)
    if len(latest) > MOST or len(rows) == _rows_read() or size > KEY_BYTES:
        raise TooMany(MOST)
    by_name = sorted(latest.values(), key=lambda row: ((row["name"] or "").lower(), row["key"]))
    return Found(by_name, rows[0]["moment"] if rows else None)


def _with_keys(
    wh: Warehouse, selection: Selection, selected: str, more: str, params: Mapping[str, Any]
) -> list[Row]:
    table = selection.table
    keys, bound = _sql.text_array("keys", selection.keys)
    parts = {"selected": selected, "columns": _sql.names(table.names), "keys": keys}
    parts |= {"table": wh.namespace.table(table), "key": quoted(table.key), "more": more}
    return wh.query(_sql.render(wh.namespace, _SELECTED, **parts), {**bound, **params})


def _matching(
    wh: Warehouse, selection: Selection, selected: str, more: str, params: Mapping[str, Any]
) -> list[Row]:
    listing = selection.listing

    def query(source: ListSource, _: bool) -> list[Row]:
        sql, bound = Query.of(wh.namespace, listing, source).matching(selected, more)
        return wh.query(sql, {**bound, **params})

    return _status_since.read(wh, listing, view_counts.SOURCES[selection.table], query)


def name_of(table: Table, alias: str) -> str:
    """Return the SQL of a row's name: the beginning of a text, which may be long."""
    return f"SUBSTRING({alias}.{quoted(table.gist)}, 1, {NAME_LENGTH})"


def _selected(namespace: Namespace, table: Table, columns: str) -> tuple[str, str]:
    """Return the columns of a selected row, and the join that they need."""
    join = account = ""
    if table.parent_key:
        owner = quoted(table.parent_key)
        join = _sql.render(namespace, _ACCOUNT, owner=owner)
        account = f"COALESCE(o.of_team, a.{owner})"
    parts = {"key": quoted(table.key), "name": name_of(table, "a"), "columns": columns}
    return _sql.fill(_COLUMNS, account=account or "CAST(NULL AS STRING)", **parts), join


def _rows_read() -> int:
    # Some more, since several rows may have one key.
    return 2 * MOST


def _age(row: Row) -> tuple[int, int]:
    """Return the sort key of the row's last change, then of the joined row's last change."""
    return row["version"] or 0, row.get("old_version") or 0
