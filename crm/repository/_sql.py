"""Small parts of SQL that several statements share. Everything spliced in here is ours:
table names from Namespace, column names from crm/model/schema.py. Values are bound, never spliced.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from crm.model.namespace import Namespace
from crm.model.schema import TABLES, Table

Record = TypeVar("Record")
Values = Mapping[str, Any]


def render(namespace: Namespace, sql: str, **parts: str) -> str:
    """Fill ``{accounts}``, ``{use_cases}``, … with full table names, and ``parts``."""
    names = {table.name: namespace.table(table) for table in TABLES}
    return sql.format(**names, **parts)


def columns(table: Table, alias: str) -> str:
    """All columns of a table, each behind its alias."""
    return ", ".join(f"{alias}.`{name}`" for name in table.names)


def struct(table: Table, alias: str, *extra: str) -> str:
    """A row as a struct: ``extra`` expressions first, then the table's columns by name."""
    pairs = [f"'{name}', {alias}.`{name}`" for name in table.names]
    return f"named_struct({', '.join([*extra, *pairs])})"


def own_row(table: Table, alias: str = "") -> str:
    """A row's own columns as JSON text, NULLs left out: equal rows give equal texts."""
    return _json([column.name for column in table.own_columns], alias)


def whole_row(table: Table, alias: str = "") -> str:
    """All of a row as JSON text."""
    return _json(table.names, alias)


def _json(names: Iterable[str], alias: str) -> str:
    start = f"{alias}." if alias else ""
    pairs = ", ".join(f"'{name}', {start}`{name}`" for name in names)
    return f"TO_JSON(NAMED_STRUCT({pairs}))"


def record(kind: type[Record], row: Mapping[str, Any]) -> Record:
    """The record that a row (or struct) holds; other columns of the row are left out."""
    fields = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: row[name] for name in fields if name in row})


def given(table: Table, values: Values) -> dict[str, Any]:
    """The values by column, empty text as None. Raises ValueError for another column."""
    editable = {column.name for column in table.editable}
    if unknown := set(values) - editable:
        raise ValueError(f"{table.name} has no column {', '.join(sorted(unknown))} to fill in")
    return {name: None if value == "" else value for name, value in values.items()}


def _bound(table: Table, names: list[str]) -> str:
    """``CAST(:team AS STRING) AS `team```, …: typed, since a NULL parameter is not."""
    return ", ".join(f"CAST(:{name} AS {table.column(name).type}) AS `{name}`" for name in names)


def insert_parts(table: Table, values: Values) -> tuple[dict[str, str], dict[str, Any]]:
    """The parts of a MERGE that inserts a row, and the parameters; what is not given is NULL."""
    params = {column.name: None for column in table.editable} | given(table, values)
    names = list(params)
    parts = {
        "bound": _bound(table, names),
        "names": ", ".join(f"`{name}`" for name in names),
        "sources": ", ".join(f"s.`{name}`" for name in names),
    }
    return parts, params


def update_parts(table: Table, names: list[str]) -> dict[str, str]:
    """The parts of an UPDATE: ``assignments``, each followed by a comma, and ``same``, whether
    the row says all this already."""
    bound = {name: f"CAST(:{name} AS {table.column(name).type})" for name in names}
    return {
        "assignments": "".join(f"`{name}` = {value}, " for name, value in bound.items()),
        "same": " AND ".join(f"`{name}` <=> {value}" for name, value in bound.items()) or "TRUE",
    }


def same(current: object, values: Values) -> bool:
    """Whether the record already says all this."""
    return all(
        (getattr(current, name) or None) == (value or None) for name, value in values.items()
    )


def newest_first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By date, then by time of writing, rows without a date last."""
    first = dt.datetime.min.replace(tzinfo=dt.UTC)
    return sorted(
        rows,
        key=lambda row: (row["date"] or dt.date.min, row["created_at"] or first, row["id"]),
        reverse=True,
    )
