"""Compare rows from elsewhere with the stored ones, and insert or update them.

Rows travel as one JSON parameter: an array of rows, each an array of texts in the order of the
table's columns. They are matched by ``Table.match``. Only the table's own columns are compared.

Each ``sparse`` row has one more text at its end, its ``presence``: which columns it has. An audit
column that the row has is written as it is, NULL included; one that it lacks becomes now or the
actor.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, Column, Table
from crm.repository import _match, _sql, operations
from crm.repository._sql import Row
from crm.repository.operations import Operation
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

NEW, UNCHANGED, DIFFERENT, ORPHAN = "new", "unchanged", "different", "orphan"
# Stored, but a row filter hides it, or its account, from the person.
HIDDEN, OF_HIDDEN = "hidden", "of a hidden account"
log = logging.getLogger(__name__)

_GIVEN = """
  SELECT {values}
  FROM (SELECT POSEXPLODE(FROM_JSON({rows}, 'array<array<string>>')) AS (n, r)) AS j
"""
_STORED = """
  SELECT {own_columns}, updated_at FROM {target}
  WHERE {first_match} IN (SELECT {first_match} FROM given)
"""
_CLASSIFY = """
WITH given AS ({given}),
stored AS ({stored})
SELECT g.n, {is_orphan} AS is_orphan, CASE
  WHEN COUNT(t.{first_match}) = 0 THEN 'new'
  WHEN MAX(CASE WHEN {same} THEN 1 ELSE 0 END) = 1 THEN 'unchanged'
  ELSE 'different' END AS state,
  {stored_at} AS stored_at, MAX({cleared}) AS cleared
