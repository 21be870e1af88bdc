"""Finds accounts whose keys differ from given ones only in case or surrounding blanks."""

from __future__ import annotations

import json
from collections.abc import Iterable

from crm.repository import _sql
from crm.warehouse import Warehouse


def similar_keys(wh: Warehouse, keys: Iterable[str]) -> dict[str, str]:
    """Map given BSNIDs to a stored one that is almost the same. Raises WarehouseError."""
    sql = """
    WITH given AS (SELECT EXPLODE(FROM_JSON(:keys, 'array<string>')) AS bsnid)
    SELECT g.bsnid, MIN(a.bsnid) AS stored
    FROM given AS g
    JOIN {accounts} AS a ON LOWER(TRIM(a.bsnid)) = LOWER(TRIM(g.bsnid)) AND a.bsnid <> g.bsnid
    GROUP BY g.bsnid
    """
    text = _sql.render(wh.namespace, sql)
    rows = wh.query(text, {"keys": json.dumps(sorted(set(keys)), ensure_ascii=False)})
    return {row["bsnid"]: row["stored"] for row in rows}
