"""Pairs of accounts that somebody said to be two teams: notes in the table of operations.

The id of a note follows from the two BSNIDs, so each pair has one. Without the table, or the right
to write to it, nothing is remembered.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

_KIND = "distinct"
_MARK = "decided "
_SAVE = """
MERGE INTO {operations} AS t
USING (SELECT CAST(:id AS STRING) AS id, CAST(:pair AS STRING) AS pair) AS s
ON t.id = s.id
WHEN NOT MATCHED THEN INSERT (id, kind, person, started_at, ended_at, note)
  VALUES (s.id, :kind, :person, CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), s.pair)
"""
_FORGET = "DELETE FROM {operations} WHERE id = :id AND kind = :kind"
# A part of find's statement: of each pair the accounts that the person sees, with who decided.
_READ = """
UNION ALL
SELECT CONCAT({mark}, e.id) AS mark, COLLECT_LIST(
  NAMED_STRUCT('bsnid', a.bsnid, 'team', a.team, 'area', e.person)) AS teams
FROM (
  SELECT id, person, EXPLODE(FROM_JSON(note, 'array<string>')) AS bsnid
  FROM {operations} WHERE kind = {kind}
) AS e
JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts} GROUP BY bsnid) AS a ON a.bsnid = e.bsnid
GROUP BY e.id
"""


@dataclass(frozen=True)
class Team:
    bsnid: str
    team: str
    area: str

    @property
    def name(self) -> str:
        return self.team or self.bsnid


@dataclass(frozen=True)
class Decided:
    """Two accounts that ``person`` said to be two teams."""

    one: Team
    other: Team
    person: str


def save(wh: Warehouse, one: str, other: str) -> None:
    """Remember that these are two teams. It may be sent twice. One statement.

    Raises WarehouseError.
    """
    pair = json.dumps(_in_order(one, other), ensure_ascii=False)
    params = {"id": _id(one, other), "pair": pair, "kind": _KIND, "person": wh.actor}
    wh.execute(_sql.render(wh.namespace, _SAVE), params, repeatable=True)


def forget(wh: Warehouse, one: str, other: str) -> None:
    """Offer the pair again, whoever decided. Likewise."""
    params = {"id": _id(one, other), "kind": _KIND}
    wh.execute(_sql.render(wh.namespace, _FORGET), params, repeatable=True)


def reading(wh: Warehouse) -> str:
    """Return the SELECT of the decided pairs, for find's statement."""
    literals = {"mark": _sql.literal(_MARK), "kind": _sql.literal(_KIND)}
    return _sql.render(wh.namespace, _READ, **literals)


def split(rows: list[Row]) -> tuple[list[Row], list[Decided]]:
    """Return find's own rows, and the decided pairs of which the person sees both accounts."""
    own = [row for row in rows if not row["mark"].startswith(_MARK)]
    found = []
    for row in (row for row in rows if row["mark"].startswith(_MARK)):
        teams = {each["bsnid"]: each for each in row["teams"]}
        if len(teams) == 2:
            one, other = (
                Team(bsnid, teams[bsnid]["team"] or "", "") for bsnid in _in_order(*teams)
            )
            found.append(Decided(one, other, row["teams"][0]["area"] or ""))
    return own, sorted(found, key=lambda each: (each.one.name.lower(), each.other.name.lower()))


def _in_order(one: str, other: str) -> list[str]:
    return sorted((one, other))


def _id(one: str, other: str) -> str:
    text = "\n".join([_KIND, *_in_order(one, other)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
