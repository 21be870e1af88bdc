"""Find stored use cases and updates by their content, for imported rows without an id."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping

from crm.model.namespace import quoted
from crm.model.schema import UPDATES, USE_CASES, Table
from crm.repository import _sql
from crm.warehouse import Warehouse

from . import fold

# Columns that together nearly always identify a row.
NATURAL_KEYS = {
    USE_CASES: ("account_bsnid", "problem"),
    UPDATES: ("account_bsnid", "author", "date"),
}
# The columns that people write, perhaps in different spellings: see fold.
_WRITTEN = ("problem", "author")

Key = tuple[str, ...]

_STORED_IDS = """
WITH given AS (SELECT EXPLODE(FROM_JSON(:keys, 'array<array<string>>')) AS k),
stored AS (SELECT id, {texts}, {folded} FROM {target})
SELECT t.id, {columns} FROM stored AS t LEFT SEMI JOIN given AS g ON {match}
"""


def match_key(table: Table, row: Mapping[str, str | None]) -> Key:
    """Return a row's values of ``Table.match``, empty texts for empty values."""
    return tuple(row[name] or "" for name in table.match)


def natural_key(table: Table, row: Mapping[str, str | None]) -> Key:
    """Return a row's natural key, empty texts for empty values."""
    return tuple(row[name] or "" for name in NATURAL_KEYS[table])


def folded_key(table: Table, key: Key) -> Key:
    """Return the folded natural key; keys that mean the same have the same one."""
    names = zip(NATURAL_KEYS[table], key, strict=True)
    return tuple(fold.fold(text) if name in _WRITTEN else text for name, text in names)


def folded_columns(table: Table, alias: str) -> list[str]:
    """Return the SQL expressions of a row's ``folded_key``. They need the parameters of
    ``fold``."""
    texts = ((name, _text(name, alias)) for name in NATURAL_KEYS[table])
    return [fold.folded(text) if name in _WRITTEN else text for name, text in texts]


def stored_ids(wh: Warehouse, table: Table, keys: Iterable[Key]) -> dict[Key, dict[str, Key]]:
    """Map these folded keys to the stored rows that have them, as {id: natural key}. Raises
    WarehouseError."""
    names = NATURAL_KEYS[table]
    folded = folded_columns(table, "s")
    sql = _sql.render(
        wh.namespace,
        _STORED_IDS,
        texts=", ".join(f"{_text(name, 's')} AS {quoted(name)}" for name in names),
        folded=", ".join(f"{value} AS f{n}" for n, value in enumerate(folded)),
        columns=", ".join(f"t.{quoted(name)}" for name in names),
        target=f"{wh.namespace.table(table)} AS s",
        match=" AND ".join(f"t.f{n} = g.k[{n}]" for n in range(len(names))),
    )
    given = json.dumps(sorted(set(keys)), ensure_ascii=False)
    found: dict[Key, dict[str, Key]] = defaultdict(dict)
    for row in wh.query(sql, {"keys": given, **fold.PARAMETERS}):
        key = tuple(row[name] for name in names)
        found[folded_key(table, key)][row["id"]] = key
    return found


def _text(name: str, alias: str) -> str:
    return f"COALESCE(CAST({alias}.{quoted(name)} AS STRING), '')"
