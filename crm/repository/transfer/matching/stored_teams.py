"""Find stored accounts by the names of their teams, in any spelling: see fold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from . import fold

_COUNT = """
SELECT COUNT(DISTINCT a.team) AS n FROM ({teams}) AS a
LEFT SEMI JOIN (SELECT EXPLODE({given}) AS team) AS g ON a.team = g.team
"""
_FIND = """
SELECT DISTINCT a.bsnid, a.team FROM ({teams}) AS a
LEFT SEMI JOIN (SELECT EXPLODE({given}) AS team) AS g ON a.team = g.team
"""
_TEAMS = "SELECT bsnid, {folded} AS team FROM {accounts}"


def team_key(team: str) -> str:
    """Return the folded name; the spellings of one name have the same one."""
    return fold.fold(team)


def accounts_of_teams(wh: Warehouse, teams: Iterable[str]) -> dict[str, set[str]]:
    """Map the ``team_key`` of teams to the BSNIDs of accounts. Raises WarehouseError."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in _query(wh, _FIND, teams):
        found[row["team"]].add(row["bsnid"])
    return found


def count_stored_teams(wh: Warehouse, teams: Iterable[str]) -> int:
    """Return how many of these teams have an account. Raises WarehouseError."""
    return int(_query(wh, _COUNT, teams)[0]["n"])


def _query(wh: Warehouse, template: str, teams: Iterable[str]) -> list[Row]:
    given, params = _sql.text_array("teams", sorted(set(map(team_key, teams))))
    stored = _sql.render(wh.namespace, _TEAMS, folded=fold.folded("team"))
    sql = _sql.render(wh.namespace, template, given=given, teams=stored)
    return wh.query(sql, params | fold.PARAMETERS)
