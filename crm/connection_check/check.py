"""The steps of the check and their order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from crm.model.namespace import Namespace
from crm.model.schema import TABLES, Table
from crm.repository.tables import inspection
from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig
from crm.warehouse.errors import WarehouseError

from . import catalog, network
from .errors import problem_of
from .report import FAIL, PASS, SKIP, WARN, Finding, Problem, Report

# From this many seconds on the smallest statement counts as slow. Usually it takes 100 ms.
SLOW = 5.0
# Code, sentence and advice for a warehouse in one of these states
# (https://docs.databricks.com/api/workspace/warehouses/get).
_STATES = {
    "STARTING": ("warehouse-starting", "is starting", "Try again in a minute."),
    "STOPPED": (
        "warehouse-stopped",
        "is stopped",
        "Start it in the workspace (SQL Warehouses), or open a page of EDIP CRM: the first "
        "statement starts it. A serverless warehouse takes seconds, any other some minutes.",
    ),
    "STOPPING": ("warehouse-stopped", "is stopping", "Start it again when it has stopped."),
    "DELETING": ("warehouse-deleted", "is being deleted", "Choose another warehouse."),
    "DELETED": ("warehouse-deleted", "has been deleted", "Choose another warehouse."),
}

Step = Callable[["Check"], str]


@dataclass
class Check:
    """One run of the check.

    :param open_warehouse: returns the warehouse; raises SignInAgain if nobody is signed in.
    :param write: also create, fill and drop a table of our own.
    :param create: create the catalog and the schema if they are missing.
    :param slow: seconds from which on the smallest statement counts as slow.
    """

    config: WarehouseConfig
    namespace: Namespace
    open_warehouse: Callable[[], Warehouse]
    write: bool = False
    create: bool = False
    slow: float = SLOW
    # The results of earlier steps, for later ones.
    _place: network.Place = field(init=False, repr=False)
    _warehouse: Warehouse = field(init=False, repr=False)
    _api_facts: dict[str, Any] = field(init=False, repr=False)
    _existing: set[tuple[str, str]] = field(init=False, repr=False)
    _columns: dict[str, dict[str, inspection.Found]] = field(init=False, repr=False)

    def report(self) -> Report:
        return Report(list(self.findings()))

    def findings(self) -> Iterator[Finding]:
        """Yield each finding as soon as its step has ended."""
        stopped = False
        for name, step in _CHAIN:
            finding = self._run(name, step, stopped)
            yield finding
            stopped = stopped or finding.status == FAIL
        for finding in self._tables(stopped):
            yield finding
            stopped = stopped or finding.status == FAIL
        yield self._run("transactions", Check._transactions, stopped)
        if self.write:
            yield self._run("write", Check._write, stopped)

    def _tables(self, stopped: bool) -> Iterator[Finding]:
        """Check all tables and privileges, even after a failure, to show all problems."""
        for table in TABLES:
            found = self._run(f"table {table.name}", partial(Check._table, table=table), stopped)
            yield found
            skip = stopped or found.code == "table-missing"
            for privilege in ("SELECT", "MODIFY"):
                step = partial(Check._privilege, table=table, privilege=privilege)
                yield self._run(f"{privilege} {table.name}", step, skip)

    def _run(self, name: str, step: Step, stopped: bool) -> Finding:
        if stopped:
            return Finding(name, SKIP, "not checked")
        started = time.monotonic()
        try:
            return Finding(name, PASS, step(self), ms=_milliseconds_since(started))
        except Problem as problem:
            found = problem
        except WarehouseError as error:
            found = problem_of(error)
        ms = _milliseconds_since(started)
        return Finding(name, found.status, found.message, found.advice, found.code, ms)

    # --- the steps: each returns a message that it works, or raises Problem or WarehouseError ---
    def _configuration(self) -> str:
        names = self.namespace
        try:
            self._place = network.locate(self.config)
        except RuntimeError as error:
            advice = "“make install” installs what the local warehouse needs."
            raise Problem("local-warehouse", f"{error}", advice) from error
        return (
            f"{self.config.where}, tables {names.catalog}.{names.schema}.{names.prefix}*, "
            f"sign-in: {self.config.auth}"
        )

    def _reachable(self) -> str:
        return network.check_reachable(self._place)

    def _tls(self) -> str:
        return network.check_tls(self._place)

    def _sign_in(self) -> str:
        self._warehouse = self.open_warehouse()
        headers = network.authorization(self._warehouse)
        self._api_facts = network.warehouse_facts(self._place, headers)
        return f"accepted as {self._warehouse.identity.name}"

    def _state(self) -> str:
        name = self._api_facts.get("name") or "The warehouse"
        state = self._api_facts.get("state", "unknown")
        if state in _STATES:
            code, what, advice = _STATES[state]
            raise Problem(code, f"{name} {what}.", advice)
        return f"{name} is {state.lower()}"

    def _answer(self) -> str:
        started = time.monotonic()
        inspection.ping(self._warehouse)
        seconds = time.monotonic() - started
        if seconds < self.slow:
            return "answers a statement"
        raise Problem(
            "warehouse-slow",
            f"The smallest statement took {seconds:.1f} s.",
            "Statements may be queueing, or the warehouse may be scaling up: see its Monitoring "
            "page. A larger maximum number of clusters shortens the queue; a serverless "
            "warehouse starts faster.",
            status=WARN,
        )

    def _unity_catalog(self) -> str:
        self._existing = catalog.check_unity_catalog(self._warehouse)
        return "is on"

    def _catalog(self) -> str:
        return self._container("catalog")

    def _schema(self) -> str:
        message = self._container("schema")
        self._columns = inspection.columns(self._warehouse)
        return message

    def _container(self, kind: catalog.Kind) -> str:
        name = catalog.container_name(self._warehouse, kind)
        if (kind, name.lower()) in self._existing:
            return f"{name} exists"
        if not self.create:
            raise catalog.missing_container(self._warehouse, kind)
        return catalog.create_container(self._warehouse, kind)

    def _table(self, table: Table) -> str:
        name = f"{self.namespace.prefix}{table.name}".lower()
        return catalog.check_table(self._warehouse, table, self._columns.get(name, {}))

    def _privilege(self, table: Table, privilege: str) -> str:
        return catalog.check_privilege(self._warehouse, table, privilege)

    def _transactions(self) -> str:
        return catalog.check_transactions(self._warehouse)

    def _write(self) -> str:
        return catalog.check_write(self._warehouse)


_CHAIN: tuple[tuple[str, Step], ...] = (
    ("configuration", Check._configuration),
    ("network", Check._reachable),
    ("TLS", Check._tls),
    ("sign-in", Check._sign_in),
    ("warehouse", Check._state),
    ("answer", Check._answer),
    ("Unity Catalog", Check._unity_catalog),
    ("catalog", Check._catalog),
    ("schema", Check._schema),
)


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
