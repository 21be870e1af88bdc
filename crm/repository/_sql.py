"""Composing SQL, and the parts that several statements share.

Every statement is a constant template. ``render`` (or ``fill``, if it names no table) fills it
once with table names and with parts that were composed before. Finished SQL is never edited. Only
identifiers (from crm/model/schema.py and Namespace, quoted by ``quoted``) and parts of SQL are
inserted as text. Values are bound parameters.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from crm.model import vocabulary
from crm.model.namespace import Namespace, quoted
from crm.model.own_tables import OWN_TABLES
from crm.model.records import AnyRecord
from crm.model.schema import ACCOUNTS, TABLES, Column, Table

# Replaces NULL times when rows are sorted.
EARLIEST = dt.datetime.min.replace(tzinfo=dt.UTC)
Row = dict[str, Any]
Values = Mapping[str, Any]

NEWEST_COMMIT = "DESCRIBE HISTORY {table} LIMIT 1"
_CHANGE_NOTHING = "UPDATE {table} SET {key} = {key} WHERE FALSE"
_EACH_BSNID = "(SELECT DISTINCT bsnid FROM {accounts})"


def render(namespace: Namespace, template: str, **parts: str) -> str:
    """Fill ``{accounts}``, ``{use_cases}``, … with full table names, and the other parts.

    ``{each_bsnid}`` has each account's BSNID once, even if several rows have it.
    """
    tables = {table.name: namespace.table(table) for table in TABLES}
    # Notes about operations and people's settings are always today's, even as of a moment.
    tables |= {table.name: namespace.present.table(table) for table in OWN_TABLES}
    tables["each_bsnid"] = fill(_EACH_BSNID, accounts=tables[ACCOUNTS.name])
    return fill(template, **(tables | parts))


def change_nothing(namespace: Namespace, table: Table) -> str:
    """Return a statement for which the warehouse requires the right to change the table."""
    place = namespace.table(table)
    return render(namespace, _CHANGE_NOTHING, table=place, key=quoted(table.key))


def fill(template: str, **parts: str) -> str:
    """Fill the parts of a template that names none of our tables."""
    return template.format(**parts)


def names(columns: Iterable[str], alias: str = "") -> str:
    """Return the columns as a list, each with the alias in front."""
    start = f"{alias}." if alias else ""
    return ", ".join(f"{start}{quoted(name)}" for name in columns)


def any_values(columns: Iterable[str], alias: str) -> str:
    """Return the columns of groups whose rows all have the same values in them."""
    return ", ".join(f"ANY_VALUE({alias}.{c}) AS {c}" for c in map(quoted, columns))


def with_missing(source: str, table: Table, missing: Collection[str]) -> str:
    """Return the FROM item ``source`` with the columns that it lacks as NULL."""
    nulls = (
        f"CAST(NULL AS {column.type}) AS {quoted(column.name)}"
        for column in table.stored_columns
        if column.name in missing
    )
    sql = "(SELECT *, {nulls} FROM {source})"
    return fill(sql, nulls=", ".join(nulls), source=source) if missing else source


def text_array(name: str, texts: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return an array of texts as SQL, and its parameter: one JSON text for any number of texts.

    A statement takes few parameters: crm/warehouse/connector.py.
    """
    given = json.dumps(list(texts), ensure_ascii=False)
    return f"FROM_JSON(:{name}, 'array<string>')", {name: given}


def texts(of: Iterable[str]) -> str:
    """Return the CRM's own texts as they stand between parentheses, such as after IN."""
    return ", ".join(map(literal, of))


def word_array(column: Column) -> tuple[str, dict[str, str]]:
    """Return the array of the words of a column's vocabulary as SQL, and its parameter."""
    return text_array(column.vocabulary, vocabulary.words(column.vocabulary))


def equals(left: str, right: str) -> str:
    return f"{left} = {right}"


def literal(text: str) -> str:
    """Return one of the CRM's own texts, such as a label, as an SQL literal. Never use it for
    data, which are bound."""
    return "'" + pattern(text).replace("'", "\\'") + "'"


