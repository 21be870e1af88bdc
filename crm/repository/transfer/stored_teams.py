"""Counts the names of teams that stored accounts have."""

from __future__ import annotations

from collections.abc import Iterable

from crm.repository import _sql
from crm.warehouse import Warehouse

_COUNT = """
SELECT COUNT(DISTINCT LOWER(TRIM(a.team))) AS n
FROM {accounts} AS a
LEFT SEMI JOIN (SELECT EXPLODE({given}) AS team) AS g ON LOWER(TRIM(a.team)) = g.team
"""


def count_stored_teams(wh: Warehouse, teams: Iterable[str]) -> int:
    """Return how many of these teams accounts have, whatever their case. Raises WarehouseError."""
    given, params = _sql.text_array("teams", sorted({team.strip().lower() for team in teams}))
    rows = wh.query(_sql.render(wh.namespace, _COUNT, given=given), params)
    return int(rows[0]["n"])
