"""The action that deletes rows, as a preview needs it: it counts the children to delete."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm.model.schema import ACCOUNTS, CHILDREN, TABLES, Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.tables.hidden_rows import read_as_app
from crm.warehouse import Warehouse

from .selection import Planned

_CHILD_COUNT = """
LEFT JOIN (
  SELECT account_bsnid AS owner, COUNT(*) AS n FROM {child} GROUP BY account_bsnid
) AS c{place} ON c{place}.owner = a.bsnid
"""
_COUNTS = """
SELECT account_bsnid AS key, {place} AS place, COUNT(*) AS n FROM {child}
WHERE ARRAY_CONTAINS({keys}, account_bsnid) GROUP BY account_bsnid
"""


@dataclass(frozen=True)
class Delete:
    """Deletes rows of a table; accounts with their children."""

    of: Table = ACCOUNTS

    @property
    def children(self) -> tuple[Table, ...]:
        return CHILDREN if self.of is ACCOUNTS else ()

    def reads(self, wh: Warehouse) -> tuple[str, str, Mapping[str, Any]]:
        """Return SQL that counts an account's children of each table, as ``n1``, ``n2``, …"""
        places = [TABLES.index(child) for child in self.children]
        counts = [f"COALESCE(c{place}.n, 0) AS n{place}" for place in places]
        joins = "".join(of_child(wh, _CHILD_COUNT, child) for child in self.children)
        return ", ".join(["CAST(NULL AS STRING) AS old", *counts]), joins, {}

    def is_done(self, row: Row) -> bool:
        return False

    def hidden(self, wh: Warehouse, rows: Sequence[Planned]) -> Collection[str]:
        """Return the keys of accounts with children that a row filter hides from the person.

        A deletion would leave these children without an account. Two statements if the app has
        rights of its own, else none, and no key is returned. Raises WarehouseError: see
        ``read_as_app``.
        """
        if not (rows and self.children):
            return ()
        every = read_as_app(wh, lambda app: _counts(app, rows)) or {}
        seen = _counts(wh, rows) if every else {}
        return {key for (key, place), n in every.items() if n > seen.get((key, place), 0)}


def children_of(rows: Sequence[Row]) -> dict[Table, int]:
    """Return the number of the accounts' children in each table, from the rows of a preview."""
    places = {child: f"n{TABLES.index(child)}" for child in CHILDREN}
    return {child: sum(row.get(name, 0) for row in rows) for child, name in places.items()}


def _counts(wh: Warehouse, rows: Sequence[Planned]) -> dict[tuple[str, int], int]:
    """Return the number of children by BSNID and table (as its place), without zeros."""
    keys, bound = _sql.text_array("keys", [row.key for row in rows])
    branches = (of_child(wh, _COUNTS, child, keys=keys) for child in CHILDREN)
    found = wh.query(" UNION ALL ".join(branches), bound)
    return {(row["key"], row["place"]): row["n"] for row in found}


def of_child(wh: Warehouse, template: str, child: Table, **parts: str) -> str:
    """Return the statement, or a part of one, for a child table."""
    place = str(TABLES.index(child))
    table = wh.namespace.table(child)
    return _sql.render(wh.namespace, template, child=table, place=place, **parts)
