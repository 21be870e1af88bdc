"""The counts of a facet, for tests."""

from __future__ import annotations

from typing import Any

from crm.model.records import Listing
from crm.warehouse import Warehouse


def counts(rows: Any, wh: Warehouse, listing: Listing, name: str) -> dict[str, int]:
    """Return how many rows of the list have each value of the column."""
    found = rows.facet(wh, listing, name, "", 1000)
    assert found.choices == len(found.values)
    return {facet.value: facet.count for facet in found.values}
