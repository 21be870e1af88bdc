from __future__ import annotations

import pytest

from crm.repository import steps
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.warehouse import Warehouse, statements

from ..schemas import CONTENTS


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PAUSES", (0.0,))
    monkeypatch.setattr(statements, "CONFLICT_ATTEMPTS", 1)


def write_family(wh: Warehouse) -> None:
    """Write an account with a child of each kind."""
    accounts.create(wh, {"bsnid": "B1", "team": "Claims"})
    platforms.set_status(wh, "B1", "Databricks", "Requested", None)
    use_cases.create(wh, "B1", "u-1", {"problem": "P"})
    updates.create(wh, "B1", "d-1", {"description": "D"})


def write_family_in_transactions(wh: Warehouse) -> None:
    CONTENTS["with_transactions"](wh)
    write_family(wh)


CONTENTS["family_in_transactions"] = write_family_in_transactions
CONTENTS["family_of_rows"] = write_family


@pytest.fixture
def family_in_transactions(warehouse: Warehouse, no_pauses: None) -> Warehouse:
    """The tables after ``write_family``; they have the feature that transactions need."""
    return warehouse


@pytest.fixture
def family_of_rows(warehouse: Warehouse) -> Warehouse:
    """The tables after ``write_family``."""
    return warehouse


@pytest.fixture
def family(family_of_rows: Warehouse, no_pauses: None) -> Warehouse:
    """An account with a child of each kind; a failed step is tried again without a pause."""
    return family_of_rows
