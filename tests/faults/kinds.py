"""The faults of the matrix, which the local warehouse injects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..conftest import LocalWarehouse

# Seconds of a request's deadline, shorter than in production so that the matrix takes minutes.
DEADLINE = 3.0


@dataclass(frozen=True)
class Kind:
    """A fault that lasts ``seconds``, or until the test clears it.

    :param times: the number of affected statements; None for all.
    :param hits_all: whether it affects all statements, and not only those that write.
    """

    fault: str
    options: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    seconds: float = 0.0
    deadline: float = DEADLINE
    hits_all: bool = False

    def inject(self, server: LocalWarehouse, writes: str | None, at: int) -> None:
        """Let statements fail, from the ``at``-th that matches ``writes``; None matches all."""
        match = None if self.hits_all else writes
        server.fault(self.fault, self.times, match=match, at=at, **self.options)


def error(error_class: str, sqlstate: str) -> Kind:
    return Kind("error", {"error_class": error_class, "sqlstate": sqlstate})


KINDS = {
    "refused": Kind("http_status", {"status": 400}),
    "dropped before": Kind("drop_before"),
    "dropped after": Kind("drop_after"),
    "dropped after, all": Kind("drop_after", hits_all=True),
    "cut mid-answer": Kind("cut"),
    "garbage": Kind("garbage"),
    "truncated Thrift": Kind("truncated"),
    "429": Kind("http_status", {"status": 429, "retry_after": 45}),
    "503 for 10 s": Kind("starting", {"retry_after": 1}, seconds=10.0, deadline=20.0),
    "503 for good": Kind("http_status", {"status": 503, "retry_after": 600}),
    "hang": Kind("hang"),
    "one byte a second": Kind("drip"),
    # The first statement that writes takes nearly all of the deadline, so the next one fails.
    "slow step": Kind("latency", {"seconds": DEADLINE - 0.3}, times=1),
    "session lost": Kind("invalid_session", times=1),
    "sessions lost": Kind("invalid_session"),
    "token expired": Kind("expired_token"),
    "403": Kind("http_status", {"status": 403}),
    "table missing": error("TABLE_OR_VIEW_NOT_FOUND", "42P01"),
    "column missing": error("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"),
    "2D521": Kind("conflict"),
    "constraint": error("DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "23001"),
    # What Spark raises when it cannot write a file, as on a full disk.
    "disk full": error("TASK_WRITE_FAILED", "58030"),
}