FROM given AS g
LEFT JOIN stored AS t ON {match}
{join_owners}
GROUP BY g.n
ORDER BY g.n
"""
_JOIN_OWNERS = "LEFT JOIN {each_bsnid} AS o ON o.bsnid = g.{owner}"
_STORED_ROWS = """
WITH given AS ({given})
SELECT {columns} FROM {target} AS t LEFT SEMI JOIN given AS g ON {match}
"""
_UPSERT = """
MERGE INTO {target} AS t
USING (
  SELECT g.* FROM ({given}) AS g {of_accounts}
) AS g
ON {match}
{update}
WHEN NOT MATCHED THEN INSERT ({names}, change_id) VALUES ({sources}, :change_id)
"""
_OF_ACCOUNTS = "LEFT SEMI JOIN {accounts} AS a ON a.bsnid = g.{owner}"
_UPDATE = """
WHEN MATCHED AND NOT ({same}) THEN UPDATE SET
  {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
_CHECKSUMS = """
WITH given AS ({given}),
stored AS ({stored})
SELECT
  COUNT(*) AS given_rows,
  COUNT(t.{first_match}) AS found_rows,
  BIT_XOR(XXHASH64({given_values})) AS given_sum,
  BIT_XOR(CASE WHEN t.{first_match} IS NULL THEN NULL ELSE XXHASH64({stored_values}) END)
    AS stored_sum
FROM given AS g
LEFT JOIN stored AS t ON {match}
"""


@dataclass(frozen=True)
class Compared:
    """A row beside the stored one: ``stored_at`` is when that one last changed; ``cleared`` are
    the columns whose stored values the row would replace by none."""

    state: str
    stored_at: dt.datetime | None = None
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checksums:
    """``rows`` were given, of which ``found`` are stored; the checksum of each.

    Both count a given row once for each stored row that has its key.
    """

    rows: int
    found: int
    source: int | None
    warehouse: int | None


def presence(table: Table, columns: Collection[str]) -> str:
    """Return the text that says that a sparse row has these columns; see ``_match``."""
    return "".join("1" if name in columns else "0" for name in table.names)


def classify(
    wh: Warehouse,
    table: Table,
    rows: str,
    *,
    sparse: bool = False,
    masked: Collection[str] = (),
    is_coming: Sequence[bool] = (),
    has_times: bool = True,
) -> list[Compared]:
    """For each row, in order, return NEW, UNCHANGED, DIFFERENT or ORPHAN (it has no account).

    :param masked: columns that are not compared.
    :param is_coming: for each row, whether its account will be inserted first: then it is no
        orphan. Without it, no account will be.
    :param has_times: whether to return ``stored_at``; many times are slow to read.

    Only the app's own rights tell HIDDEN from NEW, and OF_HIDDEN from ORPHAN. One statement, and
    another with the app's rights if there are new rows or orphans.
    """
    names = _match.compared_names(table, masked)
    more = {
        "cleared": _match.cleared(table, names) if sparse else "''",
        "stored_at": "MAX(t.updated_at)" if has_times else "CAST(NULL AS TIMESTAMP)",
        **_owner_parts(wh, table),
    }

    def query(wh: Warehouse) -> list[Row]:
        return _query(wh, table, rows, sparse, _CLASSIFY, masked, **more)

    found = query(wh)
    seen = (_as_app(wh, table, query) if any(map(_is_doubtful, found)) else []) or found
    coming = is_coming or [False] * len(found)
    states = (_state(*each) for each in zip(found, seen, coming, strict=True))
    return [
        Compared(state, row["stored_at"], tuple(_marked(names, row["cleared"])))
        for state, row in zip(states, found, strict=True)
    ]


def _is_doubtful(row: Row) -> bool:
    """Return whether a row filter may hide what this row is compared with."""
    return bool(row["is_orphan"] or row["state"] == NEW)


def _as_app(wh: Warehouse, table: Table, query: Callable[[Warehouse], list[Row]]) -> list[Row]:
    """Return what the app sees; empty if it has no rights of its own."""
    try:
        app = wh.with_app_rights()
        return query(app) if app else []
    except WarehouseError as error:
        log.warning("no key of %s was checked with the app's rights: %s", table.name, error)
        return []


def _owner_parts(wh: Warehouse, table: Table) -> dict[str, str]:
    if table is ACCOUNTS:
        return {"is_orphan": "FALSE", "join_owners": ""}
    owners = _sql.render(wh.namespace, _JOIN_OWNERS, owner=quoted(table.owner))
    return {"is_orphan": "MAX(o.bsnid) IS NULL", "join_owners": owners}


def _marked(names: Sequence[str], marks: str | None) -> Iterator[str]:
    return (name for name, mark in zip(names, marks or "", strict=False) if mark == "1")


def _state(row: Row, of_app: Row, is_coming: bool) -> str:
    """Return a row's state from what the person sees and what the app sees."""
    if row["is_orphan"] and not of_app["is_orphan"]:
        return OF_HIDDEN
    if row["is_orphan"] and not is_coming:
        return ORPHAN
    is_hidden = row["state"] == NEW != of_app["state"]
    return HIDDEN if is_hidden else str(row["state"])


def stored_rows(wh: Warehouse, table: Table, rows: str) -> list[Row]:
    """Return the stored rows that these rows match."""
    columns = _sql.names(table.names, "t")
    return _query(wh, table, rows, False, _STORED_ROWS, (), columns=columns)


def upsert(
    wh: Warehouse,
    table: Table,
    rows: str,
    operation: Operation,
    *,
    overwrite: bool,
    sparse: bool = False,
) -> int:
    """Insert the rows that are new and, with ``overwrite``, update those that differ.

    Returns how many rows were written. Children without an account are left out. Columns that
    are masked for the operation are not updated, and NULL in new rows. Safe to repeat.
    """
    sql, params = statement(wh, table, rows, operation, overwrite=overwrite, sparse=sparse)
    return operations.run(wh, operation, sql, params, repeatable=True)


def statement(
    wh: Warehouse,
    table: Table,
    rows: str,
    operation: Operation,
    *,
    overwrite: bool,
    sparse: bool = False,
    parameter: str = "rows",
) -> tuple[str, dict[str, str]]:
    """Return the statement of ``upsert``, and its parameter, which has this name."""
    parts = _parts(wh, table, sparse, operation.masked(table), parameter)
    parts["update"] = _sql.render(wh.namespace, _UPDATE, **parts) if overwrite else ""
    is_child = table is not ACCOUNTS
    parts["of_accounts"] = _sql.render(wh.namespace, _OF_ACCOUNTS, **parts) if is_child else ""
    return _sql.render(wh.namespace, _UPSERT, **parts), {parameter: rows}


def checksums(
    wh: Warehouse,
    table: Table,
    rows: str,
    *,
    sparse: bool = False,
    masked: Collection[str] = (),
) -> Checksums:
    """Return count and checksum of these rows as they were given and as they are stored, without
    their ``masked`` columns."""
    row = _query(wh, table, rows, sparse, _CHECKSUMS, masked)[0]
    return Checksums(row["given_rows"], row["found_rows"], row["given_sum"], row["stored_sum"])


def _query(
    wh: Warehouse,
    table: Table,
    rows: str,
    sparse: bool,
    template: str,
    masked: Collection[str],
    **more: str,
) -> list[Row]:
    parts = _parts(wh, table, sparse, masked)
    parts["stored"] = _sql.render(wh.namespace, _STORED, **parts)
    sql = _sql.render(wh.namespace, template, **parts, **more)
    return wh.query(sql, {"rows": rows, "actor": wh.actor})


def _parts(
    wh: Warehouse,
    table: Table,
    sparse: bool,
    masked: Collection[str],
    parameter: str = "rows",
) -> dict[str, str]:
    columns = (_value(table, column, sparse, masked) for column in table.columns)
    values = ["j.n AS n", *columns]
    if sparse:
        values.append(f"{_presence(table)} AS {_match.PRESENCE}")
    given = _sql.render(wh.namespace, _GIVEN, values=", ".join(values), rows=f":{parameter}")
    return {**_match.parts(wh.namespace, table, sparse=sparse, masked=masked), "given": given}


def _value(table: Table, column: Column, sparse: bool, masked: Collection[str]) -> str:
    value = f"CAST(j.r[{table.names.index(column.name)}] AS {column.type})"
    is_literal = _match.is_present(table, column.name, _presence(table)) if sparse else ""
    return _match.inserted(column, value, masked, is_literal)


def _presence(table: Table) -> str:
    return f"j.r[{len(table.names)}]"
