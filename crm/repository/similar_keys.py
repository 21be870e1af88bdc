"""Find accounts whose keys differ from given ones only in case and outer blanks."""

from __future__ import annotations

from collections.abc import Iterable

from crm.repository import _sql
from crm.warehouse import Warehouse


def are_similar(left: str, right: str) -> str:
    """Return the SQL condition that two BSNIDs are equal apart from case and outer blanks."""
    return f"LOWER(TRIM({left})) = LOWER(TRIM({right}))"


def similar_keys(wh: Warehouse, keys: Iterable[str]) -> dict[str, str]:
    """Map given BSNIDs to a similar stored one. Raises WarehouseError."""
    sql = """
    WITH given AS (SELECT EXPLODE({given}) AS bsnid)
    SELECT g.bsnid, MIN(a.bsnid) AS stored
    FROM given AS g
    JOIN {accounts} AS a ON {are_similar} AND a.bsnid <> g.bsnid
    GROUP BY g.bsnid
    """
    given, params = _sql.text_array("keys", sorted(set(keys)))
    parts = {"given": given, "are_similar": are_similar("a.bsnid", "g.bsnid")}
    rows = wh.query(_sql.render(wh.namespace, sql, **parts), params)
    return {row["bsnid"]: row["stored"] for row in rows}
