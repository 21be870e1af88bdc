"""The statement of the search over everything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, AREA, UPDATES, Table
from crm.repository import _sql

from . import _account_list, updates, use_cases
from ._list_query import ListSource
from .people import ROLES
from .search_words import BETWEEN, SearchWords, joined

# Kinds of result rows, in addition to the names of tables and the column of areas.
PERSON, NEWEST = "person", "newest"
_TEAM = "team"

# Where the words match: 0 the account's whole key, 1 an account opened lately, 2 the beginning of
# the name, 3 the beginning of its words, 4 inside the name, 5 elsewhere. What is cheap to compare
# comes first.
_PLACE = """CASE
    {key} WHEN {inside} THEN
      CASE WHEN {name} RLIKE :begins THEN 2 WHEN {at_words} THEN 3 ELSE 4 END
    ELSE 5 END"""
_KEY = "WHEN bsnid RLIKE :whole THEN 0"
_RECENT = " WHEN ARRAY_CONTAINS({recent}, bsnid) THEN 1"
_ACCOUNTS = """
SELECT 'accounts' AS kind, place, ROW_NUMBER() OVER (ORDER BY {order}) AS rn, bsnid AS key, bsnid,
  team AS name, CONCAT_WS(' · ', business_area, vp, admin, primary_it_partner) AS more,
  CAST(NULL AS STRING) AS hidden, CAST(NULL AS DATE) AS day, CAST(NULL AS STRING) AS who, total
FROM (
  SELECT * FROM (
    SELECT *, COUNT(*) OVER () AS total FROM (
      SELECT *, {recency} AS recency, {place} AS place FROM {accounts} WHERE {condition}
    ) AS f
  ) AS f
  ORDER BY {order} LIMIT {most}
) AS f
"""
_ACCOUNT_ORDER = "place, recency, LOWER(team), bsnid"
# The best of each kind of child; then one join adds their accounts.
_WITH_ACCOUNTS = """
SELECT f.kind, f.place, f.rn, f.key, f.owner AS bsnid, f.name, f.more, f.hidden, f.day,
  COALESCE(a.team, f.owner) AS who, f.total
FROM ({children}) AS f LEFT JOIN {accounts} AS a ON a.bsnid = f.owner
"""
_CHILDREN = """
SELECT '{kind}' AS kind, *, ROW_NUMBER() OVER (ORDER BY place, newest DESC NULLS LAST, key) AS rn
FROM (
  SELECT * FROM (
    SELECT *, COUNT(*) OVER () AS total FROM (
      SELECT id AS key, account_bsnid AS owner, {name} AS name, {more} AS more,
        {hidden} AS hidden, {day} AS day, CAST({newest} AS TIMESTAMP) AS newest, {place} AS place
      FROM {table} AS f {join} WHERE {is_new} AND {condition}
    ) AS f
  ) AS f
  ORDER BY place, newest DESC NULLS LAST, key LIMIT {most}
) AS f
"""
# Only accounts whose team contains one of the words can make their children match. Several rows
# may have one key: each word may be in any of their teams.
_TEAMS = """
LEFT JOIN (
  SELECT bsnid, LISTAGG(team, '{between}') AS team FROM {accounts} WHERE {has_some} GROUP BY bsnid
) AS a ON a.bsnid = f.account_bsnid
"""
_IN_TEAM = """
({in_own} OR account_bsnid IN (SELECT bsnid FROM {accounts} WHERE {in_team}))
"""
# The most words that are looked for with ``_IN_TEAM``, which reads all accounts for each word. For
# more words ``_TEAMS`` is cheaper (docs/performance.md).
_FEW = 2
# Each name is compared once: a condition beside ``total`` cannot move into the aggregation.
_NAMES = """
SELECT '{kind}', place, ROW_NUMBER() OVER (ORDER BY place, total DESC, name), name, NULL, name,
  NULL, NULL, NULL, NULL, total
