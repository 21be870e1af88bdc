"""Suggestions of known names for a field."""

from __future__ import annotations

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, AREA
from crm.repository import _sql
from crm.warehouse import Warehouse

from .people import ROLES
from .search_words import SearchWords

SUGGESTED = 12


def suggest(wh: Warehouse, column: str, words: SearchWords) -> tuple[str, ...]:
    """Return the names for a column that match the words, the most frequent first.

    A column that names people gets the names of all such columns. One statement.
    """
    columns = [(ACCOUNTS, AREA)] if column == AREA else ROLES
    each = [
        _sql.fill(
            " SELECT {column} AS name FROM {table} WHERE TRIM({column}) <> '' AND {condition} ",
            column=quoted(name),
            table=wh.namespace.table(table),
            condition=words.condition([name]),
        )
        for table, name in columns
    ]
    sql = """
    SELECT name, COUNT(*) AS total FROM ({each}) AS n GROUP BY name
    ORDER BY total DESC, name LIMIT {most}
    """
    text = _sql.fill(sql, each="UNION ALL".join(each), most=str(SUGGESTED))
    return tuple(row["name"] for row in wh.query(text, words.params))
