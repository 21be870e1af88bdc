"""Find accounts whose keys a person could take for given ones."""

from __future__ import annotations

from collections.abc import Iterable

from crm.repository import _sql
from crm.repository.transfer.matching import fold
from crm.warehouse import Warehouse


def are_similar(left: str, right: str) -> str:
    """Return the SQL condition that two BSNIDs are equal apart from case and outer blanks."""
    return f"LOWER(TRIM({left})) = LOWER(TRIM({right}))"


def similar_keys(wh: Warehouse, keys: Iterable[str]) -> dict[str, str]:
    """Map given BSNIDs to a stored one that differs only as ``fold`` allows. Raises
    WarehouseError."""
    sql = """
    WITH given AS (SELECT EXPLODE({given}) AS bsnid),
    folded AS (SELECT bsnid, {folded_given} AS word FROM given)
    SELECT g.bsnid, MIN(a.bsnid) AS stored
    FROM folded AS g
    JOIN {accounts} AS a ON {folded_stored} = g.word AND a.bsnid <> g.bsnid
    GROUP BY g.bsnid
    """
    given, params = _sql.text_array("keys", sorted(set(keys)))
    parts = {"folded_given": fold.folded("bsnid"), "folded_stored": fold.folded("a.bsnid")}
    query = _sql.render(wh.namespace, sql, given=given, **parts)
    rows = wh.query(query, {**params, **fold.PARAMETERS})
    return {row["bsnid"]: row["stored"] for row in rows}
