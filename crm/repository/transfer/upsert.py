"""Compare given rows, such as imported ones, with the stored rows, and insert or update them.

``_given`` describes how rows are sent. Only the table's own columns are compared.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, Table
from crm.repository import _match, _sql, operations
from crm.repository._sql import Row
from crm.repository.operations import Operation
from crm.repository.tables.hidden_rows import read_as_app
from crm.warehouse import Warehouse

from . import _given

NEW, UNCHANGED, DIFFERENT, ORPHAN = "new", "unchanged", "different", "orphan"
# Stored, but a row filter hides it, or its account, from the person.
HIDDEN, OF_HIDDEN = "hidden", "of a hidden account"

_CLASSIFY = """
WITH given AS ({given}),
stored AS ({stored})
SELECT g.n, {is_orphan} AS is_orphan, CASE
  WHEN COUNT(t.{first_match}) = 0 THEN 'new'
  WHEN MAX(CASE WHEN {same} THEN 1 ELSE 0 END) = 1 THEN 'unchanged'
  ELSE 'different' END AS state,
  {stored_at} AS stored_at, {is_later} AS is_later, MAX({cleared}) AS cleared,
  CONCAT_WS(' ', COLLECT_SET(CASE WHEN t.{first_match} IS NOT NULL THEN {version} END)) AS version
FROM given AS g
LEFT JOIN stored AS t ON {match}
{join_owners}
GROUP BY g.n
ORDER BY g.n
"""
_IS_LATER = "COALESCE(MAX(t.updated_at) > CAST(:since AS TIMESTAMP), FALSE)"
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
WHEN NOT MATCHED {and_new}THEN INSERT ({names}, change_id) VALUES ({sources}, :change_id)
"""
_UPDATE = """
WHEN MATCHED AND NOT ({same}) {and_seen}THEN UPDATE SET
  {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
# A stored row that was seen is not inserted again if it is gone, and not overwritten if it has
# changed.
_AND_NEW = "AND g.{seen} IS NULL "
_AND_SEEN = "AND ARRAY_CONTAINS(SPLIT(g.{seen}, ' '), {version}) "
_MOMENT = "SELECT CURRENT_TIMESTAMP() AS moment"


@dataclass(frozen=True)
class Compared:
    """A given row compared with the stored one.

    ``stored_at`` is the stored row's last change, and ``is_later`` whether that was after the
    given moment. ``cleared`` are the columns whose stored values the row would clear. ``version``
    has hashes of the stored rows, separated by blanks: see ``_match.SEEN``.
    """

    state: str
    stored_at: dt.datetime | None = None
    cleared: tuple[str, ...] = ()
    version: str = ""
    is_later: bool = False


def presence(table: Table, columns: Collection[str]) -> str:
    """Return the PRESENCE of a sparse row with these columns; see ``_match``."""
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
    since: str = "",
) -> list[Compared]:
    """For each row, in order, return NEW, UNCHANGED, DIFFERENT or ORPHAN (it has no account).

    :param masked: columns that are not compared.
    :param is_coming: for each row, whether its account will be inserted first; then the row is not
        an orphan. None means no account will be.
    :param has_times: whether to return ``stored_at``; many times are slow to read.
    :param since: the moment for ``is_later``, as ISO text.

    Only the app's own rights distinguish HIDDEN from NEW, and OF_HIDDEN from ORPHAN. One
    statement, and another one with the app's rights if there are new rows or orphans. Raises
    WarehouseError: see ``read_as_app``.
    """
    names = _match.compared_names(table, masked)
    params = {"since": since} if since and "updated_at" not in masked else {}
    more = {
        "cleared": _match.cleared(table, names) if sparse else "''",
        "stored_at": "MAX(t.updated_at)" if has_times else "CAST(NULL AS TIMESTAMP)",
        "is_later": _IS_LATER if params else "FALSE",
        **_owner_parts(wh, table),
    }

    def query(wh: Warehouse) -> list[Row]:
        return _given.query(wh, table, rows, _CLASSIFY, masked, more, sparse=sparse, params=params)

    found = query(wh)
    seen = (read_as_app(wh, query) if any(map(_is_doubtful, found)) else None) or found
    coming = is_coming or [False] * len(found)
    states = (_state(*each) for each in zip(found, seen, coming, strict=True))
    return [_compared(state, names, row) for state, row in zip(states, found, strict=True)]


def _compared(state: str, names: Sequence[str], row: Row) -> Compared:
    marks = zip(names, row["cleared"] or "", strict=False)
    cleared = tuple(name for name, mark in marks if mark == "1")
    return Compared(state, row["stored_at"], cleared, row["version"], row["is_later"])


def _is_doubtful(row: Row) -> bool:
    """Return whether a row filter may hide the stored row or the account of this row."""
    return bool(row["is_orphan"] or row["state"] == NEW)


def _owner_parts(wh: Warehouse, table: Table) -> dict[str, str]:
    if table is ACCOUNTS:
        return {"is_orphan": "FALSE", "join_owners": ""}
    owners = _sql.render(wh.namespace, _JOIN_OWNERS, owner=quoted(table.owner))
    return {"is_orphan": "MAX(o.bsnid) IS NULL", "join_owners": owners}


def _state(row: Row, of_app: Row, is_coming: bool) -> str:
    """Return a row's state from the results for the person and for the app."""
    if row["is_orphan"] and not of_app["is_orphan"]:
        return OF_HIDDEN
    if row["is_orphan"] and not is_coming:
        return ORPHAN
    is_hidden = row["state"] == NEW != of_app["state"]
    return HIDDEN if is_hidden else str(row["state"])


def stored_rows(wh: Warehouse, table: Table, rows: str) -> list[Row]:
    """Return the stored rows that these rows match."""
    columns = _sql.names(table.names, "t")
    return _given.query(wh, table, rows, _STORED_ROWS, more={"columns": columns})


def moment(wh: Warehouse) -> str:
    """Return the warehouse's present time as ISO text. One statement."""
    found: dt.datetime = wh.query(_MOMENT)[0]["moment"]
    return found.isoformat()


def upsert(
    wh: Warehouse,
    table: Table,
    rows: str,
    operation: Operation,
    *,
    overwrite: bool,
    sparse: bool = False,
) -> int:
    """Insert new rows and, with ``overwrite``, update those that differ.

    Returns the number of written rows. Children without an account are left out. Columns that are
    masked for the operation are not updated, and become NULL in new rows. Safe to repeat.

    Each ``sparse`` row has the text SEEN, the version with which it was compared, or None if it
    was new. A stored row that has changed since is not overwritten, and a deleted one is not
    inserted.
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
    masked = operation.masked(table)
    parts = _given.parts(wh, table, masked, sparse=sparse, seen=sparse, parameter=parameter)
    for name, condition in (("and_new", _AND_NEW), ("and_seen", _AND_SEEN)):
        parts[name] = _sql.fill(condition, **parts) if sparse else ""
    parts["update"] = _sql.render(wh.namespace, _UPDATE, **parts) if overwrite else ""
    return _sql.render(wh.namespace, _UPSERT, **parts), {parameter: rows}
