"""Find accounts that may be one team under two keys.

The warehouse finds candidates: accounts of one business area whose teams have words with the same
beginning or end, or that have the same initials; and accounts whose BSNIDs differ only in capitals
and signs. Python then compares their names. Features that more than ``MOST_ALIKE`` accounts share
are ignored, because they distinguish nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.tables import notes
from crm.repository.transfer.matching.fold import PARAMETERS
from crm.warehouse import Warehouse

from . import decided
from .decided import Decided, Team
from .names import ALIKE, COMMON, SHORT_FORMS, likeness

# The most accounts that may share a feature, and that may share initials.
MOST_ALIKE, MOST_INITIALS = 60, 12
# The most shared features that are read.
MOST_MARKS = 20_000
SHOWN = 200

_FOLDED = """TRIM(REGEXP_REPLACE(
  REPLACE(REPLACE(TRANSLATE(LOWER({text}), :fold_from, :fold_to), '&', ' and '), '+', ' and '),
  '[^\\\\p{{L}}\\\\p{{N}}]+', ' '))"""
_MARKS = """
WITH given AS (
  SELECT bsnid, MAX(team) AS team, MAX(business_area) AS business_area
  FROM {accounts} {narrowed} GROUP BY bsnid
  {typed}
),
words AS (
  SELECT w.*, COALESCE(f.meant, w.given_word) AS word
  FROM (
    SELECT *, {area} AS area, EXPLODE(SPLIT({name}, ' ')) AS given_word FROM given
  ) AS w
  LEFT JOIN (
    SELECT r.s AS short, r.m AS meant FROM (
      SELECT EXPLODE(FROM_JSON(:forms, 'array<struct<s: string, m: string>>')) AS r
    ) AS e
  ) AS f ON f.short = w.given_word
  WHERE w.given_word <> '' AND NOT ARRAY_CONTAINS({common}, w.given_word)
),
names AS (
  SELECT bsnid, team, business_area, area,
    CONCAT_WS(' ', SORT_ARRAY(COLLECT_LIST(begins))) AS begins,
    CONCAT_WS(' ', SORT_ARRAY(COLLECT_LIST(ends))) AS ends,
    CONCAT_WS(' ', SORT_ARRAY(COLLECT_LIST(initial))) AS initials
  FROM (
    SELECT *,
      CASE WHEN is_number THEN word ELSE SUBSTRING(word, 1, 3) END AS begins,
      CASE WHEN is_number THEN word ELSE RIGHT(word, 3) END AS ends,
      CASE WHEN is_number THEN word ELSE SUBSTRING(word, 1, 1) END AS initial
    FROM (SELECT *, word RLIKE '[0-9]' AS is_number FROM words) AS w
  ) AS w
  GROUP BY bsnid, team, business_area, area
),
marks AS (
  SELECT bsnid, team, business_area, EXPLODE(ARRAY(
    CONCAT('begins ', area, ': ', begins),
    CONCAT('ends ', area, ': ', ends),
    CONCAT('initials ', area, ': ', initials)
  )) AS mark FROM names
  UNION ALL
  SELECT bsnid, team, business_area,
    CONCAT('key ', REGEXP_REPLACE(LOWER(bsnid), '[^a-z0-9]', '')) AS mark
  FROM given
)
SELECT * FROM (
  SELECT mark, COLLECT_LIST(
    NAMED_STRUCT('bsnid', bsnid, 'team', team, 'area', business_area)) AS teams
  FROM marks GROUP BY mark
  HAVING COUNT(*) BETWEEN 2 AND
      CASE WHEN STARTSWITH(mark, 'initials') THEN {most_initials} ELSE {most_alike} END
    {of_one}
  LIMIT :most
) AS m
{decided}
"""
# For one account: the accounts of its area, and those whose keys have the same letters and digits.
_NARROWED = """
WHERE LOWER(TRIM(business_area)) = LOWER(TRIM({area}))
  OR REGEXP_REPLACE(LOWER(bsnid), '[^a-z0-9]', '')
    = REGEXP_REPLACE(LOWER(CAST(:bsnid AS STRING)), '[^a-z0-9]', '')
"""
_AREA = "(SELECT MAX(business_area) FROM {accounts} WHERE bsnid = :bsnid)"
_OF_ONE = "AND COUNT(CASE WHEN bsnid = :bsnid THEN 1 END) > 0"
_TYPED = """
  UNION ALL SELECT CAST(:bsnid AS STRING), CAST(:team AS STRING), CAST(:area AS STRING)
