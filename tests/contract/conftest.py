from __future__ import annotations

import pytest

from crm.repository import steps
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.warehouse import Warehouse, statements


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PAUSES", (0.0,))
    monkeypatch.setattr(statements, "CONFLICT_ATTEMPTS", 1)


@pytest.fixture
def family(warehouse: Warehouse, no_pauses: None) -> Warehouse:
    """An account with a child of each kind."""
    accounts.create(warehouse, {"bsnid": "B1", "team": "Claims"})
    platforms.set_status(warehouse, "B1", "Databricks", "Requested", None)
    use_cases.create(warehouse, "B1", "u-1", {"problem": "P"})
    updates.create(warehouse, "B1", "d-1", {"description": "D"})
    return warehouse
