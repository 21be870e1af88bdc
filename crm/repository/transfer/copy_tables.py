"""Copy tables of the earlier version from elsewhere in Unity Catalog.

The rows stay in the warehouse, which cleans, checks, compares and counts them. It accepts and
cleans values by the rules of crm/importing/cleaning.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, Column, Table
from crm.repository import _match, _sql, operations
from crm.repository._sql import Row
from crm.repository.operations import Operation
from crm.warehouse import Warehouse

from ._clean import Origin, clean_rows, raw_name, refused_column, refused_reason

PAGE = 5_000

_COLUMNS = """
SELECT table_name, column_name, full_data_type
FROM {catalog}.information_schema.columns
WHERE table_schema = :schema
ORDER BY table_name, ordinal_position
"""
# ``place`` is 1 for one row of each key: the accepted one.
_PLACED = """
  cleaned AS ({rows}),
  checked AS (SELECT *, {reason} AS reason, {reason_column} AS reason_column FROM cleaned),
  hashed AS (SELECT *, XXHASH64({compared}) AS content FROM checked AS c),
  placed AS (
    SELECT *,
      ROW_NUMBER() OVER (PARTITION BY reason IS NULL, {key_columns} ORDER BY content) AS place,
      MIN(content) OVER (PARTITION BY reason IS NULL, {key_columns}) AS first_content
    FROM hashed
  )
"""
# Reads each row once: engines compute a CTE again at each use.
_CLASSIFIED = """
WITH {placed},
  stored AS (SELECT {own_columns}, updated_at FROM {target}),
  owners AS ({owners}),
  classified AS (
    SELECT g.*, CASE
      WHEN g.reason IS NOT NULL THEN 'refused'
      WHEN g.content <> g.first_content THEN 'contradicting'
      WHEN g.place > 1 THEN 'repeated'
      WHEN {is_orphan} THEN 'orphan'
      WHEN t.{first_match} IS NULL THEN 'new'
      WHEN {same} THEN 'unchanged'
      WHEN {is_older} THEN 'stale'
      ELSE 'different' END AS state
    FROM placed AS g
    LEFT JOIN stored AS t ON {match}
    LEFT JOIN owners AS o ON o.bsnid = g.{owner}
  )
"""
_OWNERS = "SELECT bsnid FROM {each_bsnid} AS a"
_COPIED_OWNERS = """
  SELECT bsnid FROM {accounts}
  UNION SELECT bsnid FROM ({rows}) AS a WHERE ({reason}) IS NULL
"""
_STATES = """
{classified}
SELECT state, COUNT(*) AS n FROM classified
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
  FROM classified
) AS remarks
WHERE remark.outcome IS NOT NULL
ORDER BY key, outcome, column, reason LIMIT :page OFFSET :offset
"""
_REMARK = "NAMED_STRUCT('outcome', {outcome}, 'column', {column}, 'reason', {reason})"
_IF_ACCEPTED = """,
  CASE WHEN state IN ('orphan', 'new', 'unchanged', 'different') AND {condition} THEN {remark} END
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
_OF_ACCOUNTS = "LEFT SEMI JOIN {accounts} AS a ON a.bsnid = g.{owner}"
_UPDATE = """
WHEN MATCHED AND NOT ({same}) AND NOT {is_older} THEN UPDATE SET
  {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
"""
# Somebody has changed the stored row since: see crm/importing/stale.py.
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
    """A remark on one row: ``outcome`` and ``reason`` as in crm/importing/findings.py."""

    key: str
    outcome: str
    column: str
    reason: str


@dataclass(frozen=True)
class Checksums:
    """``found`` rows are in both tables; ``different`` of these have different values.

    ``source`` and ``warehouse`` are the checksums of the others, as given and as stored.
    """

    found: int
    different: int
    source: int | None
    warehouse: int | None


def columns(wh: Warehouse, where: Namespace) -> dict[str, dict[str, str]]:
    """Return the tables of a schema as table → column → type, as they are written there."""
    sql = _sql.render(where, _COLUMNS, catalog=where.quoted_catalog)
    found: dict[str, dict[str, str]] = {}
    for row in wh.query(sql, {"schema": where.schema.lower()}):
        found.setdefault(row["table_name"], {})[row["column_name"]] = row["full_data_type"]
    return found


