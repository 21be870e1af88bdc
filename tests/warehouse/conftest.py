from __future__ import annotations

import pytest

from crm.model.namespace import Namespace
from crm.warehouse import Warehouse


@pytest.fixture
def table(warehouse: Warehouse, namespace: Namespace) -> str:
    """The name of an empty table of notes."""
    name = f"{namespace.quoted_schema}.`notes`"
    warehouse.execute(f"CREATE TABLE {name} (id STRING NOT NULL, n INT)", repeatable=True)
    return name
