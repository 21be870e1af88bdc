"""Limits in seconds that depend on the machine: a slow or busy one gets more time.

Tests wait for conditions; a limit only ends what hangs, or tells fast from slow by an order of
magnitude.
"""

from __future__ import annotations

import datetime as dt
import time
from functools import cache
from typing import Any

# The seconds that ``_work`` takes on an idle core of an ordinary server.
_REFERENCE = 0.015
_MOST = 20.0


@cache
def factor() -> float:
    """Return how many times slower this machine is than an idle, ordinary one; 1 to 20."""
    slowest = max(_work() for _ in range(5))
    return min(max(1.0, slowest / _REFERENCE), _MOST)


def seconds(limit: float) -> float:
    """Return a limit for this machine, from the limit for an idle, ordinary one.

    A machine can become busier after it was measured, hence never less than three times.
    """
    return limit * max(3.0, 2 * factor())


def wait_for_pages(client: Any, limit: float = 10.0) -> None:
    """Wait until the app has found that the warehouse answers again: a page is shown."""
    ends = time.monotonic() + seconds(limit)
    while client.get("/accounts/").status_code != 200:
        assert time.monotonic() < ends
        time.sleep(0.1)


def next_second() -> dt.datetime:
    """Wait until the clock shows another second, and return it: what was done before is earlier."""
    now = dt.datetime.now(dt.UTC)
    then = now.replace(microsecond=0) + dt.timedelta(seconds=1)
    while now < then:
        time.sleep((then - now).total_seconds())
        now = dt.datetime.now(dt.UTC)
    return then


def _work() -> float:
    started = time.monotonic()
    sum(n * n for n in range(180_000))
    return time.monotonic() - started
