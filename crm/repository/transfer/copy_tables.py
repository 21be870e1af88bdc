"""Copy tables of the earlier version from elsewhere in Unity Catalog.

The rows stay in the warehouse, which cleans, checks, compares and counts them by the rules of
crm/importing/cleaning.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, Table
from crm.repository import _match, _sql, operations
from crm.repository._sql import Row
from crm.repository.operations import Operation
from crm.warehouse import Warehouse

from . import _copy_remarks, _identify
from ._clean import Origin, refused_column, refused_reason, word_params
from .matching import fold

PAGE = 5_000

_COLUMNS = """
SELECT table_name, column_name, full_data_type
FROM {catalog}.information_schema.columns
WHERE table_schema = :schema
ORDER BY table_name, ordinal_position
"""
# ``place`` is 1 for the accepted row of each key.
_PLACED = """
  cleaned AS ({rows}),
{identified},
  checked AS (SELECT *, {reason} AS reason, {reason_column} AS reason_column FROM identified),
  hashed AS (SELECT *, XXHASH64({compared}) AS content FROM checked AS c),
  placed AS (
    SELECT *,
      ROW_NUMBER() OVER (PARTITION BY reason IS NULL, {key_columns} ORDER BY content) AS place,
      MIN(content) OVER (PARTITION BY reason IS NULL, {key_columns}) AS first_content
    FROM hashed
  )
"""
# Reads each row once, because engines compute a CTE again at each use.
_CLASSIFIED = """
WITH {placed},
  stored AS (SELECT {own_columns}, updated_at, change_id FROM {target}),
  classified AS (
    SELECT g.*, CASE
      WHEN g.reason IS NOT NULL THEN 'refused'
      WHEN g.content <> g.first_content THEN 'contradicting'
      WHEN g.place > 1 THEN 'repeated'
      WHEN {is_orphan} THEN 'orphan'
      WHEN t.{first_match} IS NULL THEN 'new'
      WHEN {same} THEN 'unchanged'
      WHEN {is_later} THEN 'later'
      WHEN {is_older} THEN 'stale'
      ELSE 'different' END AS state
    FROM placed AS g
    LEFT JOIN stored AS t ON {match}
  )
