"""Run statements: decide which are sent again, set limits, log one line for each.

When a statement is sent again:

* the session had ended, or there was no connection: always, since nothing was executed;
* the token was refused and can be renewed: always, since nothing was executed;
* a concurrent write came first (SQLSTATE 2D521): always, since nothing was committed;
* the connection broke after sending: only reads and repeatable writes, since the statement may
  have run.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sized
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn, TypeVar

from databricks.sql.client import Cursor

from crm.model.namespace import Namespace

from . import results, usage
from .breaker import is_refusal, is_silent
from .connector import require_acceptable
from .credentials import Identity
from .deadline import Deadline, Watch, have_reads_ended, watch
from .errors import (
    Busy,
    Dropped,
    NotAdmitted,
    NotSent,
    Refused,
    SessionLost,
    SignInFailed,
    Starting,
    StatementTimeout,
    TimeIsUp,
    WarehouseError,
    WriteConflict,
)
from .pool import Pools
from .results import LargeResult, Row
from .translate import translate

logger = logging.getLogger("crm.warehouse")

Params = Mapping[str, Any]
Result = TypeVar("Result")

CONFLICT_ATTEMPTS = 5
# No further attempt begins after this many seconds: the gateway gives up after 60 s, so a timely
# error page is better than an answer that arrives too late.
BUDGET = 12.0

# Seconds for which a request to cancel a statement waits, and a person's request for a token of
# the app itself.
CANCEL_SECONDS, APP_TOKEN_SECONDS = 5.0, 8.0


@dataclass(frozen=True)
class Warehouse:
    """The warehouse for one person.

    :param identity: the identity whose rights the statements have.
    :param namespace: the place of the tables.
    :param actor: the acting person, for ``created_by`` and ``updated_by``.
    :param deadline: when all statements of the request must have ended; None for long work,
        whose statements have their own limits.
    :param app: the app's own identity, if each person uses their own rights and the app has some.
    """

    pools: Pools = field(repr=False)
    identity: Identity
    namespace: Namespace
    actor: str
    deadline: Deadline | None = field(default=None, repr=False, compare=False)
    app: Identity | None = field(default=None, repr=False, compare=False)

    def at(self, namespace: Namespace) -> Warehouse:
        """Return the same warehouse with the tables of another namespace."""
        return replace(self, namespace=namespace)

    def within(self, deadline: Deadline | None) -> Warehouse:
        """Return the same warehouse with this deadline; None for long work."""
        return replace(self, deadline=deadline)

    def for_bulk(self) -> Warehouse:
        """Return the same warehouse for long work such as imports: see ``bulk_timeout``."""
        return replace(self, pools=self.pools.for_bulk(), deadline=None)

    def with_app_rights(self) -> Warehouse | None:
        """Return the same warehouse with the app's rights; None if the app has none of its own.

        Use it only to find keys that a row filter hides from the person. Raises WarehouseError.
        """
        if self.app is None:
            return None
        # Get the token first, since without one the warehouse would seem to refuse a statement.
        with watch(Deadline.after(APP_TOKEN_SECONDS)):
            self.app.good_until()
        return replace(self, identity=self.app, app=None)

    @property
    def cache_key(self) -> tuple[str, Namespace, str]:
        """The key for caches of answers to this identity: it has a digest, but no token or
        actor."""
        return self.pools.config.where, self.namespace, self.identity.fingerprint

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """Run a read; return its rows, with plain lists and dicts. Raises WarehouseError."""
        return _Run(self, sql, params, repeatable=True, writes=False).result(results.rows)

    def query_large(self, sql: str, params: Params | None = None) -> LargeResult:
        """Run a read whose result may be too large for memory, and return its rows.

        It reads everything before it returns, so that no WarehouseError comes later.
        """
        return _Run(self, sql, params, repeatable=True, writes=False).result(results.large)

    def execute_and_read(self, sql: str, params: Params, *, repeatable: bool) -> list[Row]:
        """Run a write that ends with a query, and return its rows; see ``execute``."""
        return _Run(self, sql, params, repeatable=repeatable, writes=True).result(results.rows)

    def execute(self, sql: str, params: Params | None = None, *, repeatable: bool) -> int:
        """Run a write or a command and return how many rows changed. Raises WarehouseError.

        :param repeatable: running it twice has the same effect as running it once (a MERGE on
            the key, a DELETE), so that it may be sent again when its answer was lost.
        """
        return _Run(self, sql, params, repeatable=repeatable, writes=True).result(results.changed)


class _Run:
    """One statement with its attempts."""

    def __init__(
        self,
        warehouse: Warehouse,
        sql: str,
        params: Params | None,
        *,
        repeatable: bool,
        writes: bool,
    ) -> None:
        self.warehouse = warehouse
        self.sql = sql
        self.params = dict(params) if params else None
        self.repeatable = repeatable
        self.writes = writes
        self.label = usage.label(sql)
        self.query_id: str | None = None
        self.tags: dict[str, str | None] | None = None
        self.attempts = 0
        self.conflicts = 0
        self.reconnects = 0
        self.was_dropped = False
        self.started = time.monotonic()
        self.answered_at = self.started
        self.breaker = warehouse.pools.breaker

    def result(self, read: Callable[[Cursor], Result]) -> Result:
        require_acceptable(self.params or {})
        self.breaker.require_closed(self.warehouse.identity)
        while True:
            self.attempts += 1
            try:
                result = self._attempt(read)
            except WarehouseError as error:
                self.was_dropped |= isinstance(error, Dropped)
                if not self._may_repeat(error):
                    self._give_up(error)
            else:
                self.breaker.note_answer()
                self._log_success(result)
                return result

    def _attempt(self, read: Callable[[Cursor], Result]) -> Result:
        deadline, answer = self.warehouse.deadline, self.warehouse.pools.config.answer_seconds
        with watch(deadline, is_read=not self.writes, answer_seconds=answer) as watching:
            try:
                return self._send(read, watching)
            finally:
                if watching:
                    self.answered_at = max(self.answered_at, watching.answered_at)

    def _send(self, read: Callable[[Cursor], Result], watching: Watch | None) -> Result:
        pools, identity = self.warehouse.pools, self.warehouse.identity
        self.query_id = None
        with pools.connection(identity) as connection:
            cursor = connection.cursor()
            if watching and not self.writes:
                watching.cancel = partial(self._cancel, cursor)
            try:
                self.tags = pools.query_tags()
                cursor.execute(self.sql, self.params, query_tags=self.tags)
                self.query_id = cursor.query_id
                results.require_success(cursor)
                return read(cursor)
            except Exception as error:
                # It is set as soon as the warehouse has accepted the statement.
                self.query_id = cursor.query_id
                known = translate(error, self.query_id)
                # The statement was accepted: a later request about it was refused.
                later = (TimeIsUp, Starting, Busy, Refused) if self.writes else ()
                is_over = isinstance(known, TimeIsUp) and not self.warehouse.deadline
                if is_over or (self.query_id and isinstance(known, (SessionLost, *later))):
                    known = Dropped(query_id=self.query_id)
                if isinstance(known, (SessionLost, NotSent, Dropped, SignInFailed, TimeIsUp)):
                    connection.mark_lost()
                    pools.invalidate(identity, connection)
                raise known from error
            finally:
                results.close(cursor)

    def _cancel(self, cursor: Cursor) -> bool:
        """Cancel the statement, on another connection, since this one waits for its answer.

        Returns False while the warehouse has not yet given the statement an id.
        """
        command = cursor.active_command_id
        if command is None:
            return False
        with suppress(WarehouseError), watch(Deadline.after(CANCEL_SECONDS)):
            self.warehouse.pools.cancel(self.warehouse.identity, command)
            logger.info("cancelled query %s: nobody waits for it", cursor.query_id)
        return True

    def _may_repeat(self, error: WarehouseError) -> bool:
        if self.tags and self.warehouse.pools.stops_tagging(error):
            return True
        if time.monotonic() - self.started > BUDGET or self._is_out_of_time:
            return False
        if isinstance(error, WriteConflict):
            self.conflicts += 1
            if self.conflicts == CONFLICT_ATTEMPTS:
                return False
            deadline = self.warehouse.deadline
            # The wait has jitter, because writers that collided would otherwise collide again.
            pause = random.uniform(0.02, 0.1) * 2**self.conflicts
            time.sleep(min(pause, deadline.left) if deadline else pause)
            return True
        if not self.repeatable and (isinstance(error, Dropped) or self.query_id):
            return False
        self.reconnects += 1
        if self.reconnects > 1:
            return False
        if isinstance(error, SignInFailed) and not isinstance(error, NotAdmitted):
            return self.warehouse.identity.renew()
        return isinstance(error, (SessionLost, NotSent, Dropped))

    @property
    def _is_out_of_time(self) -> bool:
        if (deadline := self.warehouse.deadline) is None:
            return False
        return not deadline.left or (not self.writes and have_reads_ended())

    def _give_up(self, error: WarehouseError) -> NoReturn:
        logger.warning("%s failed: %s", self._facts(), error)
        usage.note_statement(self.label, self.started, self.query_id, type(error).__name__)
        if is_refusal(error):
            self.breaker.open(self.warehouse.identity)
        elif self._is_out_of_time and is_silent(error):
            self.breaker.note_silence(self.warehouse.identity, self.started, self.answered_at)
        if isinstance(error, Dropped) and self._is_out_of_time and not self.writes:
            raise TimeIsUp(query_id=self.query_id) from error
        is_reported_as_unknown = isinstance(error, (SignInFailed, StatementTimeout))
        if self.was_dropped and self.writes and not is_reported_as_unknown:
            # An earlier attempt may have run, even if the last one did not.
            raise Dropped(query_id=self.query_id) from error
        if isinstance(error, SessionLost):
            # While a warehouse starts, new sessions end at once.
            raise Starting(query_id=self.query_id) from error
        explained = self.warehouse.identity.explain(error)
        if explained is error:
            # ``raise … from`` would make it its own cause and hide the connector's error.
            raise error
        raise explained from error

    def _log_success(self, result: Any) -> None:
        usage.note_statement(self.label, self.started, self.query_id)
        rows = len(result) if isinstance(result, Sized) else result
        logger.debug("%s rows=%d", self._facts(), rows)

    def _facts(self) -> str:
        return (
            f"statement '{self.label}' query={self.query_id or '-'} "
            f"ms={(time.monotonic() - self.started) * 1000:.0f} attempts={self.attempts}"
        )
