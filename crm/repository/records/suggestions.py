"""Known names for a field, while one types into it."""

from __future__ import annotations

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, AREA
from crm.repository import _sql
from crm.warehouse import Warehouse

from .people import ROLES
from .search_words import SearchWords

SUGGESTED = 12


def suggest(wh: Warehouse, column: str, words: SearchWords) -> tuple[str, ...]:
    """Return names that the words find and a column could have, the most frequent first.

    For a person those of all columns that name people. One statement.
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
