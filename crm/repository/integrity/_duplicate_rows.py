"""Describe how the rows of one key differ.

The warehouse returns each row's columns as short texts, with a hash of the whole text. Python
makes the sentences, because SQL that makes them takes the engine longer than finding the rows.
"""

from __future__ import annotations

import json
from typing import Any

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, Column, Table
from crm.repository import _sql

# The number of characters shown of a child's value. Values of accounts are shown whole, because
# the repair loses them.
_SHOWN = 60

_VALUE = "NAMED_STRUCT('text', {text}, 'hash', XXHASH64({whole}))"
_CUT = "SUBSTR({whole}, 1, {most})"
_FOUND = """
TO_JSON(NAMED_STRUCT(
  'n', MAX(n), 'rows', COLLECT_LIST(NAMED_STRUCT('place', place, 'values', ARRAY({values})))))
"""


def found(table: Table) -> str:
    """Return the SQL aggregate of rows with ``place`` and ``n``; ``words`` reads its result."""

    def value(column: Column) -> str:
        whole = quoted(column.name)
        if column.type != "STRING":
            whole = _sql.fill("CAST({column} AS STRING)", column=whole)
        cut = _sql.fill(_CUT, whole=whole, most=str(_SHOWN + 1))
        return _sql.fill(_VALUE, whole=whole, text=whole if table is ACCOUNTS else cut)

    return _sql.fill(_FOUND, values=", ".join(map(value, _compared(table))))


def words(table: Table, text: str) -> tuple[str, str]:
    """Return (how the rows of a key differ, what the repair does).

    ``text`` is a result of ``found``. The row with ``place`` 1 keeps the key.
    """
    given = json.loads(text)
    rows = sorted(given["rows"], key=lambda row: row["place"])
    kept, *others = (row["values"] for row in rows)
    differences = sorted(_difference(table, kept, other) for other in others)
    count = f"{given['n']} rows have this key"
    if not differences:
        return f"{count}, all with the same values", "keep one of them"
    repair = "keep the row that was changed last, and drop these values of the others"
    if table.parent_key:
        repair = "give each row with other values an id of its own"
    return f"{count}; another row has {'; yet another '.join(differences)}", repair


def _difference(table: Table, kept: list[Any], other: list[Any]) -> str:
    return ", ".join(
        f"{column.label} “{_shown(table, theirs)}” instead of “{_shown(table, own)}”"
        for column, own, theirs in zip(_compared(table), kept, other, strict=True)
        if own != theirs
    )


def _shown(table: Table, value: dict[str, Any]) -> str:
    text: str = value.get("text") or ""
    is_cut = table is not ACCOUNTS and len(text) > _SHOWN
    return f"{text[:_SHOWN]}…" if is_cut else text


def _compared(table: Table) -> list[Column]:
    return [column for column in table.own_columns if column.name != table.key]
