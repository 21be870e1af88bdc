"""SQL that compares given rows (alias ``g``), such as imported ones, with a table's rows (``t``).

Rows are matched by ``Table.match``, and only the table's own columns are compared. A sparse row
lacks some columns. Its text ``PRESENCE`` has, in the table's order, ``1`` for each column for
which the row has a value (NULL included), and ``0`` for the others. A row to be written also has a
text ``SEEN``: the versions of the stored rows with which it was compared, separated by blanks, or
NULL.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, AUDIT_NAMES, Column, Table

from . import _sql

PRESENCE = "_present"
SEEN = "_seen"

# Leaves out the rows of accounts that do not exist.
_OF_ACCOUNTS = "LEFT SEMI JOIN {accounts} AS a ON a.bsnid = g.{owner}"


def parts(
    namespace: Namespace,
    table: Table,
    *,
    sparse: bool = False,
    null_keeps: bool = False,
    masked: Collection[str] = (),
) -> dict[str, str]:
    """Return parts of statements by name, such as ``match`` and ``same``.

    ``sparse``: each row compares and overwrites only the columns that it has. ``null_keeps``: NULL
    keeps the stored value. ``masked`` columns are neither compared nor overwritten.
    """
    compared = compared_names(table, masked)
    others = [name for name in compared if name not in table.match]
    owner = quoted(table.owner)
    of_accounts = _sql.render(namespace, _OF_ACCOUNTS, owner=owner)
    present = {name: is_present(table, name, f"g.{PRESENCE}") for name in others if sparse}
    if null_keeps:
        present = {name: f"g.{quoted(name)} IS NOT NULL" for name in others}
    return {
        "target": namespace.table(table),
        "own_columns": _sql.names(table.own_names),
        "names": _sql.names(table.names),
        "sources": _sql.names(table.names, "g"),
        "assignments": "".join(
            f"{quoted(name)} = {_new_value(name, present.get(name))}, " for name in others
        ),
        "match": " AND ".join(f"t.{quoted(name)} = g.{quoted(name)}" for name in table.match),
        "same": " AND ".join(_same(name, present.get(name)) for name in compared),
        "given_values": hashed("g", compared, present),
        "stored_values": hashed("t", compared, present),
        "version": f"CAST(XXHASH64({hashed('t', compared)}) AS STRING)",
        "seen": SEEN,
        "first_match": quoted(table.match[0]),
        "owner": owner,
        "of_accounts": "" if table is ACCOUNTS else of_accounts,
    }


def compared_names(table: Table, masked: Collection[str] = ()) -> list[str]:
    # A child's id may differ from that of the row with which it is matched; see Table.match.
    return [
        name
        for name in table.own_names
        if name not in masked and (name != table.key or table.key in table.match)
    ]


def cleared(table: Table, names: Sequence[str]) -> str:
    """Return the expression of a text with ``1`` for each column in which the sparse row has NULL
    and the stored row has a value, and ``0`` for each other column."""
    marks = (
        f"CASE WHEN g.{quoted(name)} IS NULL AND t.{quoted(name)} IS NOT NULL"
        f" AND {is_present(table, name, f'g.{PRESENCE}')} THEN '1' ELSE '0' END"
        for name in names
    )
    return f"CONCAT({', '.join(marks)})"


def is_present(table: Table, name: str, presence: str) -> str:
    """Return the condition that a row has the column; ``presence`` is the row's PRESENCE."""
    return f"SUBSTRING({presence}, {table.names.index(name) + 1}, 1) = '1'"


def hashed(alias: str, names: Sequence[str], present: Mapping[str, str] | None = None) -> str:
    """Return the arguments of a hash over these columns, without columns that a row lacks."""
    return ", ".join(_marked(alias, name, (present or {}).get(name)) for name in names)


def with_audit(name: str, value: str, is_literal: str = "") -> str:
    """Return the value to insert into a column.

    A NULL audit column becomes now or ``:actor``, except where the condition ``is_literal`` holds.
    """
    if name not in AUDIT_NAMES:
        return value
    default = ":actor" if name.endswith("_by") else "CURRENT_TIMESTAMP()"
    filled = f"COALESCE({value}, {default})"
    return f"CASE WHEN {is_literal} THEN {value} ELSE {filled} END" if is_literal else filled


def inserted(column: Column, value: str, masked: Collection[str], is_literal: str = "") -> str:
    """Return the value to insert under the column's name: NULL for a masked column, else as
    ``with_audit`` does."""
    given = f"CAST(NULL AS {column.type})" if column.name in masked else value
    return f"{with_audit(column.name, given, is_literal)} AS {quoted(column.name)}"


def _same(name: str, present: str | None) -> str:
    same = f"t.{quoted(name)} <=> g.{quoted(name)}"
    return f"(NOT ({present}) OR {same})" if present else same


def _new_value(name: str, present: str | None) -> str:
    new, old = f"g.{quoted(name)}", f"t.{quoted(name)}"
    return f"CASE WHEN {present} THEN {new} ELSE {old} END" if present else new


def _marked(alias: str, name: str, present: str | None) -> str:
    # A hash skips NULL: without the '-' for it, (a, NULL) would equal (NULL, a).
    value = f"COALESCE(CONCAT('=', CAST({alias}.{quoted(name)} AS STRING)), '-')"
    return f"CASE WHEN {present} THEN {value} ELSE '' END" if present else value
