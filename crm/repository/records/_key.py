"""The key of a new row, and the rows that already have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, CHANGE_ID, Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.errors import Missing
from crm.repository.similar_keys import are_similar
from crm.warehouse import Warehouse

_ROWS = """
SELECT {columns} FROM {table} AS t WHERE {match}
"""
_ROWS_OF_ACCOUNT = """
SELECT {columns} FROM {one_account} AS a
LEFT JOIN {table} AS t ON {match}
"""
_ONE_ACCOUNT = "(SELECT DISTINCT bsnid FROM {accounts} WHERE bsnid = :bsnid)"


def one_account(namespace: Namespace) -> str:
    """Return the query of the account ``:bsnid``: one row, also if several rows have its key."""
    return _sql.render(namespace, _ONE_ACCOUNT)


@dataclass(frozen=True)
class Key:
    """The key of a new row: its columns with their values. A child has its account's ``bsnid``.

    For an account, keys that differ only in case and outer blanks also match.
    """

    table: Table
    values: Mapping[str, str]
    bsnid: str = ""

    @property
    def params(self) -> dict[str, str]:
        return {**self.values, **({"bsnid": self.bsnid} if self.bsnid else {})}

    @property
    def text(self) -> str:
        return " ".join(self.values.values())

    def similar(self, row: Row | None) -> str:
        """Return the row's key if it is only similar to the new one; for accounts."""
        found = row[ACCOUNTS.key] if row and self.table is ACCOUNTS else self.text
        return "" if found == self.text else str(found)

    @property
    def match(self) -> str:
        """The condition that a row ``t`` has the key, whose values are parameters."""
        is_same = are_similar if self.table is ACCOUNTS else _sql.equals
        return " AND ".join(is_same(f"t.{quoted(name)}", f":{name}") for name in self.values)

    def render(self, wh: Warehouse, template: str, **parts: str) -> str:
        table = wh.namespace.table(self.table)
        parts["one_account"] = one_account(wh.namespace)
        return _sql.render(wh.namespace, template, table=table, match=self.match, **parts)

    def rows(self, wh: Warehouse) -> list[Row]:
        """Return the visible rows with the key, the latest change first; rows with a similar key
        come last.

        One statement. Raises Missing if the account does not exist.
        """
        columns = _sql.names((*self.table.names, CHANGE_ID.name), "t")
        template = _ROWS_OF_ACCOUNT if self.bsnid else _ROWS
        rows = wh.query(self.render(wh, template, columns=columns), self.params)
        if self.bsnid and not rows:
            raise Missing(self.bsnid)
        found = _sql.latest_first([row for row in rows if row[self.table.key] is not None])
        return sorted(found, key=lambda row: bool(self.similar(row)))
