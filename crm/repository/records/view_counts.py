"""Count the rows of several lists in one statement."""

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

# The most lists that one statement counts, since each may need several parameters.
MOST = 30
SOURCES = {
    ACCOUNTS: _account_list.SOURCE,
    USE_CASES: use_cases.SOURCE,
    UPDATES: updates.SOURCE,
}
_COUNTS = "{before} SELECT {counts}"


def count(wh: Warehouse, asked: Sequence[tuple[Table, Listing]]) -> list[int | None]:
    """Return the number of rows of each list; None if it is not counted.

    Lists beyond ``MOST`` are not counted, nor lists with the filter by when the status of a use
    case was set, which needs the change feed. One statement, or none. Raises WarehouseError.
    """
    counted = [
        (place, Query.of(wh.namespace, listing, SOURCES[table], f"v{place}_"))
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
