"""The search over everything: the best few of each kind, and their number. One statement.

It searches accounts, use cases and updates by the rule, and in the columns, of their lists. People
and business areas are the values in the rows.

Of very many updates only the newest are searched, because reading a million texts would cost more
than all the rest. The list of updates searches all.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass

from cachetools import LRUCache

from crm.model.schema import AREA, UPDATES
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from . import _search_query
from ._search_query import PERSON as PERSON
from ._search_query import SearchQuery
from .search_words import SearchWords, fold, parts

# The most hits of a kind, and the most names from which people and areas are grouped.
SHOWN = 6
NAMES = 100
# The number of newest updates that are searched.
NEWEST = 100_000

_lock = threading.Lock()
# By person: the day since which there are ``NEWEST`` updates (None if there are fewer), and when a
# search found it. The first search of a process searches all updates; one search per hour finds
# the day again.
_since: LRUCache[Hashable, tuple[dt.date | None, float]] = LRUCache(maxsize=200)
_SECONDS = 3600.0

_RECENTLY_OPENED = """
SELECT bsnid, MAX(team) AS team, MAX(business_area) AS area FROM {accounts}
WHERE ARRAY_CONTAINS({recent}, bsnid) GROUP BY bsnid
"""


@dataclass(frozen=True)
class Hit:
    """A hit: an account, a use case or an update with its ``key``, or a name.

    :param who: the name of its account.
    :param hidden: further searched texts, which a result shows only if they match.
    :param n: the number of rows with the name.
    """

    key: str
    name: str
    bsnid: str = ""
    more: str = ""
    day: dt.date | None = None
    who: str = ""
    n: int = 0
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """The best hits of a kind, and the total number.

    :param place: where the words match in the best hit; see ``_search_query``.
    :param is_cut: whether there may be more names than ``total``.
    :param since: the day from which on updates were searched; None if all were.
    """

    hits: tuple[Hit, ...] = ()
    total: int = 0
    place: int = 9
    is_cut: bool = False
    since: dt.date | None = None


def find(wh: Warehouse, words: SearchWords, recent: Collection[str]) -> Mapping[str, Found]:
    """Return the hits of the words, by table name, ``PERSON`` and ``AREA``.

    ``recent`` are the keys of accounts opened lately, the latest first; they come first among
    accounts. One statement. Raises WarehouseError.
    """
    key = wh.cache_key
    now = time.monotonic()
    with _lock:
        since, found_at = _since.get(key, (None, now - _SECONDS))
    newest = NEWEST if now - found_at >= _SECONDS else 0
    query = SearchQuery(wh.namespace, words, tuple(recent), since, SHOWN, NAMES, newest)
    by_kind: dict[str, list[Row]] = {UPDATES.name: []}
    for row in sorted(wh.query(*query.statement()), key=lambda row: row["rn"]):
        by_kind.setdefault(row["kind"], []).append(row)
    for row in by_kind.pop(_search_query.NEWEST, ()):
        with _lock:
            _since[key] = row["day"] if (row["total"] or 0) >= NEWEST else None, now
    return {
        kind: _names(rows)
        if kind in (PERSON, AREA)
        else _records(rows, since if kind == UPDATES.name else None)
        for kind, rows in by_kind.items()
    }


def newest_since(wh: Warehouse) -> dt.date | None:
    """Return the day from which on the next search reads updates; None if it reads all."""
    with _lock:
        return _since.get(wh.cache_key, (None, 0.0))[0]


def opened(wh: Warehouse, recent: Collection[str]) -> tuple[Hit, ...]:
    """Return the accounts with these keys, in this order. One statement, none without keys."""
    if not recent:
        return ()
    keys, params = _sql.text_array("recent", recent)
    rows = wh.query(_sql.render(wh.namespace, _RECENTLY_OPENED, recent=keys), params)
    found = {row["bsnid"]: row for row in rows}
    return tuple(
        Hit(key, found[key]["team"] or key, key, found[key]["area"] or "")
        for key in recent
        if key in found
    )


def _records(rows: list[Row], since: dt.date | None) -> Found:
    hits: dict[str, Hit] = {}
    for row in rows:
        name, more, who = row["name"] or "", row["more"] or "", row["who"] or ""
        hidden = tuple(parts(row["hidden"] or ""))
        hit = Hit(row["key"], name, row["bsnid"], more, row["day"], who, hidden=hidden)
        hits.setdefault(row["key"], hit)
    if not rows:
        return Found(since=since)
    return Found(tuple(hits.values()), rows[0]["total"], rows[0]["place"], since=since)


def _names(rows: list[Row]) -> Found:
    """Combine names that differ only in case, accents, signs or blanks."""
    same: dict[str, list[Row]] = {}
    for row in rows:
        same.setdefault(fold(row["name"]), []).append(row)
    hits = [
        Hit(each[0]["name"], each[0]["name"], n=sum(row["total"] for row in each))
        for each in same.values()
    ]
    return Found(tuple(hits[:SHOWN]), len(hits), rows[0]["place"], len(rows) == NAMES)