class Copy:
    """The copy of one table. Its rows may belong to accounts of ours and of ``accounts``."""

    def __init__(
        self,
        wh: Warehouse,
        table: Table,
        origin: Origin,
        accounts: Origin | None,
        operation: Operation,
    ):
        self._wh = wh
        self._table = table
        self._operation, self._masked = operation, operation.masked(table)
        self._words: dict[str, str] = {}
        for column in table.own_columns:
            if column.vocabulary:
                self._words |= _sql.word_array(column)[1]
        self._parts = _match.parts(wh.namespace, table, masked=self._masked) | {
            "rows": clean_rows(table, origin),
            "reason": refused_reason(table),
            "reason_column": refused_column(table),
            "key_columns": _sql.names(table.match),
            "compared": _match.hashed("c", [n for n in table.own_names if n != "id"]),
            "is_orphan": "FALSE" if table is ACCOUNTS else "o.bsnid IS NULL",
            "key": quoted(table.match[0]),
            "is_older": _IS_OLDER,
        }
        self._parts["owners"] = self._owners(accounts)
        self._parts["placed"] = self._render(_PLACED)
        self._parts["classified"] = self._render(_CLASSIFIED)

    def _owners(self, accounts: Origin | None) -> str:
        if accounts is None or self._table is ACCOUNTS:
            return self._render(_OWNERS)
        parts = {"rows": clean_rows(ACCOUNTS, accounts), "reason": refused_reason(ACCOUNTS)}
        return _sql.render(self._wh.namespace, _COPIED_OWNERS, **parts)

    def states(self) -> dict[str, int]:
        """Return how many of the accepted rows are new, unchanged, different, stale (different and
        older than the stored row), or orphan (their account does not exist)."""
        return {row["state"]: row["n"] for row in self._query(_STATES)}

    def remarks(self) -> Iterator[Remark]:
        """Yield all remarks on single rows; one statement for ``PAGE`` of them."""
        parts = self._remarks_by_state() | {"changes": self._changes()}
        for offset in itertools.count(0, PAGE):
            params = {"page": PAGE, "offset": offset, **self._words}
            page = self._query(_REMARKS, params, **parts)
            for row in page:
                yield Remark(row["key"], row["outcome"], row["column"], row["reason"])
            if len(page) < PAGE:
                return

    def upsert(self, expected: int, *, overwrite: bool) -> int:
        """Insert the rows that are new and, with ``overwrite``, update those that differ, unless
        they are older than the stored ones.

        Returns how many of the ``expected`` rows were written. Masked columns are not updated, and
        NULL in new rows. Safe to repeat.
        """
        values = ", ".join(
            _match.inserted(column, f"g.{quoted(column.name)}", self._masked)
            for column in self._table.columns
        )
        sql = self._render(
            _UPSERT,
            values=values,
            of_accounts="" if self._table is ACCOUNTS else self._render(_OF_ACCOUNTS),
            update=self._render(_UPDATE) if overwrite else "",
        )
        counted = operations.run(self._wh, self._operation, sql, repeatable=True)
        return operations.written_rows(self._wh, self._operation, self._table, counted, expected)

    def checksums(self) -> Checksums:
        """Return count and checksums of the rows that are in both tables."""
        row = self._query(_CHECKSUMS)[0]
        return Checksums(row["found"], row["different"], row["source"], row["warehouse"])

    def _changes(self) -> str:
        """Return the remarks on values that cleaning changes, and on unknown words."""
        found = []
        for column in self._table.own_columns:
            value, raw = quoted(column.name), raw_name(column.name)
            if change := _change_in_words(column):
                is_changed = f"{raw} IS NOT NULL AND CAST({value} AS STRING) <> {raw}"
                remark = _remark("changed", column.name, change)
                found.append(_sql.fill(_IF_ACCEPTED, condition=is_changed, remark=remark))
            if column.vocabulary:
                known, _ = _sql.word_array(column)
                reason = f"CONCAT('“', {value}, '” is not one of the known words; kept as it is')"
                remark = _remark("noted", column.name, reason)
                is_unknown = f"{value} IS NOT NULL AND NOT ARRAY_CONTAINS({known}, {value})"
                found.append(_sql.fill(_IF_ACCEPTED, condition=is_unknown, remark=remark))
        return "".join(found)

    def _remarks_by_state(self) -> dict[str, str]:
        """Return the remark on a row of each state."""
        match, owner = self._table.match[-1], self._table.owner
        return {
            "refused": _sql.fill(
                _REMARK, outcome="'refused'", column="reason_column", reason="reason"
            ),
            "contradicting": _remark(
                "refused", match, "'has the same key as another row, but different values'"
            ),
            "repeated": _remark("skipped", "", "'repeats another row'"),
            "orphan": _remark(
                "refused", owner, f"CONCAT('its account ', {quoted(owner)}, ' does not exist')"
            ),
            "stale": _remark("skipped", "", "'is older than the stored row; left as it is'"),
            "different": _remark(
                "different", "", "'already exists with different values; left as it is'"
            ),
        }

    def _query(
        self, template: str, params: dict[str, Any] | None = None, **parts: str
    ) -> list[Row]:
        return self._wh.query(self._render(template, **parts), params)

    def _render(self, template: str, **parts: str) -> str:
        return _sql.render(self._wh.namespace, template, **self._parts, **parts)


def _remark(outcome: str, column: str, reason: str) -> str:
    """Return the expression for a remark; ``reason`` is an expression itself."""
    return _sql.fill(
        _REMARK, outcome=_sql.literal(outcome), column=_sql.literal(column), reason=reason
    )


def _change_in_words(column: Column) -> str | None:
    """Return the expression for what cleaning changed about a value, in words."""
    if column.kind == "links":
        links = f"SIZE(SPLIT({quoted(column.name)}, '\\n'))"
        return f"CONCAT(CAST({links} AS STRING), ' links, one per line')"
    if column.type == "DATE":
        return "'the time of day was left out'"
    return None if column.kind == "long_text" else "'line breaks became spaces'"
