"""From the configuration to a written row, step by step: what works, and what to do if not.

Behind ``manage.py check_connection`` and the page System status. A step that fails ends what
builds on it: the rest is reported as skipped.
"""

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

__all__ = ["Check", "Finding", "Report"]

# Seconds that the smallest statement may take. Sessions cost some 100 ms, statements the same.
SLOW = 5.0
_STATES = {
    "STARTING": ("warehouse-starting", "is starting", "Try again in a minute."),
    "STOPPED": (
        "warehouse-stopped",
        "is stopped",
        "Start it in the workspace (SQL Warehouses), or open a page of EDIP CRM: the first "
        "statement starts it. Serverless takes seconds, others minutes.",
    ),
    "STOPPING": ("warehouse-stopped", "is stopping", "Start it again when it has stopped."),
    "DELETING": ("warehouse-deleted", "is being deleted", "Choose another."),
    "DELETED": ("warehouse-deleted", "has been deleted", "Choose another."),
}

Step = Callable[["Check"], str]


@dataclass
class Check:
    """One run of the check.

    :param open_warehouse: as whom to ask; raises SignInAgain where nobody is signed in.
    :param write: create, fill and drop a table of our own, too.
    :param create: create the catalog and the schema where they are missing.
    :param slow: seconds from which on the smallest statement counts as slow.
    """

    config: WarehouseConfig
    namespace: Namespace
    open_warehouse: Callable[[], Warehouse]
    write: bool = False
    create: bool = False
    slow: float = SLOW
    _facts: dict[str, Any] = field(default_factory=dict)

    def report(self) -> Report:
        return Report(list(self.findings()))

    def findings(self) -> Iterator[Finding]:
        """One after the other, as they come about."""
        stopped = False
        for name, step in _CHAIN:
            finding = self._run(name, step, stopped)
            yield finding
            stopped = stopped or finding.status == FAIL
        for finding in self._tables(stopped):
            yield finding
            stopped = stopped or finding.status == FAIL
        if self.write:
            yield self._run("write", lambda check: catalog.check_write(check.warehouse), stopped)

    def _tables(self, stopped: bool) -> Iterator[Finding]:
        """Each table and each right on it: all that is wrong with them, at once."""
        for table in TABLES:
            found = self._run(f"table {table.name}", partial(Check._table, table=table), stopped)
            yield found
            stopped_here = stopped or found.code == "table-missing"
            for right in ("SELECT", "MODIFY"):
                step = partial(Check._privilege, table=table, right=right)
                yield self._run(f"{right} {table.name}", step, stopped_here)

    def _run(self, name: str, step: Step, stopped: bool) -> Finding:
        if stopped:
            return Finding(name, SKIP, "not looked at")
        started = time.monotonic()
        try:
            return Finding(name, PASS, step(self), ms=_since(started))
        except Problem as problem:
            found = problem
        except WarehouseError as error:
            found = problem_of(error)
        return Finding(
            name, found.status, found.message, found.advice, found.code, _since(started)
        )

    @property
    def warehouse(self) -> Warehouse:
        return self._facts["warehouse"]

    # --- the steps ---
    def _configuration(self) -> str:
        names = self.namespace
        try:
            self._facts["place"] = network.place(self.config)
        except RuntimeError as error:
            advice = "make install installs what the local warehouse needs."
            raise Problem("local-warehouse", f"{error}", advice) from error
        return (
            f"{self.config.where}, tables {names.catalog}.{names.schema}.{names.prefix}*, "
            f"sign-in: {self.config.auth}"
        )

    def _reachable(self) -> str:
        return network.check_reachable(self._facts["place"])

    def _tls(self) -> str:
        return network.check_tls(self._facts["place"])

    def _sign_in(self) -> str:
        wh = self._facts["warehouse"] = self.open_warehouse()
        headers = network.authorization(wh)
        self._facts["warehouse_facts"] = network.warehouse_facts(self._facts["place"], headers)
        return f"accepted as {wh.identity.name}"

    def _state(self) -> str:
        facts = self._facts["warehouse_facts"]
        name, state = facts.get("name") or "The warehouse", facts.get("state", "unknown")
        if state in _STATES:
            code, what, advice = _STATES[state]
            raise Problem(code, f"{name} {what}.", advice)
        return f"{name} is {state.lower()}"

    def _answer(self) -> str:
        started = time.monotonic()
        inspection.ping(self.warehouse)
        seconds = time.monotonic() - started
        if seconds < self.slow:
            return "a statement is answered"
        raise Problem(
            "warehouse-slow",
            f"The smallest statement took {seconds:.1f} s.",
            "Statements may be queueing, or the warehouse scaling up: see its Monitoring page. "
            "A larger maximum number of clusters shortens the queue; serverless starts faster.",
            status=WARN,
        )

    def _unity_catalog(self) -> str:
        self._facts["there"] = catalog.check_unity_catalog(self.warehouse)
        return "is on"

    def _catalog(self) -> str:
        return self._container("catalog")

    def _schema(self) -> str:
        said = self._container("schema")
        self._facts["columns"] = inspection.columns(self.warehouse)
        return said

    def _table(self, table: Table) -> str:
        name = f"{self.namespace.prefix}{table.name}".lower()
        return catalog.check_table(self.warehouse, table, self._facts["columns"].get(name, {}))

    def _privilege(self, table: Table, right: str) -> str:
        return catalog.check_privilege(self.warehouse, table, right)

    def _container(self, what: str) -> str:
        there = self._facts["there"]
        said, self._facts["there"] = catalog.check_container(
            self.warehouse, what, there, self.create
        )
        return said


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


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
