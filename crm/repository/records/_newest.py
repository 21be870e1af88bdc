"""Read the newest rows of a table, from the day on which the same reading ended last time.

Where a table is clustered by a date, the warehouse passes over most of its files' pages for a day
that is a bound value. A subquery for the day would not help, because it is computed too late.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from cachetools import LRUCache

Answer = TypeVar("Answer")

_lock = threading.Lock()
# The oldest day of an answer that had all wanted rows.
_days: LRUCache[Hashable, dt.date] = LRUCache(maxsize=1000)


def read(
    key: Hashable,
    wanted: int,
    ask: Callable[[dt.date | None], Answer],
    days_of: Callable[[Answer], Sequence[dt.date | None]],
) -> Answer:
    """Return the answer with the newest rows. ``days_of`` returns the day of each of its rows.

    ``ask`` gets the day from which on rows are to be read, or None for all. One statement; two if
    there are fewer than ``wanted`` rows since that day, because some were deleted.
    """
    with _lock:
        since = _days.get(key)
    answer = ask(since)
    days = days_of(answer)
    if since and len(days) < wanted:
        answer = ask(None)
        days = days_of(answer)
    known = [day for day in days if day]
    with _lock:
        if len(known) >= wanted:
            _days[key] = min(known)
        else:
            _days.pop(key, None)
    return answer
