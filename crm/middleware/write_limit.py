"""How many writes a person may send in a minute: a stuck key or a script, not a busy day.

Counted in each process by itself: with two workers and three instances a person gets up to
six times as many. The limit keeps one person from filling the warehouse's queue; it is no
quota, and not worth a statement, or a service, to share the count.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from crm.views import errors

# People remembered, those seen last. Whoever is forgotten starts with a full bucket.
MAX_PEOPLE = 10_000
READS = {"GET", "HEAD", "OPTIONS", "TRACE"}


class Buckets:
    """A token bucket per person: ``per_minute`` at once, then one each 60 / ``per_minute`` s."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        # person -> (tokens left, when that was so)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, person: str) -> int:
        """Take a token. 0: it was there; otherwise the seconds until there is one."""
        now, rate = self._clock(), self.per_minute / 60
        with self._lock:
            tokens, then = self._buckets.pop(person, (float(self.per_minute), now))
            tokens = min(self.per_minute, tokens + (now - then) * rate)
            wait = 0 if tokens >= 1 else math.ceil((1 - tokens) / rate)
            self._buckets[person] = (tokens if wait else tokens - 1, now)
            while len(self._buckets) > MAX_PEOPLE:
                self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)


class WriteLimitMiddleware:
    """Answers 429 to who writes faster than EDIP_WRITES_PER_MINUTE."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if settings.EDIP_WRITES_PER_MINUTE <= 0:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self.buckets = Buckets(settings.EDIP_WRITES_PER_MINUTE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: object) -> HttpResponse | None:
        """After the CSRF check: what another site sends in a person's name does not count."""
        if request.method in READS:
            return None
        wait = self.buckets.take(str(getattr(request, "person", "")))
        return errors.too_many_writes(request, wait) if wait else None
