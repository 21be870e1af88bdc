"""Finds stored accounts by the names of their teams, whatever the case of these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from crm.repository import _sql
from crm.warehouse import Warehouse

_COUNT = """
SELECT COUNT(DISTINCT LOWER(TRIM(a.team))) AS n
FROM {accounts} AS a
LEFT SEMI JOIN (SELECT EXPLODE({given}) AS team) AS g ON LOWER(TRIM(a.team)) = g.team
"""
_FIND = """
SELECT DISTINCT a.bsnid, LOWER(TRIM(a.team)) AS team
FROM {accounts} AS a
LEFT SEMI JOIN (SELECT EXPLODE({given}) AS team) AS g ON LOWER(TRIM(a.team)) = g.team
"""


def team_key(team: str) -> str:
    """Return what equal names of teams have in common."""
    return team.strip().lower()


def accounts_of_teams(wh: Warehouse, teams: Iterable[str]) -> dict[str, set[str]]:
    """Map the keys of teams to the BSNIDs of accounts. Raises WarehouseError."""
    given, params = _sql.text_array("teams", sorted(set(map(team_key, teams))))
    found: dict[str, set[str]] = defaultdict(set)
    for row in wh.query(_sql.render(wh.namespace, _FIND, given=given), params):
        found[row["team"]].add(row["bsnid"])
    return found


def count_stored_teams(wh: Warehouse, teams: Iterable[str]) -> int:
    """Return how many of these teams accounts have, whatever their case. Raises WarehouseError."""
    given, params = _sql.text_array("teams", sorted(set(map(team_key, teams))))
    rows = wh.query(_sql.render(wh.namespace, _COUNT, given=given), params)
    return int(rows[0]["n"])
