"""Limit writes and downloads per person and minute, to stop a stuck key or a script.

Each process counts separately, so with two workers and three instances a person may send up to
six times as many. The limit prevents one person from filling the warehouse's queue. It is not a
quota, so a shared count would not be worth a statement or a service.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from cachetools import TTLCache
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from crm import access
from crm.views import errors

# How many people's buckets are kept. A dropped person starts again with a full bucket.
MAX_PEOPLE = 10_000
# A bucket is full again after this many seconds, so it may be forgotten.
_REFILL_SECONDS = 60


class Buckets:
    """A token bucket per person: ``per_minute`` tokens, and a new one each 60/``per_minute`` s.

    With 0 there is no limit.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        # person -> (tokens left, the time of that count)
        self._buckets: TTLCache[str, tuple[float, float]] = TTLCache(
            MAX_PEOPLE, _REFILL_SECONDS, timer=clock
        )

    def take(self, person: str) -> int:
        """Take a token and return 0, or return the seconds until there is one."""
        if self.per_minute <= 0:
            return 0
        now, rate = self._clock(), self.per_minute / 60
        with self._lock:
            tokens, since = self._buckets.get(person, (float(self.per_minute), now))
            tokens = min(self.per_minute, tokens + (now - since) * rate)
            wait = 0 if tokens >= 1 else math.ceil((1 - tokens) / rate)
            self._buckets[person] = (tokens if wait else tokens - 1, now)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)


class RateLimitMiddleware:
    """Answers 429 to a person who writes, or downloads files, too often.

    EDIP_WRITES_PER_MINUTE and EDIP_EXPORTS_PER_MINUTE are the limits; 0 means no limit. A file
    costs the warehouse more than a page, and may contain all data.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.writes = Buckets(settings.EDIP_WRITES_PER_MINUTE)
        self.exports = Buckets(settings.EDIP_EXPORTS_PER_MINUTE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: object) -> HttpResponse | None:
        """Count the request. The CSRF check came first, so requests from other sites do not
        count."""
        person = str(getattr(request, "person", ""))
        if request.method not in access.SAFE:
            wait = self.writes.take(person)
            return errors.too_many_writes(request, wait) if wait else None
        if request.GET.get("format"):
            wait = self.exports.take(person)
            return errors.too_many_files(request, wait) if wait else None
        return None
