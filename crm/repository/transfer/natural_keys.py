"""Finds stored use cases and updates by their content, for rows from elsewhere without an id."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping

from crm.model.namespace import quoted
from crm.model.schema import UPDATES, USE_CASES, Table
from crm.repository import _sql
from crm.warehouse import Warehouse

# Columns that together nearly always tell one row from another.
NATURAL_KEYS = {
    USE_CASES: ("account_bsnid", "problem"),
    UPDATES: ("account_bsnid", "author", "date"),
}

Key = tuple[str, ...]

_STORED_IDS = """
WITH given AS (SELECT EXPLODE(FROM_JSON(:keys, 'array<array<string>>')) AS k)
SELECT t.id, {columns} FROM {target} AS t LEFT SEMI JOIN given AS g ON {match}
"""


def natural_key(table: Table, row: Mapping[str, str | None]) -> Key:
    """Return a row's natural key, empty texts for empty values."""
    return tuple(row[name] or "" for name in NATURAL_KEYS[table])


def stored_ids(wh: Warehouse, table: Table, keys: Iterable[Key]) -> dict[Key, set[str]]:
    """Map natural keys to the ids of the stored rows that have them. Raises WarehouseError."""
    names = NATURAL_KEYS[table]
    values = [f"COALESCE(CAST(t.{quoted(name)} AS STRING), '')" for name in names]
    sql = _sql.render(
        wh.namespace,
        _STORED_IDS,
        columns=", ".join(
            f"{value} AS {quoted(name)}" for name, value in zip(names, values, strict=True)
        ),
        target=wh.namespace.table(table),
        match=" AND ".join(f"{value} = g.k[{n}]" for n, value in enumerate(values)),
    )
    given = json.dumps(sorted(set(keys)), ensure_ascii=False)
    found: dict[Key, set[str]] = defaultdict(set)
    for row in wh.query(sql, {"keys": given}):
        found[tuple(row[name] for name in names)].add(row["id"])
    return found
