from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm.importing import importer
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository import steps
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse
from crm.warehouse.pool import Pools

from ..sizes import IS_SOAK
from .action import family
from .actions import ACTIONS
from .outcomes import ALL_OUTCOMES, HEAD


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, and imports in several statements."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(steps, "PAUSES", (0.1,))
    monkeypatch.setattr(importer, "CHUNK_ROWS", 3)


@pytest.fixture
def families(warehouse: Warehouse) -> Warehouse:
    return plant(warehouse)


def plant(warehouse: Warehouse) -> Warehouse:
    """Insert a family for each action, and one that nobody touches: an account with a child of
    each kind.

    Returns the warehouse with its own connections, which the application's breaker does not close.
    """
    wh = replace(warehouse, pools=Pools(replace(warehouse.pools.config, pool_timeout=11.0)))
    names = [family(n) for n in range(len(ACTIONS) + 1)]
    ids = [{"account_bsnid": name, "id": f"{name}-{{}}"} for name in names]
    more = {"platform": "Databricks"}
    team = {"team": "Before", "vp": "Vera", "business_area": "Finance"}
    insert_missing(wh, ACCOUNTS, [team | {"bsnid": name} for name in names])
    for table, kind, values in (
        (PLATFORMS_STATUS, "status", more | {"status": "Requested"}),
        (USE_CASES, "use-case", more | {"problem": "Too slow", "status": "Active"}),
        (UPDATES, "update", more | {"description": "Kick-off", "author": "Alice"}),
    ):
        insert_missing(wh, table, [row | {"id": row["id"].format(kind)} | values for row in ids])
    return wh


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of ``make faults``."""
    if IS_SOAK and ALL_OUTCOMES:
        terminalreporter.section("faults")
        terminalreporter.write_line(HEAD)
        for outcome in ALL_OUTCOMES:
            terminalreporter.write_line(outcome.line(), red=bool(outcome.red))
        reds = sum(bool(outcome.red) for outcome in ALL_OUTCOMES)
        terminalreporter.write_line(f"{len(ALL_OUTCOMES)} cells, {reds} of them red")
