"""The statement log, which ``system.query.history`` and the control endpoint show."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

KEPT = 10_000


@dataclass(slots=True)
class Entry:
    """One statement, from its arrival to its end."""

    number: int
    statement_id: str
    session_id: str
    user: str
    text: str
    query_tags: str
    started_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    ended_at: dt.datetime | None = None
    status: str = "RUNNING"
    rows: int | None = None
    error: str | None = None
    from_result_cache: bool = False

    @property
    def duration_ms(self) -> int | None:
        if self.ended_at is None:
            return None
        return round((self.ended_at - self.started_at).total_seconds() * 1000)


@lru_cache
def parse_tags(text: str) -> Mapping[str, str | None]:
    """Return the tags of ``page:overview,quick``; a backslash stands before ``:``, ``,`` or
    itself where it is part of a value."""
    found: dict[str, str | None] = {}
    for pair in re.findall(r"(?:\\.|[^\\,])+", text):
        name, *value = re.findall(r"(?:\\.|[^\\:])+", pair) or [""]
        plain = [re.sub(r"\\(.)", r"\1", part) for part in (name, ":".join(value))]
        found[plain[0]] = plain[1] if value else None
    return found


class QueryHistory:
    """The latest statements, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def start(
        self, statement_id: str, session_id: str, user: str, text: str, query_tags: str
    ) -> Entry:
        with self._lock:
            # Most statements differ only in their values, so they share one text; and a session
            # has many.
            text, session_id = sys.intern(text), sys.intern(session_id)
            entry = Entry(next(self._numbers), statement_id, session_id, user, text, query_tags)
            self._entries.append(entry)
        return entry

    def end(
        self, entry: Entry, status: str, rows: int | None = None, error: str | None = None
    ) -> None:
        entry.rows, entry.error, entry.status = rows, error, status
        entry.ended_at = dt.datetime.now(dt.UTC)

    def entries(self, after: int = 0) -> list[Entry]:
        with self._lock:
            newest_first = itertools.takewhile(
                lambda entry: entry.number > after, reversed(self._entries)
            )
            return list(newest_first)[::-1]

    def last(self) -> int:
        """Return the number of the latest statement, 0 if there was none."""
        with self._lock:
            return self._entries[-1].number if self._entries else 0
