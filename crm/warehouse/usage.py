"""The cost of the statements of one request, and their query tags."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from crm import metrics, telemetry

if TYPE_CHECKING:
    from opentelemetry.trace import Span

Result = TypeVar("Result")

APP = "edip-crm"
# Matches the first table in a statement: `catalog`.`schema`.`table`.
_TABLE = re.compile(r"`[\w-]+`\.`[\w-]+`\.`([\w-]+)`")
# The most query ids to keep; a job may run thousands of statements.
_MOST_IDS = 50


@dataclass
class Usage:
    """The statements of a request so far, and the page and id of the request."""

    page: str = ""
    request: str = ""
    statements: int = 0
    seconds: float = 0.0
    pool_wait: float = 0.0
    query_ids: list[str] = field(default_factory=list)
    span: Span | None = None


# The page tag of statements without a request: the name of the running command.
default_page = ""
# A request may run several statements at the same time.
_lock = threading.Lock()
_current: ContextVar[Usage | None] = ContextVar("usage", default=None)


@contextmanager
def measure(usage: Usage) -> Iterator[None]:
    """Add the statements of this thread within the block to ``usage``."""
    token = _current.set(usage)
    try:
        yield
    finally:
        _current.reset(token)


def tags() -> dict[str, str | None]:
    """Return the query tags: the app, and the page and the request if known."""
    usage = _current.get() or Usage(default_page)
    found = {"app": APP, "page": usage.page, "request": usage.request}
    return {name: value for name, value in found.items() if value}


def label(sql: str) -> str:
    """Return ``MERGE accounts``: the verb and the table. A statement's text has no values."""
    return " ".join([*sql.split(None, 1)[:1], first_table(sql)]).rstrip()


def first_table(sql: str) -> str:
    """Return the name of the first table that the statement names; empty if it names none."""
    table = _TABLE.search(sql)
    return table[1] if table else ""


def tagged(work: Callable[[], None]) -> Callable[[], None]:
    """Return a function that runs ``work`` in another thread, with this thread's query tags."""
    current = _current.get() or Usage()

    def run() -> None:
        with measure(Usage(current.page, current.request, span=current.span)):
            work()

    return run


def run_at_once(works: Sequence[Callable[[], Result]]) -> list[Result]:
    """Run the functions at the same time, and return their results in the same order.

    Each thread has the context of the request, so that its statements have the request's tags and
    are counted. Raises the first error, after all functions have ended.
    """
    if len(works) == 1:
        return [works[0]()]
    with ThreadPoolExecutor(len(works)) as pool:
        ran = [pool.submit(copy_context().run, work) for work in works]
    return [each.result() for each in ran]


def note_statement(label: str, started: float, query_id: str | None, failure: str = "") -> None:
    """Count a statement that has ended; ``label`` begins with its verb."""
    verb, seconds = label.partition(" ")[0], time.monotonic() - started
    metrics.count("edip_statements_total", verb=verb, outcome=failure or "ok")
    metrics.observe("edip_statement_seconds", seconds, verb=verb)
    if failure:
        metrics.count("edip_faults_total", kind=failure)
    usage = _current.get()
    telemetry.note_statement(label, seconds, query_id, failure, usage.span if usage else None)
    if usage:
        with _lock:
            usage.statements += 1
            usage.seconds += seconds
            if query_id and len(usage.query_ids) < _MOST_IDS:
                usage.query_ids.append(query_id)


def note_wait(seconds: float) -> None:
    metrics.observe("edip_pool_wait_seconds", seconds)
    if usage := _current.get():
        with _lock:
            usage.pool_wait += seconds
