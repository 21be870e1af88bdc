"""The steps that delete the fixture ``family``, and the rows that are left."""

from __future__ import annotations

from crm.model.schema import TABLES
from crm.warehouse import Warehouse

STAMP = "Note who deletes the account"
CHILDREN = [f"Delete its {plural}" for plural in ("platform statuses", "use cases", "updates")]
ACCOUNT, ORPHANS = "Delete the account itself", "Delete what others added to it meanwhile"


def counts(wh: Warehouse) -> list[int]:
    """Return how many rows each table has: accounts, statuses, use cases, updates."""
    sql = " UNION ALL ".join(
        f"SELECT {place} AS place, COUNT(*) AS n FROM {wh.namespace.table(table)}"
        for place, table in enumerate(TABLES)
    )
    return [row["n"] for row in sorted(wh.query(sql), key=lambda row: row["place"])]
