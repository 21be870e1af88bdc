"""The accounts that a bulk change is about."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm.model.records import Listing
from crm.model.schema import ACCOUNTS
from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.errors import TooMany
from crm.repository.records import _account_list
from crm.warehouse import Warehouse

# Their keys and versions travel as one parameter, of which a statement takes 1 MB at most:
# crm/warehouse/connector.py. Besides its key, a row of it has about 90 bytes.
MOST = 4_000
KEY_BYTES = 64 * MOST

_SELECTED = """
SELECT {selected} FROM (
  SELECT {columns} FROM {accounts} WHERE ARRAY_CONTAINS({keys}, bsnid)
) AS a {more}
"""
_COLUMNS = """a.bsnid AS key, a.team AS name, UNIX_MICROS(a.updated_at) AS version,
  CURRENT_TIMESTAMP() AS moment, {columns}"""


@dataclass(frozen=True)
class Selection:
    """The accounts with these keys or, without keys, all that the listing finds."""

    listing: Listing
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Planned:
    """An account that a bulk change is about.

    :param old: what the change replaces; None if the account has no such row yet (``is_new``), or
        nothing is replaced.
    :param seen: the version of the row that changes: its ``updated_at`` in microseconds, or None.
    :param has_copies: whether several rows have its key.
    """

    key: str
    name: str
    old: str | None = None
    seen: int | None = None
    is_new: bool = False
    has_copies: bool = False


@dataclass(frozen=True)
class Found:
    """The accounts of a selection that the person sees, by name, and when they were read."""

    rows: list[Row]
    moment: dt.datetime | None


def load(
    wh: Warehouse,
    selection: Selection,
    columns: str,
    join: str = "",
    params: Mapping[str, Any] | None = None,
) -> Found:
    """Return the selected accounts, each once, with ``key``, ``name``, ``version`` and these
    columns of the account (``a``) and of what is joined to it.

    Of several rows for one account, the one that changed last counts; ``copies`` says how many
    there are. One statement. Raises TooMany if there are more than ``MOST``, or their keys are
    very long.
    """
    selected = _sql.fill(_COLUMNS, columns=columns)
    more = f"{join} LIMIT {_rows_read()}"
    if selection.keys:
        keys, bound = _sql.text_array("keys", selection.keys)
        names = _sql.names(ACCOUNTS.names)
        parts = {"selected": selected, "columns": names, "keys": keys, "more": more}
        sql, given = _sql.render(wh.namespace, _SELECTED, **parts), dict[str, Any](bound)
    else:
        sql, given = _account_list.matching(wh.namespace, selection.listing, selected, more)
    rows = wh.query(sql, {**given, **(params or {})})
    copies = Counter(row["key"] for row in rows)
    latest: dict[str, Row] = {}
    for row in sorted(rows, key=_age):
        latest[row["key"]] = {**row, "copies": copies[row["key"]]}
    size = sum(len(key.encode()) for key in latest)
    if len(latest) > MOST or len(rows) == _rows_read() or size > KEY_BYTES:
        raise TooMany(MOST)
    by_name = sorted(latest.values(), key=lambda row: ((row["name"] or "").lower(), row["key"]))
    return Found(by_name, rows[0]["moment"] if rows else None)


def _rows_read() -> int:
    # Some more, since several rows may have one key.
    return 2 * MOST


def _age(row: Row) -> tuple[int, int]:
    """Return the sort key by which the account's, and then the joined row's, last change wins."""
    return row["version"] or 0, row.get("old_version") or 0