"""
_SIGNS = re.compile(r"[^a-z0-9]")
_SAME = "The same words, or words that mean the same"


@dataclass(frozen=True)
class Similar:
    """Two accounts that may be one team; ``score`` is at most 1."""

    one: Team
    other: Team
    score: float
    has_same_key: bool

    @property
    def why(self) -> str:
        if self.has_same_key:
            return "The BSNIDs differ only in capitals, blanks or signs"
        return _SAME if self.score == 1.0 else "Almost the same words"


@dataclass(frozen=True)
class Found:
    """The most similar pairs first, at most ``SHOWN`` of ``total``. ``is_cut`` if not all shared
    features were read. The pairs ``decided`` are not among them."""

    pairs: tuple[Similar, ...]
    total: int
    is_cut: bool
    decided: tuple[Decided, ...] = ()


def find(wh: Warehouse) -> Found:
    """Return all similar teams. One statement."""
    rows, two_teams = _query(wh, MOST_ALIKE, MOST_INITIALS)
    similar = sorted(
        _similar(rows, two_teams), key=lambda each: (-each.score, each.one.name.lower())
    )
    is_cut = len(rows) == MOST_MARKS
    return Found(tuple(similar[:SHOWN]), len(similar), is_cut, tuple(two_teams))


def like(wh: Warehouse, team: str, area: str, bsnid: str = "") -> list[Team]:
    """Return the accounts that are similar to a described one, the most similar first.

    An account with exactly this BSNID is left out. One statement.
    """
    typed = {"team": team, "area": area, "bsnid": f"{bsnid}\n"}
    return _of_one(wh, f"{bsnid}\n", bsnid, typed, ":area")


def like_account(wh: Warehouse, bsnid: str) -> list[Team]:
    """Return the accounts that are similar to this one, the most similar first, without decided
    pairs. One statement."""
    area = _sql.render(wh.namespace, _AREA)
    return _of_one(wh, bsnid, bsnid, {"bsnid": bsnid}, area)


def _of_one(
    wh: Warehouse, key: str, without: str, params: dict[str, str], area: str
) -> list[Team]:
    more = {
        "narrowed": _sql.fill(_NARROWED, area=area),
        "typed": _TYPED if "team" in params else "",
        "of_one": _OF_ONE,
    }
    rows, two_teams = _query(wh, 10 * MOST_ALIKE, 10 * MOST_ALIKE, params, **more)
    found = sorted(_similar(rows, two_teams, key), key=lambda each: -each.score)
    others = (each.other if each.one.bsnid == key else each.one for each in found)
    return [each for each in others if each.bsnid != without][:SHOWN]


def _query(
    wh: Warehouse,
    most_alike: int,
    most_initials: int,
    params: dict[str, Any] | None = None,
    **more: str,
) -> tuple[list[Row], list[Decided]]:
    forms = [{"s": short, "m": word} for short, meant in SHORT_FORMS.items() for word in meant]
    common, bound = _sql.text_array("common", COMMON)
    parts = {
        "area": _sql.fill(_FOLDED, text="COALESCE(business_area, '')"),
        "name": _sql.fill(_FOLDED, text="COALESCE(team, '')"),
        "common": common,
        "most_alike": str(most_alike),
        "most_initials": str(most_initials),
    }
    parts |= {name: more.get(name, "") for name in ("narrowed", "typed", "of_one")}
    folding = {name: PARAMETERS[name] for name in ("fold_from", "fold_to")}
    given: Row = {**folding, **bound, "forms": json.dumps(forms), "most": MOST_MARKS}
    given |= params or {}

    def load(has_notes: bool) -> list[Row]:
        parts["decided"] = decided.reading(wh) if has_notes else ""
        return wh.query(_sql.render(wh.namespace, _MARKS, **parts), given)

    return decided.split(notes.read(wh, load))


def _similar(rows: list[Row], without: list[Decided], of: str = "") -> list[Similar]:
    """Return the similar pairs, each once; only those of one account, if it is given."""
    found: dict[tuple[str, str], Similar] = {}
    left_out = {(each.one.bsnid, each.other.bsnid) for each in without}
    for row in rows:
        teams = sorted((_team(each) for each in row["teams"]), key=lambda team: team.bsnid)
        for one, other in combinations(teams, 2):
            pair = (one.bsnid, other.bsnid)
            if pair in found or pair in left_out or (of and of not in pair):
                continue
            has_same_key = _key(one.bsnid) == _key(other.bsnid) != ""
            score = 1.0 if has_same_key else likeness(one.team, other.team)
            if score >= ALIKE:
                found[pair] = Similar(one, other, score, has_same_key)
    return list(found.values())


def _team(row: Row) -> Team:
    return Team(row["bsnid"], row["team"] or "", row["area"] or "")


def _key(bsnid: str) -> str:
    return _SIGNS.sub("", bsnid.lower())
