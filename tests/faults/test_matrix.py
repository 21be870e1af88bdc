"""Each fault during each action: the answer is timely and true, and nothing is lost or duplicated.

``make faults`` runs all cells and prints them as a table.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from django.test import Client

from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..patience import seconds
from ..sizes import only_soak
from . import rows
from .action import Action, family
from .actions import ACTIONS, chosen, stage
from .cell import run_cell
from .kinds import KINDS, Kind
from .outcomes import Outcome

# A cell for each kind of outcome, with its status and what the page says to be done.
CELLS = {
    ("403", "list"): (403, ""),
    ("session lost", "new update"): (303, "done"),
    ("truncated Thrift", "edit"): (303, "done"),
    ("constraint", "create"): (422, "nothing"),
    ("refused", "status"): (500, "nothing"),
    ("disk full", "delete, step 3"): (500, "half"),
    ("2D521", "import, step 2"): (200, "3/7"),
    ("dropped after", "repair"): (503, "unsure"),
}
_fresh = count()


def fresh_connections(settings: Any, server: LocalWarehouse) -> None:
    """Let the application meet the warehouse as if it had never failed."""
    settings.WAREHOUSE = server.config(
        statement_timeout=5, pool_timeout=10 + next(_fresh) / 10_000
    )


@contextmanager
def injected(kind: Kind, action: Action, server: LocalWarehouse) -> Iterator[None]:
    kind.inject(server, action.writes, action.at)
    ends = threading.Timer(kind.seconds, server.clear_faults)
    if kind.seconds:
        ends.start()
    try:
        yield
    finally:
        ends.cancel()
        server.clear_faults()


def run(fault: str, name: str, wh: Warehouse, server: LocalWarehouse, settings: Any) -> Outcome:
    kind = KINDS[fault]

    def recover() -> None:
        settings.EDIP_REQUEST_TIMEOUT = 60.0
        fresh_connections(settings, server)

    @contextmanager
    def meet(action: Action) -> Iterator[None]:
        settings.EDIP_REQUEST_TIMEOUT = kind.deadline
        with injected(kind, action, server):
            yield

    recover()
    cell = stage(Client(raise_request_exception=False), wh, name)
    return run_cell(fault, cell, server, meet, recover, kind.deadline + seconds(1))


def test_a_cell_of_each_outcome(
    families: Warehouse, server: LocalWarehouse, settings: Any
) -> None:
    found = [run(*cell, families, server, settings) for cell in CELLS]
    assert [outcome.line() for outcome in found if outcome.red] == []
    assert [(outcome.status, outcome.sentence) for outcome in found] == list(CELLS.values())


@only_soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fault", KINDS)
def test_a_fault_at_every_action(
    families: Warehouse, server: LocalWarehouse, settings: Any, fault: str
) -> None:
    found = [run(fault, action, families, server, settings) for action in chosen(ACTIONS)]
    untouched = rows.read(families, family(len(ACTIONS)))
    assert len(untouched) == 4
    assert [outcome.line() for outcome in found if outcome.red] == []
