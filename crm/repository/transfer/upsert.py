"""What an import asks of the warehouse: what a chunk of rows would be, and to take it in.

Rows travel as one JSON parameter, an array of arrays of texts in the order of the table's
columns. They are matched by ``Table.match``; only the table's own columns are compared. Where
rows are ``masked`` each has one more text behind its values: which columns it speaks of. Of the
audit columns its mask says whether they go in as they are, NULL included.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from crm.model.schema import ACCOUNTS, Table
from crm.repository import _match, _sql
from crm.repository._writing import write
from crm.warehouse import Warehouse

NEW, UNCHANGED, DIFFERENT, ORPHAN = "new", "unchanged", "different", "orphan"

_GIVEN = """
  SELECT {values}
  FROM (SELECT POSEXPLODE(FROM_JSON(:rows, 'array<array<string>>')) AS (n, r)) AS j
"""


@dataclass(frozen=True)
class Sums:
    """Row count and checksum of the same rows in the source and in the warehouse."""

    rows: int
    found: int
    source: int | None
    warehouse: int | None


def mask(table: Table, given: Collection[str]) -> str:
    """What a row's mask says when it speaks of these columns."""
    return "".join("1" if name in given else "0" for name in table.names)


def classify(wh: Warehouse, table: Table, rows: str, *, masked: bool = False) -> list[str]:
    """For each row, in order: NEW, UNCHANGED, DIFFERENT or ORPHAN (its account is missing)."""
    sql = """
    WITH given AS ({given}),
    there AS (SELECT {own_columns} FROM {target} WHERE {key} IN (SELECT {key} FROM given)),
    owners AS (SELECT bsnid FROM {accounts} GROUP BY bsnid)
    SELECT g.n, CASE
      WHEN MAX(o.bsnid) IS NULL THEN 'orphan'
      WHEN COUNT(t.`{first}`) = 0 THEN 'new'
      WHEN MAX(CASE WHEN {same} THEN 1 ELSE 0 END) = 1 THEN 'unchanged'
      ELSE 'different' END AS state
    FROM given AS g
    LEFT JOIN there AS t ON {match}
    LEFT JOIN owners AS o ON o.bsnid = g.`{owner}`
    GROUP BY g.n
    ORDER BY g.n
    """
    if table is ACCOUNTS:
        sql = sql.replace("WHEN MAX(o.bsnid) IS NULL THEN 'orphan'\n", "")
        sql = sql.replace("    LEFT JOIN owners AS o ON o.bsnid = g.`{owner}`\n", "")
    text = _sql.render(wh.namespace, sql, **_parts(wh, table, masked))
    return [row["state"] for row in wh.query(text, {"rows": rows, "actor": wh.actor})]


def there(wh: Warehouse, table: Table, rows: str) -> list[dict[str, Any]]:
    """What is stored of these rows: their own columns."""
    sql = """
    WITH given AS ({given})
    SELECT {columns} FROM {target} AS t LEFT SEMI JOIN given AS g ON {match}
    """
    parts = _parts(wh, table, masked=False)
    columns = _sql.columns(table, "t")
    text = _sql.render(wh.namespace, sql, columns=columns, **parts)
    return wh.query(text, {"rows": rows, "actor": wh.actor})


def take_in(
    wh: Warehouse,
    table: Table,
    rows: str,
    *,
    overwrite: bool,
    masked: bool = False,
) -> int:
    """Insert the rows that are new, and if ``overwrite`` update those that differ.

    Returns how many rows changed. Safe to repeat; children of missing accounts stay out.
    """
    sql = """
    MERGE INTO {target} AS t
    USING (
      SELECT g.* FROM ({given}) AS g {owned}
    ) AS g
    ON {match}
    {update}
    WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({sources})
    """
    update = """
    WHEN MATCHED AND NOT ({same}) THEN UPDATE SET
      {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor
    """
    parts = _parts(wh, table, masked)
    parts["update"] = update.format(**parts) if overwrite else ""
    owned = "LEFT SEMI JOIN {accounts} AS a ON a.bsnid = g.`{owner}`"
    is_child = table is not ACCOUNTS
    parts["owned"] = _sql.render(wh.namespace, owned, **parts) if is_child else ""
    text = _sql.render(wh.namespace, sql, **parts)
    return write(wh, text, {"rows": rows, "actor": wh.actor}, repeatable=True)


def sums(wh: Warehouse, table: Table, rows: str, *, masked: bool = False) -> Sums:
    """Count and checksum of these rows, as they were given and as they are stored."""
    sql = """
    WITH given AS ({given}),
    there AS (SELECT {own_columns} FROM {target} WHERE {key} IN (SELECT {key} FROM given))
    SELECT
      COUNT(*) AS given_rows,
      COUNT(t.`{first}`) AS found_rows,
      BIT_XOR(XXHASH64({given_values})) AS given_sum,
      BIT_XOR(CASE WHEN t.`{first}` IS NULL THEN NULL ELSE XXHASH64({there_values}) END)
        AS there_sum
    FROM given AS g
    LEFT JOIN there AS t ON {match}
    """
    text = _sql.render(wh.namespace, sql, **_parts(wh, table, masked))
    row = wh.query(text, {"rows": rows, "actor": wh.actor})[0]
    return Sums(row["given_rows"], row["found_rows"], row["given_sum"], row["there_sum"])


def _parts(wh: Warehouse, table: Table, masked: bool) -> dict[str, str]:
    values = ["j.n AS n", *(_value(table, name, masked) for name in table.names)]
    if masked:
        values.append(f"{_mask(table)} AS `{_match.MASK}`")
    parts = _match.parts(wh.namespace, table, masked=masked)
    return {**parts, "given": _GIVEN.format(values=", ".join(values))}


def _value(table: Table, name: str, masked: bool) -> str:
    value = f"CAST(j.r[{table.names.index(name)}] AS {table.column(name).type})"
    literally = _match.mask_says(table, name, _mask(table)) if masked else ""
    return f"{_match.with_audit(name, value, literally)} AS `{name}`"


def _mask(table: Table) -> str:
    return f"j.r[{len(table.names)}]"
