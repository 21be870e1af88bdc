"""What a statement takes: 255 parameters, 1 MB together. More is not sent."""

from __future__ import annotations

from typing import Any, cast

import pytest

from crm.model.namespace import Namespace
from crm.warehouse import Warehouse
from crm.warehouse.connector import MAX_BYTES, MAX_PARAMETERS
from crm.warehouse.credentials import Identity
from crm.warehouse.errors import TooLarge


class Reached(Exception):
    pass


class Pools:
    """Stands for the connections, and for the breaker, which is asked before sending."""

    @property
    def breaker(self) -> Pools:
        return self

    def require_closed(self, identity: Identity) -> None:
        raise Reached


@pytest.fixture
def wh() -> Warehouse:
    identity = cast(Identity, None)
    return Warehouse(cast(Any, Pools()), identity, Namespace("c", "s"), "ana@example.com")


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, Reached),
        ({f"p{n}": n for n in range(MAX_PARAMETERS)}, Reached),
        ({f"p{n}": n for n in range(MAX_PARAMETERS + 1)}, TooLarge),
        ({"p": "x" * MAX_BYTES}, Reached),
        ({"p": "x" * MAX_BYTES, "q": 1}, TooLarge),
        ({"p": "é" * (MAX_BYTES // 2 + 1)}, TooLarge),
    ],
    ids=["none", "most", "too-many", "largest", "together", "in-bytes"],
)
def test_more_is_not_sent(wh: Warehouse, params: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        wh.query("SELECT 1", params)
    with pytest.raises(error):
        wh.execute("SELECT 1", params, repeatable=False)
