"""How many rows each of several lists has, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES, Table
from crm.repository import _sql
from crm.warehouse import Warehouse

from . import _account_list, updates, use_cases
from ._list_query import Query
from ._platform_status import IN_STATUS_SINCE

# The lists that one statement counts: each may have some parameters.
MOST = 30
_SOURCES = {
    ACCOUNTS: _account_list.SOURCE,
    USE_CASES: use_cases.SOURCE,
    UPDATES: updates.SOURCE,
}
_COUNTS = "{before} SELECT {counts}"


def count(wh: Warehouse, asked: Sequence[tuple[Table, Listing]]) -> list[int | None]:
    """Return how many rows each list has; None where that takes more than this statement.

    These are lists beyond ``MOST``, and use cases by when their status was set: the change feed
    tells that. One statement, none where there is nothing to count. Raises WarehouseError.
    """
    counted = [
        (place, Query.of(wh.namespace, listing, _SOURCES[table], f"v{place}_"))
        for place, (table, listing) in enumerate(asked[:MOST])
        if table is not USE_CASES or IN_STATUS_SINCE not in listing.dates
    ]
    found: list[int | None] = [None] * len(asked)
    if not counted:
        return found
    counts: list[str] = []
    params: dict[str, Any] = {}
    before = ""
    for place, query in counted:
        sql, bound = query.count()
        counts.append(_sql.fill("{count} AS n{place}", count=sql, place=str(place)))
        params |= bound
        before = before or query.before()
    answer = wh.query(_sql.fill(_COUNTS, before=before, counts=", ".join(counts)), params)[0]
    for place, _ in counted:
        found[place] = answer[f"n{place}"]
    return found