"""
_STATES = """
{classified}
SELECT state, COUNT(*) AS n, COUNT(CASE WHEN meaning = 'unclear' THEN 1 END) AS unclear
FROM classified
WHERE state IN ('orphan', 'new', 'unchanged', 'different', 'stale')
GROUP BY state
"""
_REMARKS = """
{classified}
SELECT key, remark.outcome, remark.column, remark.reason
FROM (
  SELECT {key} AS key, EXPLODE(ARRAY(
    CASE
      WHEN state = 'refused' THEN {refused}
      WHEN state = 'contradicting' THEN {contradicting}
      WHEN state = 'repeated' THEN {repeated}
      WHEN state = 'orphan' THEN {orphan}
      WHEN state = 'stale' THEN {stale}
      WHEN state = 'different' THEN {different} END
    {changes}
  )) AS remark
  FROM classified AS c LEFT JOIN (
    SELECT {folded_bsnid} AS word, MIN(bsnid) AS {similar} FROM ({known}) AS k
    GROUP BY {folded_bsnid}
  ) AS w ON c.state IN ('new', 'orphan') AND w.word = {folded_owner}
) AS remarks
WHERE remark.outcome IS NOT NULL
ORDER BY key, outcome, column, reason LIMIT :page OFFSET :offset
"""
_UPSERT = """
MERGE INTO {target} AS t
USING (
  WITH {placed}
  SELECT {values} FROM placed AS g {of_accounts} WHERE reason IS NULL AND place = 1
) AS g
ON {match}
{update}
WHEN NOT MATCHED THEN INSERT ({names}, change_id) VALUES ({sources}, :change_id)
"""
_UPDATE = """
WHEN MATCHED AND NOT ({same}) AND NOT {is_older} AND NOT {is_later} THEN UPDATE SET
  {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
# Somebody has changed the stored row since the copy began.
_IS_LATER = (
    "(COALESCE(t.updated_at > CAST(:since AS TIMESTAMP), FALSE) "
    "AND NOT (t.change_id <=> :change_id))"
)
_LATER = "{classified} SELECT {key} AS key FROM classified WHERE state = 'later' ORDER BY {key}"
# No account has the row's BSNID, nor a team that it names.
_IS_ORPHAN = f"g.{_identify.OWN} IS NULL AND g.{_identify.TEAM} IS NULL"
# Somebody has changed the stored row since it was exported: see crm/importing/stale.py.
_IS_OLDER = "COALESCE(g.updated_at < t.updated_at, FALSE)"
_CHECKSUMS = """
{classified}
SELECT COUNT(*) AS given_rows,
  COUNT(t.{first_match}) AS found,
  COUNT(CASE WHEN state = 'different' THEN 1 END) AS different,
  BIT_XOR(CASE WHEN state <> 'different' THEN XXHASH64({given_values}) END) AS source,
  BIT_XOR(CASE WHEN state <> 'different' THEN XXHASH64({stored_values}) END) AS warehouse
FROM (SELECT * FROM classified WHERE state IN ('new', 'unchanged', 'different')) AS g
LEFT JOIN (SELECT {own_columns} FROM {target}) AS t ON {match}
"""


@dataclass(frozen=True)
class Remark:
    """A remark on one row; for ``outcome`` and ``reason`` see crm/importing/findings.py."""

    key: str
    outcome: str
    column: str
    reason: str


@dataclass(frozen=True)
class States:
    """The number of rows in each state; ``unclear`` new rows may be stored ones."""

    counts: dict[str, int]
    unclear: int = 0


@dataclass(frozen=True)
class Checksums:
    """``found`` rows are in both tables; ``different`` of these have different values.

    ``source`` and ``warehouse`` are the checksums of the other rows, as given and as stored.
    """

    found: int
    different: int
    source: int | None
    warehouse: int | None


def columns(wh: Warehouse, where: Namespace) -> dict[str, dict[str, str]]:
    """Return the tables of a schema as {table: {column: type}}, in their spelling there."""
    sql = _sql.render(where, _COLUMNS, catalog=where.quoted_catalog)
    found: dict[str, dict[str, str]] = {}
    for row in wh.query(sql, {"schema": where.schema.lower()}):
        found.setdefault(row["table_name"], {})[row["column_name"]] = row["full_data_type"]
    return found


class Copy:
    """The copy of one table. Its rows may belong to our accounts or to those of ``accounts``.

    Columns that the origin lacks keep their stored values. So do its empty values, unless it
    ``clears``.
    """

    def __init__(
        self,
        wh: Warehouse,
        table: Table,
        origin: Origin,
        accounts: Origin | None,
        operation: Operation,
        since: str,
        *,
        clears: bool = False,
    ):
        self._wh = wh
        self._table, self._origin = table, origin
        self._operation, self._masked = operation, operation.masked(table)
        self._params = word_params(table) | ({} if table is ACCOUNTS else fold.PARAMETERS)
        # The states of rows that depend on the stored rows.
        self._beside = {"since": since, "change_id": operation.id}
        reason, column = refused_reason(table), refused_column(table)
        if table is not ACCOUNTS:
            reason = f"COALESCE({_identify.reason_of_team(table)}, {reason})"
            named = f"{_identify.CANDIDATES} IS NOT NULL"
            column = f"CASE WHEN {named} THEN '{table.owner}' ELSE {column} END"
        kept = {each.name for each in table.columns if not origin.has(each)} | self._masked
        self._parts = _match.parts(wh.namespace, table, null_keeps=not clears, masked=kept) | {
            "rows": _identify.rows(wh.namespace, table, origin, accounts),
            "identified": _identify.identified(wh.namespace, table),
            "reason": reason,
            "reason_column": column,
            "key_columns": _sql.names(table.match),
            "compared": _match.hashed("c", [n for n in table.own_names if n != "id"]),
            "is_orphan": "FALSE" if table is ACCOUNTS else _IS_ORPHAN,
            "key": quoted(table.match[0]),
            "is_older": _IS_OLDER,
            "is_later": _IS_LATER,
            "known": _identify.known_accounts(
                wh.namespace, None if table is ACCOUNTS else accounts
            ),
        }
        self._parts["placed"] = self._render(_PLACED)
        self._parts["classified"] = self._render(_CLASSIFIED)

    def states(self) -> States:
        """Count the accepted rows: new, unchanged, different, stale (different and older than the
        stored row), or orphan (their account does not exist)."""
        rows = self._query(_STATES)
        unclear = sum(row["unclear"] for row in rows if row["state"] == "new")
        return States({row["state"]: row["n"] for row in rows}, unclear)

    def remarks(self) -> Iterator[Remark]:
        """Yield all remarks on single rows; one statement for ``PAGE`` of them."""
        parts = _copy_remarks.parts(self._table, self._origin) | {
            "similar": _copy_remarks.SIMILAR_KEY,
            "folded_bsnid": fold.folded("bsnid"),
            "folded_owner": fold.folded(f"c.{quoted(self._table.owner)}"),
        }
        for offset in itertools.count(0, PAGE):
            params = {"page": PAGE, "offset": offset, **fold.PARAMETERS}
            page = self._query(_REMARKS, params, **parts)
            for row in page:
                yield Remark(row["key"], row["outcome"], row["column"], row["reason"])
            if len(page) < PAGE:
                return

    def upsert(self, expected: int, *, overwrite: bool) -> int:
        """Insert new rows and, with ``overwrite``, update those that differ and are not older than
        the stored ones.

        Returns how many of the ``expected`` rows were written. Masked columns are not updated, and
        become NULL in new rows. Safe to repeat.
        """
        values = ", ".join(
            _match.inserted(column, f"g.{quoted(column.name)}", self._masked)
            for column in self._table.columns
        )
        sql = self._render(
            _UPSERT,
            values=values,
            update=self._render(_UPDATE) if overwrite else "",
        )
        params = self._params | {"since": self._beside["since"]} if overwrite else self._params
        counted = operations.run(self._wh, self._operation, sql, params, repeatable=True)
        return operations.written_rows(self._wh, self._operation, self._table, counted, expected)

    def checksums(self) -> Checksums:
        """Return count and checksums of the rows that are in both tables."""
        row = self._query(_CHECKSUMS)[0]
        return Checksums(row["found"], row["different"], row["source"], row["warehouse"])

    def changed_by_others(self) -> list[str]:
        """Return the keys of rows that others have changed since the copy began. One statement."""
        return [row["key"] for row in self._query(_LATER)]

    def _query(
        self, template: str, params: dict[str, Any] | None = None, **parts: str
    ) -> list[Row]:
        given = self._params | self._beside | (params or {})
        return self._wh.query(self._render(template, **parts), given)

    def _render(self, template: str, **parts: str) -> str:
        return _sql.render(self._wh.namespace, template, **self._parts, **parts)
