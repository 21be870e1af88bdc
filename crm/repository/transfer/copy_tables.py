"""Copying tables of the earlier version from elsewhere in Unity Catalog, without their rows ever
leaving the warehouse: it cleans, judges, matches and counts them itself.

What a value may be and what becomes of it follows crm/importing/cleaning.py.
"""

# ruff: noqa: S608 - identifiers are ours, or information_schema's, quoted; values are bound

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crm.model import vocabulary
from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, Column, Table
from crm.repository import _match, _sql
from crm.repository._writing import write
from crm.warehouse import Warehouse

from ._clean import Origin, clean_rows, reason

PAGE = 5_000


@dataclass(frozen=True)
class Remark:
    """What is to be said of one row: ``outcome`` and ``reason`` as the findings have them."""

    key: str
    outcome: str
    column: str
    reason: str


def columns(wh: Warehouse, where: Namespace) -> dict[str, dict[str, str]]:
    """The tables of a schema: table → column → type, all as they are written there."""
    sql = f"""
    SELECT table_name, column_name, full_data_type
    FROM {where.quoted_catalog}.information_schema.columns
    WHERE table_schema = :schema
    ORDER BY table_name, ordinal_position
    """  # noqa: S608 - an identifier that Namespace has checked
    found: dict[str, dict[str, str]] = {}
    for row in wh.query(sql, {"schema": where.schema.lower()}):
        found.setdefault(row["table_name"], {})[row["column_name"]] = row["full_data_type"]
    return found