def pattern(text: str) -> str:
    """Return a regular expression as it stands in a literal."""
    return text.replace("\\", "\\\\")


def struct(table: Table, alias: str, *extra: str) -> str:
    """Return a row as a struct: ``extra`` pairs first, then the table's columns by name."""
    return f"NAMED_STRUCT({', '.join([*extra, *_pairs(table.names, alias)])})"


def own_row(table: Table, alias: str = "") -> str:
    """Return a row's own columns as JSON text without NULLs: equal rows give equal texts."""
    return _json(table.own_names, alias)


def row_hash(table: Table) -> str:
    """Return the SQL of a hash of a row's own columns; different rows rarely have the same.

    XXHASH64 skips NULL, so each column is followed by its IS NULL.
    """
    columns = (f"{name}, {name} IS NULL" for name in map(quoted, table.own_names))
    return f"XXHASH64({', '.join(columns)})"


def whole_row(table: Table, alias: str = "") -> str:
    """Return all columns of a row as JSON text."""
    return _json(table.names, alias)


def _json(columns: Iterable[str], alias: str) -> str:
    return f"TO_JSON(NAMED_STRUCT({', '.join(_pairs(columns, alias))}))"


def _pairs(columns: Iterable[str], alias: str) -> list[str]:
    return [f"'{name}', {names([name], alias)}" for name in columns]


def record(kind: type[AnyRecord], row: Mapping[str, Any]) -> AnyRecord:
    """Return the record in a row (or struct), without the row's other columns."""
    fields = kind.__dataclass_fields__  # type: ignore[attr-defined]  # a decorator makes them
    return kind(**{name: row[name] for name in fields if name in row})


def checked(table: Table, values: Values) -> Row:
    """Return the values by column, None for an empty text.

    Raises ValueError for a column that people cannot fill in.
    """
    editable = {column.name for column in table.editable}
    if unknown := set(values) - editable:
        raise ValueError(f"{table.name} has no column {', '.join(sorted(unknown))} to fill in")
    return {name: None if value == "" else value for name, value in values.items()}


def _bound(table: Table, name: str) -> str:
    # Cast, because a NULL parameter has no type.
    return f"CAST(:{name} AS {table.column(name).type})"


def insert_parts(table: Table, values: Values) -> tuple[dict[str, str], Row]:
    """Return the parts of a MERGE that inserts one row, and its parameters.

    ``bound`` are the values as columns, ``names`` their names, and ``sources`` their names with
    the alias ``s``. Columns without a value become NULL.
    """
    params: Row = {column.name: None for column in table.editable} | checked(table, values)
    parts = {
        "bound": ", ".join(f"{_bound(table, name)} AS {quoted(name)}" for name in params),
        "names": names(params),
        "sources": names(params, "s"),
    }
    return parts, params


def update_parts(table: Table, columns: Iterable[str]) -> dict[str, str]:
    """Return the parts of an UPDATE: ``assignments``, each followed by a comma, and ``same``, the
    condition that a row already has all these values."""
    bound = {quoted(name): _bound(table, name) for name in columns}
    return {
        "assignments": "".join(f"{name} = {value}, " for name, value in bound.items()),
        "same": " AND ".join(f"{name} <=> {value}" for name, value in bound.items()) or "TRUE",
    }


def has_values(value_of: Callable[[str], object], values: Values) -> bool:
    """Return whether a record already has all these values; ``value_of`` maps a column's name to
    its stored value.
    """
    return all((value_of(name) or None) == (value or None) for name, value in values.items())


def latest_first(rows: list[Row]) -> list[Row]:
    """Return the rows of one key, the latest change first."""
    return sorted(
        rows,
        key=lambda row: (row["updated_at"] or EARLIEST, row["created_at"] or EARLIEST),
        reverse=True,
    )


def newest_first(rows: list[Row]) -> list[Row]:
    """Return updates sorted by date and time of writing, newest first, those without a date
    last."""
    return sorted(
        rows,
        key=lambda row: (row["date"] or dt.date.min, row["created_at"] or EARLIEST, row["id"]),
        reverse=True,
    )
