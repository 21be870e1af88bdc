"""Others' changes, for the pages that are open: one statement per interval for the whole process.

Pages ask every second and a half. The first who asks after the interval has the warehouse asked;
to all others, and to whoever asks sooner, what is known is told. While no page is open nobody
asks, and the warehouse can go to sleep. Whoever signs in with their own rights has a watch of
their own, which reads with those rights: nothing is told to one person that another has read.

A cursor is the versions of the tables, so that any process can answer it.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from cachetools import TTLCache
from django.conf import settings

from crm.model.namespace import Namespace
from crm.model.schema import TABLES
from crm.repository.past import recent_changes
from crm.repository.past.recent_changes import News
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

# A page that has just been made may have been read by so much before the watch looked.
FRESH = dt.timedelta(minutes=1)
_MOST_WATCHES = 200
# A watch that nobody has asked for so many seconds is forgotten.
_WATCH_SECONDS = 3600

Versions = dict[str, int]


@dataclass(frozen=True)
class Answer:
    """``missed`` says that more has happened since the cursor than is remembered."""

    cursor: str
    recent_changes: list[News]
    missed: bool = False


@dataclass
class Watch:
    """What happened lately, as one identity may see it."""

    _seen: Versions | None = None
    _floor: Versions = field(default_factory=dict)
    _heard: deque[tuple[float, News]] = field(default_factory=deque)
    _asked_at: float = float("-inf")
    _state: threading.Lock = field(default_factory=threading.Lock)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, wh: Warehouse, cursor: str) -> Answer:
        """What happened since the cursor; since a minute ago, for a page that has none.

        At most one statement (at first, one per table more). Raises WarehouseError.
        """
        if self._asking.acquire(blocking=self._seen is None):
            try:
                if time.monotonic() - self._asked_at >= settings.EDIP_LIVE_SECONDS:
                    self._look(wh)
            finally:
                self._asking.release()
        with self._state:
            if self._seen is None:
                return Answer(cursor, [])
            return self._answer(_parsed(cursor))

    def _look(self, wh: Warehouse) -> None:
        self._asked_at = time.monotonic()
        try:
            if self._seen is None:
                seen = recent_changes.versions(wh, FRESH)
                with self._state:
                    self._seen, self._floor = seen, dict(seen)
                    self._heard.clear()
            found = recent_changes.since(wh, self._seen)
        except WarehouseError:
            # The tables may have been made anew: next time from the beginning.
            with self._state:
                self._seen = None
            raise
        with self._state:
            self._take(found)

    def _take(self, found: list[News]) -> None:
        now = time.monotonic()
        self._heard.extend((now, each) for each in found)
        for each in found:
            self._seen[each.table.name] = max(self._seen[each.table.name], each.version)
        while len(self._heard) > recent_changes.MOST:
            _, gone = self._heard.popleft()
            name = gone.table.name
            self._floor[name] = max(self._floor[name], gone.version)

    def _answer(self, cursor: Versions | None) -> Answer:
        if cursor is None:
            recent = time.monotonic() - FRESH.total_seconds()
            return Answer(_written(self._seen), [n for at, n in self._heard if at >= recent])
        told = [n for _, n in self._heard if n.version > cursor[n.table.name]]
        missed = any(cursor[name] < version for name, version in self._floor.items())
        # Another process may be ahead of this one.
        ahead = {name: max(version, self._seen[name]) for name, version in cursor.items()}
        return Answer(_written(ahead), told, missed)


_watches: TTLCache[tuple[str, Namespace, str], Watch] = TTLCache(_MOST_WATCHES, _WATCH_SECONDS)
_lock = threading.Lock()


def ask(wh: Warehouse, cursor: str) -> Answer:
    """See ``Watch.ask``."""
    with _lock:
        watch = _watches.get(wh.cache_key) or Watch()
        _watches[wh.cache_key] = watch  # each question begins its time anew
    return watch.ask(wh, cursor)


def _written(versions: Versions) -> str:
    return ".".join(str(versions[table.name]) for table in TABLES)


def _parsed(cursor: str) -> Versions | None:
    """None for what is no cursor."""
    parts = cursor[:100].split(".")
    if len(parts) != len(TABLES) or not all(p.isascii() and p.isdecimal() for p in parts):
        return None
    return {table.name: int(part) for table, part in zip(TABLES, parts, strict=True)}
