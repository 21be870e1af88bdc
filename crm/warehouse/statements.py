"""Running statements: what is retried and what never is, limits, and one log line for each.

What may be run again, and why:

* the session had ended, or no connection came about: nothing was executed, so always;
* the token was refused, and another one can be had: nothing was executed either;
* the warehouse refused a write because of a concurrent one (SQLSTATE 2D521): nothing was
  committed, so always;
* the connection broke after sending: the statement may have run, so only reads, and writes
  whose author says that running them twice leaves what running them once does.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeVar

from databricks.sql.backend.types import CommandState
from databricks.sql.client import Cursor

from crm.model.namespace import Namespace

from .credentials import Identity
from .errors import (
    Dropped,
    NotAdmitted,
    NotSent,
    SessionLost,
    SignInFailed,
    Starting,
    StatementTimeout,
    WarehouseError,
    WriteConflict,
    translate,
)
from .pool import Pools

logger = logging.getLogger("crm.warehouse")

Params = Mapping[str, Any]
Result = TypeVar("Result")

CONFLICT_ATTEMPTS = 5
# No further attempt begins after so many seconds. Behind a gateway that gives up after 60 s,
# an error page is worth more than an answer that nobody receives.
BUDGET = 12.0

# The first table named: `catalog`.`schema`.`table`.
_TABLE = re.compile(r"`[\w-]+`\.`[\w-]+`\.`([\w-]+)`")


@dataclass(frozen=True)
class Warehouse:
    """The warehouse as one person uses it.

    :param identity: whose rights statements have.
    :param namespace: where the tables are.
    :param actor: who acts, as it is written into ``created_by`` and ``updated_by``.
    """

    pools: Pools = field(repr=False)
    identity: Identity
    namespace: Namespace
    actor: str

    def at(self, namespace: Namespace) -> Warehouse:
        """The same warehouse, with the tables of another namespace."""
        return replace(self, namespace=namespace)

    def query(self, sql: str, params: Params | None = None) -> list[dict[str, Any]]:
        """Run a read and return its rows; nested values are plain lists and dicts.

        Rows come by way of Arrow, since the connector's own fetch turns arrays into NumPy and
        passes timestamps through pandas.
        """
        return _Run(self, sql, params, repeatable=True).result(_rows)

    def execute(self, sql: str, params: Params | None = None, *, repeatable: bool) -> int:
        """Run a write or a command and return how many rows really changed.

        :param repeatable: running it twice leaves what running it once does (a MERGE on the
            key, a DELETE), so that it may be sent again when its answer got lost.
        """
        return _Run(self, sql, params, repeatable=repeatable).result(_changed)


class _Run:
    """One statement on its way, with its attempts."""

    def __init__(
        self, warehouse: Warehouse, sql: str, params: Params | None, *, repeatable: bool
    ) -> None:
        self.warehouse = warehouse
        self.sql = sql
        self.params = dict(params) if params else None
        self.repeatable = repeatable
        self.label = _label(sql)
        self.query_id: str | None = None
        self.attempts = 0
        self.conflicts = 0
        self.reconnects = 0
        self.started = time.monotonic()

    def result(self, read: Callable[[Cursor], Result]) -> Result:
        while True:
            self.attempts += 1
            try:
                result = self._attempt(read)
            except WarehouseError as error:
                if not self._may_repeat(error):
                    self._give_up(error)
            else:
                self._log_success(result)
                return result

    def _attempt(self, read: Callable[[Cursor], Result]) -> Result:
        pools, identity = self.warehouse.pools, self.warehouse.identity
        self.query_id = None
        with pools.connection(identity) as connection:
            cursor = connection.cursor()
            try:
                # No query tags: a workspace without that preview fails the statement with
                # CONFIG_NOT_AVAILABLE (https://github.com/rilldata/rill/pull/9852). The user
                # agent tells the app's statements from others in system.query.history.
                cursor.execute(self.sql, self.params)
                self.query_id = cursor.query_id
                _require_success(cursor)
                return read(cursor)
            except Exception as error:
                # Set as soon as the warehouse has accepted the statement.
                self.query_id = cursor.query_id
                known = translate(error, self.query_id)
                if isinstance(known, SessionLost) and self.query_id:
                    known = Dropped(query_id=self.query_id)
                if isinstance(known, (SessionLost, NotSent, Dropped, SignInFailed)):
                    connection.lost()
                    pools.invalidate(identity, connection)
                raise known from error
            finally:
                _close(cursor)

    def _may_repeat(self, error: WarehouseError) -> bool:
        if time.monotonic() - self.started > BUDGET:
            return False
        if isinstance(error, WriteConflict):
            self.conflicts += 1
            if self.conflicts == CONFLICT_ATTEMPTS:
                return False
            # Jitter, or those who collided collide again.
            time.sleep(random.uniform(0.02, 0.1) * 2**self.conflicts)
            return True
        if not self.repeatable and (isinstance(error, Dropped) or self.query_id):
            return False
        self.reconnects += 1
        if self.reconnects > 1:
            return False
        if isinstance(error, SignInFailed) and not isinstance(error, NotAdmitted):
            return self.warehouse.identity.was_refused()
        return isinstance(error, (SessionLost, NotSent, Dropped))

    def _give_up(self, error: WarehouseError) -> NoReturn:
        logger.warning("%s failed: %s", self._facts(), error)
        if isinstance(error, SessionLost):
            # A session that ends as soon as it is opened: so it is while a warehouse starts.
            raise Starting(query_id=self.query_id) from error
        explained = self.warehouse.identity.explain(error)
        if explained is error:
            # ``from`` would make it its own cause, and what the connector said would be lost.
            raise error
        raise explained from error

    def _log_success(self, result: Any) -> None:
        rows = len(result) if isinstance(result, list) else result
        logger.info("%s rows=%d", self._facts(), rows)

    def _facts(self) -> str:
        milliseconds = (time.monotonic() - self.started) * 1000
        return (
            f"statement '{self.label}' query={self.query_id or '-'} "
            f"ms={milliseconds:.0f} attempts={self.attempts}"
        )


def _label(sql: str) -> str:
    """``MERGE accounts``: the statement in two words. Values are never part of its text."""
    table = _TABLE.search(sql)
    return " ".join([*sql.split()[:1], *(table.groups() if table else ())])


def _require_success(cursor: Cursor) -> None:
    """A cancelled or timed-out statement does not raise in the connector, it looks empty.

    ``_wait_until_command_done`` checks for ERROR and CLOSED only
    (https://github.com/databricks/databricks-sql-python/issues/470).
    """
    state = getattr(cursor.active_result_set, "status", None)
    if state in (CommandState.CANCELLED, CommandState.FAILED):
        raise StatementTimeout(query_id=cursor.query_id)


def _rows(cursor: Cursor) -> list[dict[str, Any]]:
    return cursor.fetchall_arrow().to_pylist()


def _changed(cursor: Cursor) -> int:
    if cursor.rowcount >= 0:
        return cursor.rowcount
    # Warehouses that do not report it put it into the result: num_affected_rows comes first.
    rows = _rows(cursor)
    return int(rows[0].get("num_affected_rows") or 0) if rows else 0


def _close(cursor: Cursor) -> None:
    try:
        cursor.close()
    except Exception as error:  # noqa: BLE001 - the result is there already
        logger.debug("Closing a cursor failed: %s", type(error).__name__)