class Copy:
    """The copy of one table; the accounts' origin tells which accounts a child may belong to."""

    def __init__(self, wh: Warehouse, table: Table, origin: Origin, accounts: Origin | None):
        self._wh = wh
        self._table = table
        self._words = _words(table)
        rows = clean_rows(table, origin)
        if table is not ACCOUNTS:
            owners = "SELECT bsnid FROM {accounts}"
            if accounts:
                owners += f" UNION SELECT bsnid FROM ({clean_rows(ACCOUNTS, accounts)}) AS a"
                owners += f" WHERE ({reason(ACCOUNTS)}) IS NULL"
            state = "WHEN o.bsnid IS NULL THEN 'orphan'"
            join = "LEFT JOIN owners AS o ON o.bsnid = g.`{owner}`"
        else:
            owners, state, join = "SELECT CAST(NULL AS STRING) AS bsnid", "", ""
        self._parts = _match.parts(wh.namespace, table) | {
            "rows": rows,
            "reason": reason(table),
            "reason_column": reason(table, names=True),
            "partition": ", ".join(f"`{name}`" for name in table.match),
            "compared": _match.hashed("c", _compared(table)),
            "is_orphan": state,
        }
        owned = (
            "" if table is ACCOUNTS else "LEFT SEMI JOIN {accounts} AS a ON a.bsnid = g.{owner}"
        )
        self._owned = _sql.render(wh.namespace, owned, owner=f"`{table.parent_key}`")
        self._parts["owners"] = _sql.render(wh.namespace, owners)
        self._parts["join_owners"] = join.format(**self._parts)

    def states(self) -> dict[str, int]:
        """How many sound rows are new, unchanged, different, orphan (their account is missing)."""
        sql = _JUDGED + "SELECT state, COUNT(*) AS n FROM stated GROUP BY state"
        return {row["state"]: row["n"] for row in self._query(sql)}

    def remarks(self) -> Iterator[Remark]:
        """Everything that is to be said of single rows, some thousand rows a statement."""
        sql = f"""{_JUDGED}
        SELECT * FROM (
          SELECT {{key}} AS key, 'refused' AS outcome, reason_column AS column, reason
          FROM judged WHERE reason IS NOT NULL
          UNION ALL
          SELECT {{key}}, 'refused', '{self._table.match[-1]}',
            'there is another row with this key, which says something else'
          FROM placed WHERE place > 1 AND content <> first_content
          UNION ALL
          SELECT {{key}}, 'skipped', '', 'repeats another row'
          FROM placed WHERE place > 1 AND content = first_content
          UNION ALL
          SELECT {{key}}, 'refused', '{self._table.parent_key}',
            CONCAT('its account ', `{self._table.parent_key or self._table.key}`,
              ' does not exist')
          FROM stated WHERE state = 'orphan'
          UNION ALL
          SELECT {{key}}, 'different', '', 'is there already and says something else'
          FROM stated WHERE state = 'different'
          {self._changes()}
        ) AS remarks
        ORDER BY key, outcome, column, reason LIMIT {PAGE} OFFSET :offset
        """  # noqa: S608 - names of our own columns
        offset = 0
        while True:
            page = self._query(sql, offset=offset, **self._words)
            for row in page:
                yield Remark(row["key"], row["outcome"], row["column"], row["reason"])
            if len(page) < PAGE:
                return
            offset += PAGE

    def take_in(self, *, overwrite: bool) -> int:
        """Insert the rows that are new, and if ``overwrite`` update those that differ.

        Returns how many rows changed. Safe to repeat.
        """
        update = """
        WHEN MATCHED AND NOT ({same}) THEN UPDATE SET
          {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor
        """
        values = ", ".join(
            f"{_match.with_audit(name, f'g.`{name}`')} AS `{name}`" for name in self._table.names
        )
        sql = """
        MERGE INTO {target} AS t
        USING (
          WITH {ctes}
          SELECT {values} FROM sound AS g {owned}
        ) AS g
        ON {match}
        {update}
        WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({sources})
        """
        text = self._render(
            sql,
            ctes=self._render(_SOUND),
            values=values,
            owned=self._owned,
            update=update.format(**self._parts) if overwrite else "",
        )
        return write(self._wh, text, {"actor": self._wh.actor}, repeatable=True)

    def sums(self) -> dict[str, Any]:
        """Of the rows that are in both: ``there`` and ``different`` (counts), and checksums
        ``given_sum`` and ``there_sum`` of those that say the same."""
        sql = (
            _JUDGED
            + """
        SELECT COUNT(*) AS given_rows,
          COUNT(t.`{first}`) AS there,
          SUM(CASE WHEN state = 'different' THEN 1 ELSE 0 END) AS different,
          BIT_XOR(CASE WHEN state <> 'different' THEN XXHASH64({given_values}) END) AS given_sum,
          BIT_XOR(CASE WHEN state <> 'different' THEN XXHASH64({there_values}) END) AS there_sum
        FROM (SELECT * FROM stated WHERE state <> 'orphan') AS g
        LEFT JOIN (SELECT {own_columns} FROM {target}) AS t ON {match}
        """
        )
        return self._query(sql)[0]

    def _changes(self) -> str:
        """Branches of a UNION: values that go in otherwise than they stand, unknown words."""
        branches = []
        for column in self._table.own_columns:
            name, raw = f"`{column.name}`", f"`{column.name}__raw`"
            change = None
            if column.kind == "links":
                change = "CONCAT(CAST(SIZE(SPLIT({0}, '\\n')) AS STRING), ' links, one per line')"
            elif column.type == "DATE":
                change = "'the time of day was left out'"
            elif column.kind != "long_text":
                change = "'line breaks became spaces'"
            if change:
                change = change.format(name)
                branches.append(
                    f"SELECT {{key}}, 'changed', '{column.name}', {change} FROM sound "
                    f"WHERE {raw} IS NOT NULL AND CAST({name} AS STRING) <> {raw}"
                )
            if column.vocabulary:
                known = ", ".join(f":{word}" for word in _words_of(column))
                branches.append(
                    f"SELECT {{key}}, 'noted', '{column.name}', "
                    f"CONCAT('“', {name}, '” is not one of the known words; kept as it is') "
                    f"FROM sound WHERE {name} NOT IN ({known})"
                )
        return "".join(f"UNION ALL {branch}\n" for branch in branches)

    def _query(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        return self._wh.query(self._render(sql), params or None)

    def _render(self, sql: str, **parts: str) -> str:
        return sql.format(**self._parts, **parts)


_SOUND = """
  cleaned AS ({rows}),
  judged AS (SELECT *, {reason} AS reason, {reason_column} AS reason_column FROM cleaned),
  hashed AS (SELECT *, XXHASH64({compared}) AS content FROM judged AS c WHERE reason IS NULL),
  placed AS (
    SELECT *,
      ROW_NUMBER() OVER (PARTITION BY {partition} ORDER BY content) AS place,
      MIN(content) OVER (PARTITION BY {partition}) AS first_content
    FROM hashed
  ),
  sound AS (SELECT * FROM placed WHERE place = 1)
"""
_JUDGED = f"""
  WITH {_SOUND},
  there AS (SELECT {{own_columns}} FROM {{target}}),
  owners AS ({{owners}}),
  stated AS (
    SELECT g.*, CASE
      {{is_orphan}}
      WHEN t.`{{first}}` IS NULL THEN 'new'
      WHEN {{same}} THEN 'unchanged'
      ELSE 'different' END AS state
    FROM sound AS g
    LEFT JOIN there AS t ON {{match}}
    {{join_owners}}
  )
"""


def _compared(table: Table) -> list[str]:
    return [name for name in table.own_names if name != "id"]


def _words(table: Table) -> dict[str, str]:
    return {
        marker: word for column in table.own_columns for marker, word in _words_of(column).items()
    }


def _words_of(column: Column) -> dict[str, str]:
    if not column.vocabulary:
        return {}
    words = vocabulary.words(column.vocabulary)
    return {f"{column.name}_{number}": word for number, word in enumerate(words)}