FROM (
  SELECT *, {place} AS place FROM (
    SELECT name, COUNT(*) AS total FROM ({each}) AS f GROUP BY name
  ) AS f
  WHERE CASE WHEN total > 0 THEN {condition} END
  ORDER BY place, total DESC, name LIMIT {names}
) AS f
"""
_NAME = """
SELECT {column} AS name FROM {table}
"""
_NEWEST = """
SELECT '{kind}', 0, 0, NULL, NULL, NULL, NULL, NULL, MIN(date), NULL, SUM(n)
FROM (
  SELECT date, n, SUM(n) OVER (ORDER BY date DESC) - n AS newer
  FROM (SELECT date, COUNT(*) AS n FROM {updates} WHERE date IS NOT NULL GROUP BY date) AS f
) AS f
WHERE newer < {most}
"""


@dataclass(frozen=True)
class SearchQuery:
    """A search.

    :param recent: the keys of accounts that were opened lately, the latest first.
    :param since: the day from which on updates are searched; None for all.
    :param shown: the number of wanted hits of each kind; ``names`` for people and areas.
    :param newest: the number of updates from which the row of the kind ``NEWEST`` computes the day
        for ``since``; 0 if the day is known.
    """

    namespace: Namespace
    words: SearchWords
    recent: tuple[str, ...]
    since: dt.date | None
    shown: int
    names: int
    newest: int

    def statement(self) -> tuple[str, dict[str, Any]]:
        is_new = "f.date >= CAST(:since AS DATE)" if self.since else "TRUE"
        children = " UNION ALL ".join(
            (
                self._children(use_cases.SOURCE, "leader", "updated_at", "TRUE"),
                self._children(updates.SOURCE, "author", "date", is_new),
            )
        )
        parts = (
            self._accounts(),
            _sql.render(self.namespace, _WITH_ACCOUNTS, children=children),
            self._values(PERSON, ROLES),
            self._values(AREA, [(ACCOUNTS, AREA)]),
            *([self._newest()] if self.newest else ()),
        )
        each = (_sql.fill("SELECT * FROM ({part}) AS k", part=part) for part in parts)
        return " UNION ALL ".join(each), self._params()

    def _params(self) -> dict[str, Any]:
        phrase = self.words.phrase
        params: dict[str, Any] = dict(self.words.params)
        for number, word in enumerate(self.words.words):
            params[f"b{number}"] = rf"(?:^|[^\pL\pN]){word}"
            if word in self.words.plain:
                params[f"b{number}_plain"] = f" {self.words.plain[word]}"
        params |= {"whole": f"^(?:{phrase})$", "begins": f"^(?:{phrase})"}
        params |= {"since": self.since} if self.since else {}
        return params | (self._recent[1] if self.recent else {})

    @property
    def _recent(self) -> tuple[str, dict[str, str]]:
        return _sql.text_array("recent", self.recent)

    def _place(self, name: str, key: str = "") -> str:
        return _sql.fill(
            _PLACE,
            key=key,
            name=quoted(name),
            at_words=" AND ".join(self._at_words(quoted(name))) or "TRUE",
            inside=self.words.condition([name]),
        )

    def _at_words(self, name: str) -> Iterator[str]:
        """Yield for each word the condition that a word of the name begins with it."""
        for number, word in enumerate(self.words.words):
            begins = f"{name} RLIKE :b{number}"
            if word in self.words.plain:  # most words of a text come after a blank
                begins = f"(CONTAINS(LOWER({name}), :b{number}_plain) OR {begins})"
            yield begins

    def _accounts(self) -> str:
        recent, recency = "", "0"
        if self.recent:
            keys, _ = self._recent
            recent, recency = _sql.fill(_RECENT, recent=keys), f"ARRAY_POSITION({keys}, bsnid)"
        return _sql.render(
            self.namespace,
            _ACCOUNTS,
            recency=recency,
            place=self._place("team", _KEY + recent),
            condition=self.words.condition(_account_list.SOURCE.searched),
            order=_ACCOUNT_ORDER,
            most=str(self.shown),
        )

    def _children(self, source: ListSource, more: str, newest: str, is_new: str) -> str:
        table = source.table
        hidden = [name for name in source.searched if name not in (table.gist, more, _TEAM)]
        join, condition = self._with_team(source.searched)
        return _sql.render(
            self.namespace,
            _CHILDREN,
            kind=table.name,
            name=quoted(table.gist),
            more=quoted(more),
            hidden=joined(hidden),
            day=quoted("date") if table is UPDATES else "CAST(NULL AS DATE)",
            newest=quoted(newest),
            is_new=is_new,
            place=self._place(table.gist),
            table=self.namespace.table(table),
            join=join,
            condition=condition,
            most=str(self.shown),
        )

    def _with_team(self, columns: Sequence[str]) -> tuple[str, str]:
        """Return a join, and the condition that each word is in one of the columns, of which the
        team is the account's."""
        if len(self.words.words) > _FEW:
            has_some = self.words.any_in(_TEAM)
            join = _sql.render(self.namespace, _TEAMS, has_some=has_some, between=BETWEEN)
            return join, self.words.condition(columns)
        own = self.words.each([name for name in columns if name != _TEAM])
        conditions = (
            _sql.render(self.namespace, _IN_TEAM, in_own=in_own, in_team=in_team)
            for in_own, in_team in zip(own, self.words.each([_TEAM]), strict=True)
        )
        return "", " AND ".join(conditions) or "TRUE"

    def _newest(self) -> str:
        return _sql.render(self.namespace, _NEWEST, kind=NEWEST, most=str(self.newest))

    def _values(self, kind: str, columns: Iterable[tuple[Table, str]]) -> str:
        each = (
            _sql.fill(_NAME, column=quoted(column), table=self.namespace.table(table))
            for table, column in columns
        )
        return _sql.fill(
            _NAMES,
            kind=kind,
            place=self._place("name"),
            each="UNION ALL".join(each),
            condition=self.words.condition(["name"]),
            names=str(self.names),
        )
