"""The rows of one family of accounts, read past the application."""

from __future__ import annotations

from collections.abc import Mapping

from crm.model.own_tables import FOLLOWS, PEOPLE
from crm.model.schema import TABLES
from crm.warehouse import Warehouse

# The name of a row's table, and its key.
Key = tuple[str, str]
Rows = dict[Key, list[dict[str, str]]]
# The wanted change of each row: some of its new values, or None if the row is deleted.
Wanted = dict[Key, dict[str, str] | None]

NONE, PART, ALL, OTHER = "none", "part", "all", "other"
_SEPARATOR = "\x1f"
# A person's own settings: the accounts that they follow, and their names, which an action sets to
# the family's BSNID.
_OWN = {FOLLOWS: "account_bsnid", PEOPLE: "name"}


def read(wh: Warehouse, prefix: str) -> Rows:
    """Return the rows of accounts whose BSNID begins with the prefix. One statement."""
    parts = []
    for table in TABLES:
        values = ", ".join(f"COALESCE(CAST({name} AS STRING), '')" for name in table.own_names)
        parts.append(
            f"SELECT '{table.name}' AS name, CONCAT_WS('{_SEPARATOR}', {values}) AS texts "
            f"FROM {wh.namespace.table(table)} WHERE STARTSWITH({table.owner}, :prefix)"
        )
    for own, key in _OWN.items():
        parts.append(
            f"SELECT '{own.name}' AS name, {key} AS texts FROM {wh.namespace.table(own)} "
            f"WHERE STARTSWITH({key}, :prefix)"
        )
    tables = {table.name: table for table in TABLES}
    found: Rows = {}
    for row in wh.query(" UNION ALL ".join(parts), {"prefix": prefix}):
        table = tables.get(row["name"])
        if table is None:
            found.setdefault((row["name"], row["texts"]), []).append({})
            continue
        values = dict(zip(table.own_names, row["texts"].split(_SEPARATOR), strict=True))
        found.setdefault((table.name, values[table.key]), []).append(values)
    return found


def state(before: Rows, wanted: Wanted, after: Rows) -> str:
    """Return how much of the change is done."""
    is_done = {key: _has(after, key, values) for key, values in wanted.items()}
    for key in before.keys() | after.keys():
        if not is_done.get(key) and after.get(key) != before.get(key):
            return OTHER
    if all(is_done.values()):
        return ALL if wanted else NONE
    return PART if any(is_done.values()) else NONE


def state_by_table(before: Rows, wanted: Wanted, after: Rows) -> dict[str, str]:
    """Return the state of each table that the change concerns."""
    return {
        name: state(*(_of_table(name, rows) for rows in (before, wanted, after)))
        for name in {name for name, _ in wanted}
    }


def _of_table(name: str, rows: Mapping[Key, object]) -> dict:  # type: ignore[type-arg]
    return {key: value for key, value in rows.items() if key[0] == name}


def _has(rows: Rows, key: Key, values: dict[str, str] | None) -> bool:
    found = rows.get(key, [])
    if values is None:
        return not found
    return len(found) == 1 and values.items() <= found[0].items()


def lost(before: Rows, wanted: Wanted, after: Rows) -> int:
    """Return the number of missing rows that the change does not delete."""
    return sum(key not in after and wanted.get(key, {}) is not None for key in before)


def doubled(rows: Rows) -> int:
    return sum(len(copies) - 1 for copies in rows.values())
