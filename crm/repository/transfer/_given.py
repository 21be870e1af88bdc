"""Given rows, such as imported ones, as a part of a statement, with the stored rows of their keys.

Rows are sent as one JSON parameter: an array of rows, each an array of texts in the order of the
table's columns. They are matched by ``Table.match``.

Each ``sparse`` row ends with one more text, its ``presence``: which columns it has. An audit
column that the row has is written unchanged, NULL included; one that it lacks becomes now or the
actor. Sparse rows to be written have a last text, ``_match.SEEN``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from crm.model.schema import Column, Table
from crm.repository import _match, _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

_GIVEN = """
  SELECT {values}
  FROM (SELECT POSEXPLODE(FROM_JSON({rows}, 'array<array<string>>')) AS (n, r)) AS j
"""
_STORED = """
  SELECT {own_columns}, updated_at FROM {target}
  WHERE {first_match} IN (SELECT {first_match} FROM given)
"""


def query(
    wh: Warehouse,
    table: Table,
    rows: str,
    template: str,
    masked: Collection[str] = (),
    more: Mapping[str, str] = MappingProxyType({}),
    *,
    sparse: bool = False,
    seen: bool = False,
    params: Mapping[str, str] = MappingProxyType({}),
) -> list[Row]:
    """Fill in the template with ``parts``, ``stored`` and ``more``, and return its rows."""
    filled = parts(wh, table, masked, sparse=sparse, seen=seen)
    filled["stored"] = _sql.render(wh.namespace, _STORED, **filled)
    sql = _sql.render(wh.namespace, template, **filled, **more)
    return wh.query(sql, {"rows": rows, "actor": wh.actor, **params})


def parts(
    wh: Warehouse,
    table: Table,
    masked: Collection[str],
    *,
    sparse: bool,
    seen: bool,
    parameter: str = "rows",
) -> dict[str, str]:
    """Return the parts of ``_match``, and ``given``, the query of the rows.

    :param seen: whether the rows have the text SEEN.
    """
    columns = (_value(table, column, sparse, masked) for column in table.columns)
    values = ["j.n AS n", *columns]
    if sparse:
        values.append(f"{_presence(table)} AS {_match.PRESENCE}")
    if seen:
        values.append(f"j.r[{len(table.names) + 1}] AS {_match.SEEN}")
    given = _sql.render(wh.namespace, _GIVEN, values=", ".join(values), rows=f":{parameter}")
    return {**_match.parts(wh.namespace, table, sparse=sparse, masked=masked), "given": given}


def _value(table: Table, column: Column, sparse: bool, masked: Collection[str]) -> str:
    value = f"CAST(j.r[{table.names.index(column.name)}] AS {column.type})"
    is_literal = _match.is_present(table, column.name, _presence(table)) if sparse else ""
    return _match.inserted(column, value, masked, is_literal)


def _presence(table: Table) -> str:
    return f"j.r[{len(table.names)}]"
