from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crm.model.namespace import Namespace
from crm.warehouse import Warehouse
from crm.warehouse.pool import Pools

from ..conftest import LocalWarehouse
from ..slow_proxy import PASS, SlowProxy, slow_proxy


@pytest.fixture
def table(warehouse: Warehouse, namespace: Namespace) -> str:
    """The name of an empty table of notes."""
    name = f"{namespace.quoted_schema}.`notes`"
    warehouse.execute(f"CREATE TABLE {name} (id STRING NOT NULL, n INT)", repeatable=True)
    return name


@pytest.fixture
def proxy(server: LocalWarehouse) -> Iterator[SlowProxy]:
    with slow_proxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def slow(warehouse: Warehouse, proxy: SlowProxy) -> Iterator[Warehouse]:
    """The warehouse through the proxy."""
    pools = Pools(replace(warehouse.pools.config, url=proxy.url))
    yield replace(warehouse, pools=pools)
    proxy.mode = PASS
    pools.dispose()


@pytest.fixture
def through_proxy(warehouse: Warehouse, proxy: SlowProxy, settings: Any) -> Iterator[None]:
    """The app reaches the warehouse through the proxy and has two seconds for a request."""
    settings.WAREHOUSE = replace(settings.WAREHOUSE, url=proxy.url)
    settings.EDIP_REQUEST_TIMEOUT = 2.0
    yield
    proxy.mode = PASS
