"""Decisions that two similar accounts are two teams, as notes in the table of operations.

The id of a note is computed from the two BSNIDs, so each pair has one note. Without the table, or
the right to write to it, no decision is saved.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from crm.repository import _sql, operations
from crm.repository._sql import Row
from crm.repository.operations import Operation
from crm.warehouse import Warehouse

_MARK = "decided "
_SAVE = """
MERGE INTO {operations} AS t
USING (
  SELECT CAST(:change_id AS STRING) AS id, CAST(:pair AS STRING) AS pair
  FROM {accounts} WHERE bsnid IN (:one, :other) HAVING COUNT(DISTINCT bsnid) = 2
) AS s
ON t.id = s.id
WHEN NOT MATCHED THEN INSERT (id, kind, person, started_at, ended_at, note)
  VALUES (s.id, :kind, :actor, CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), s.pair)
"""
_FORGET = "DELETE FROM {operations} WHERE id = :change_id AND kind = :kind"
_SEEN = "SELECT bsnid FROM {accounts} WHERE bsnid IN (:one, :other)"
# A part of find's statement: the visible accounts of each decided pair. The mark is the person who
# decided.
_READ = """
UNION ALL
SELECT CONCAT({mark}, e.person) AS mark, COLLECT_LIST(
  NAMED_STRUCT('bsnid', a.bsnid, 'team', a.team, 'area', '')) AS teams
FROM (
  SELECT id, person, EXPLODE(FROM_JSON(note, 'array<string>')) AS bsnid
  FROM {operations} WHERE kind = {kind}
) AS e
JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts} GROUP BY bsnid) AS a ON a.bsnid = e.bsnid
GROUP BY e.id, e.person
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
    """Two accounts that are two teams, as ``person`` decided."""

    one: Team
    other: Team
    person: str


def save(wh: Warehouse, one: str, other: str) -> bool:
    """Save the decision that these are two teams, and return whether it was new.

    Nothing is saved for accounts that the person does not see. Safe to repeat. One statement.
    Raises NewerSchema, WarehouseError.
    """
    pair = json.dumps(_in_order(one, other), ensure_ascii=False)
    params = {"pair": pair, "one": one, "other": other}
    return _run(wh, _SAVE, _id(one, other), params) > 0


def forget(wh: Warehouse, one: str, other: str) -> bool:
    """Remove the decision on the pair, whoever made it; return whether there was one. One
    statement. Raises NewerSchema, WarehouseError.
    """
    return _run(wh, _FORGET, _id(one, other), {}) > 0


def _run(wh: Warehouse, template: str, id: str, params: dict[str, str]) -> int:
    operation = Operation(id, operations.TWO_TEAMS, wh.actor)
    sql = _sql.render(wh.namespace, template)
    return operations.run(wh, operation, sql, params | {"kind": operation.kind}, repeatable=True)


def unseen(wh: Warehouse, one: str, other: str) -> str:
    """Return one of the BSNIDs without an account that the person sees, or "". One statement."""
    sql = _sql.render(wh.namespace, _SEEN)
    seen = {row["bsnid"] for row in wh.query(sql, {"one": one, "other": other})}
    return next((bsnid for bsnid in (one, other) if bsnid not in seen), "")


def reading(wh: Warehouse) -> str:
    """Return the SELECT of the decided pairs, for find's statement."""
    literals = {"mark": _sql.literal(_MARK), "kind": _sql.literal(operations.TWO_TEAMS)}
    return _sql.render(wh.namespace, _READ, **literals)


def split(rows: list[Row]) -> tuple[list[Row], list[Decided]]:
    """Return find's own rows, and the decided pairs of which the person sees both accounts.

    A pair that two people decided at the same moment may have two notes; it is returned once.
    """
    own = [row for row in rows if not row["mark"].startswith(_MARK)]
    found = dict[tuple[str, str], Decided]()
    for row in (row for row in rows if row["mark"].startswith(_MARK)):
        names = {each["bsnid"]: each["team"] or "" for each in row["teams"]}
        if len(names) == 2:
            one, other = (Team(bsnid, names[bsnid], "") for bsnid in _in_order(*names))
            person = row["mark"].removeprefix(_MARK)
            found[one.bsnid, other.bsnid] = Decided(one, other, person)
    by_name = sorted(found.values(), key=lambda d: (d.one.name.lower(), d.other.name.lower()))
    return own, by_name


def _in_order(one: str, other: str) -> list[str]:
    return sorted((one, other))


def _id(one: str, other: str) -> str:
    text = "\n".join([operations.TWO_TEAMS, *_in_order(one, other)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
