"""Recent changes for open pages: one statement per interval for the whole process.

Pages ask every second and a half. The first request after the interval runs a statement; all
others get the result of the last statement. While no page is open no statement runs, and the
warehouse can stop. Each identity has its own watch, which reads with its rights, so that nobody
gets a change that was read with the rights of another person.

A cursor holds the versions of the tables, so any process can answer it.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from cachetools import TTLCache
from django.conf import settings

from crm.model.schema import TABLES
from crm.repository.past import recent_changes
from crm.repository.past.recent_changes import RecentChange
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

# The assumed longest time between reading a page and its first request here.
FRESH = dt.timedelta(minutes=1)
_MOST_WATCHES = 200
# Seconds after its last use at which a watch is dropped.
_WATCH_SECONDS = 900

Versions = dict[str, int]


@dataclass(frozen=True)
class Answer:
    """The changes since a cursor, and the next cursor.

    ``missed``: there were more changes than the watch keeps.
    """

    cursor: str
    recent_changes: list[RecentChange]
    missed: bool = False


@dataclass
class Watch:
    """The recent changes that one identity may see.

    ``_seen`` are the versions up to which the changes were read, None before the first read.
    ``_dropped`` are the latest versions of changes that the watch no longer keeps.
    """

    _seen: Versions | None = None
    _dropped: Versions = field(default_factory=dict)
    _changes: deque[tuple[float, RecentChange]] = field(default_factory=deque)
    _asked_at: float = float("-inf")
    _state: threading.Lock = field(default_factory=threading.Lock)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, wh: Warehouse, cursor: str) -> Answer:
        """Return the changes since the cursor; without one, those of the last minute.

        At most one statement; the first time, one more per table. It never waits for another
        request: while that runs its statement, return the last answer, or none. Raises
        WarehouseError.
        """
        if self._asking.acquire(blocking=False):
            try:
                if time.monotonic() - self._asked_at >= settings.EDIP_LIVE_SECONDS:
                    self._read(wh)
            finally:
                self._asking.release()
        with self._state:
            if self._seen is None:
                return Answer(cursor, [])
            return self._answer(self._seen, _parse(cursor))

    def _read(self, wh: Warehouse) -> None:
        self._asked_at = time.monotonic()
        try:
            seen = self._seen
            if seen is None:
                seen = recent_changes.versions_before(wh, FRESH)
                with self._state:
                    self._seen, self._dropped = seen, dict(seen)
                    self._changes.clear()
            found = recent_changes.changes_since(wh, seen)
        except WarehouseError:
            # The tables may have been created again, so the next request begins from scratch.
            with self._state:
                self._seen = None
            raise
        with self._state:
            self._add(seen, found)

    def _add(self, seen: Versions, found: list[RecentChange]) -> None:
        now = time.monotonic()
        self._changes.extend((now, change) for change in found)
        for change in found:
            seen[change.table.name] = max(seen[change.table.name], change.version)
        while len(self._changes) > recent_changes.LIMIT:
            _, dropped = self._changes.popleft()
            name = dropped.table.name
            self._dropped[name] = max(self._dropped[name], dropped.version)

    def _answer(self, seen: Versions, cursor: Versions | None) -> Answer:
        if cursor is None:
            since = time.monotonic() - FRESH.total_seconds()
            return Answer(_format(seen), [change for at, change in self._changes if at >= since])
        changes = [change for _, change in self._changes if _is_after(change, cursor)]
        missed = any(cursor[name] < version for name, version in self._dropped.items())
        # The cursor may be ahead of this process, if another one made it.
        ahead = {name: max(version, seen[name]) for name, version in cursor.items()}
        return Answer(_format(ahead), changes, missed)


_lock = threading.Lock()
_watches: TTLCache[Hashable, Watch] = TTLCache(_MOST_WATCHES, _WATCH_SECONDS)


def ask(wh: Warehouse, cursor: str) -> Answer:
    """Ask the watch of this identity; see ``Watch.ask``."""
    with _lock:
        watch = _watches.get(wh.cache_key) or Watch()
        _watches[wh.cache_key] = watch  # its idle time begins again
    return watch.ask(wh, cursor)


def _is_after(change: RecentChange, cursor: Versions) -> bool:
    return change.version > cursor[change.table.name]


def _format(versions: Versions) -> str:
    return ".".join(str(versions[table.name]) for table in TABLES)


def _parse(cursor: str) -> Versions | None:
    """Return the versions in the cursor; None if the text is not a cursor."""
    parts = cursor[:100].split(".")
    if len(parts) != len(TABLES) or not all(p.isascii() and p.isdecimal() for p in parts):
        return None
    return {table.name: int(part) for table, part in zip(TABLES, parts, strict=True)}
