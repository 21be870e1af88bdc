"""SQL that identifies copied rows as an import of files does: their account by the name of its
team, and the stored use case or update by its natural key."""

from __future__ import annotations

from collections.abc import Iterator

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, Table
from crm.repository import _sql

from ._clean import Origin, clean_rows, raw_name, refused_reason
from .matching import fold
from .matching.natural_keys import NATURAL_KEYS, folded_columns

# The values of the column ``meaning``: how a row was identified.
MATCHED, UNCLEAR = "matched", "unclear"
# The columns with the row's BSNID if an account has it, with the named team, and with all accounts
# whose team has this name.
OWN, TEAM, CANDIDATES = "owner__own", "owner__team", "owner__candidates"
_LISTED = 5

_KNOWN = "SELECT bsnid, team FROM {accounts}"
_AND_COPIED = "{known} UNION ALL SELECT bsnid, team FROM ({rows}) AS a WHERE ({reason}) IS NULL"
_NAMED = """
SELECT {others}, CASE WHEN o.bsnid IS NULL AND SIZE(u.bsnids) = 1 THEN u.bsnids[0]
    ELSE r.{owner} END AS {owner},
  o.bsnid AS {own},
  CASE WHEN o.bsnid IS NULL AND SIZE(u.bsnids) = 1 THEN r.{owner} END AS {team},
  CASE WHEN o.bsnid IS NULL AND SIZE(u.bsnids) > 1 THEN u.bsnids END AS {candidates}
FROM ({rows}) AS r
LEFT JOIN (SELECT DISTINCT bsnid FROM ({known}) AS k) AS o ON o.bsnid = r.{owner}
LEFT JOIN (
  SELECT {folded} AS team, SORT_ARRAY(COLLECT_SET(bsnid)) AS bsnids
  FROM ({known}) AS k WHERE TRIM(team) <> '' GROUP BY {folded}
) AS u ON u.team = {folded_owner}
"""
# Stored rows that are matched with another row of the source are left out. If then exactly one row
# of the source and one stored row have a natural key, they are matched. The stored rows stand
# beside those of the source, instead of being joined, because engines compute a CTE again at each
# use.
_IDENTIFIED = """
  beside AS (
    SELECT {cleaned}, TRUE AS is_given FROM cleaned
    UNION ALL SELECT {stored}, FALSE AS is_given FROM {target}
  ),
  keyed AS (
    SELECT c.*, {keys}, c.{raw_id} IS NULL AND MIN(c.is_given) OVER (PARTITION BY c.id)
      = MAX(c.is_given) OVER (PARTITION BY c.id) AS is_open
    FROM beside AS c
  ),
  paired AS (
    SELECT *,
      MIN(CASE WHEN is_given THEN id END) OVER (PARTITION BY is_open, {names}) AS first_id,
      MAX(CASE WHEN is_given THEN id END) OVER (PARTITION BY is_open, {names}) AS last_id,
      COUNT(CASE WHEN NOT is_given THEN 1 END) OVER (PARTITION BY is_open, {names}) AS n,
      MIN(CASE WHEN NOT is_given THEN id END) OVER (PARTITION BY is_open, {names}) AS stored_id
    FROM keyed
  ),
  judged AS (
    SELECT *, is_open AND first_id = last_id AND n = 1 AS is_clear FROM paired WHERE is_given
  ),
  identified AS (
    SELECT {others}, CASE WHEN is_clear THEN stored_id ELSE id END AS id,
      CASE WHEN is_clear THEN '{matched}' WHEN is_open AND stored_id IS NOT NULL THEN '{unclear}'
        END AS meaning
    FROM judged
  )"""
_AS_THEY_ARE = "  identified AS (SELECT *, CAST(NULL AS STRING) AS meaning FROM cleaned)"


def known_accounts(namespace: Namespace, accounts: Origin | None) -> str:
    """Return the query of the BSNIDs and teams of our accounts and of those of ``accounts``."""
    known = _sql.render(namespace, _KNOWN)
    if accounts is None:
        return known
    copied = clean_rows(ACCOUNTS, accounts, only=(ACCOUNTS.key, "team"))
    return _sql.fill(_AND_COPIED, known=known, rows=copied, reason=refused_reason(ACCOUNTS))


def rows(namespace: Namespace, table: Table, origin: Origin, accounts: Origin | None) -> str:
    """Return the query of the origin's cleaned rows, with the BSNIDs of named teams. For children
    it needs the parameters of ``fold``."""
    if table is ACCOUNTS:
        return clean_rows(table, origin)
    owner = quoted(table.owner)

    def named(cleaned: str) -> str:
        return _sql.fill(
            _NAMED,
            others=_columns(table, "r", {table.owner}),
            owner=owner,
            own=OWN,
            team=TEAM,
            candidates=CANDIDATES,
            rows=cleaned,
            known=known_accounts(namespace, accounts),
            folded=fold.folded("team"),
            folded_owner=fold.folded(f"r.{owner}"),
        )

    return clean_rows(table, origin, named, (OWN, TEAM, CANDIDATES))


def identified(namespace: Namespace, table: Table) -> str:
    """Return the CTEs that give the rows ``cleaned`` the ids of the stored rows they match."""
    if table not in NATURAL_KEYS:
        return _AS_THEY_ARE
    names = [f"f{n}" for n in range(len(NATURAL_KEYS[table]))]
    keys = zip(folded_columns(table, "c"), names, strict=True)
    return _sql.fill(
        _IDENTIFIED,
        cleaned=", ".join(_cleaned_names(table)),
        stored=", ".join(_stored_values(table)),
        keys=", ".join(f"{value} AS {name}" for value, name in keys),
        raw_id=raw_name("id"),
        target=namespace.table(table),
        names=", ".join(names),
        others=", ".join(name for name in _cleaned_names(table) if name != quoted("id")),
        matched=MATCHED,
        unclear=UNCLEAR,
    )


def _cleaned_names(table: Table) -> Iterator[str]:
    for name in table.names:
        yield quoted(name)
        yield raw_name(name)
    yield from (OWN, TEAM, CANDIDATES)


def _stored_values(table: Table) -> Iterator[str]:
    """Yield, in the order of ``_cleaned_names``, what identifies a stored row, and otherwise
    NULL."""
    known = {quoted(name) for name in ("id", *NATURAL_KEYS[table])}
    yield from (name if name in known else "NULL" for name in _cleaned_names(table))


def reason_of_team(table: Table) -> str:
    """Return the expression of the reason for refusing a row whose team has several accounts."""
    listed = f"ARRAY_JOIN(SLICE({CANDIDATES}, 1, {_LISTED}), ', ')"
    more = f"CASE WHEN SIZE({CANDIDATES}) > {_LISTED} THEN ', …' ELSE '' END"
    return (
        f"CASE WHEN {CANDIDATES} IS NOT NULL THEN CONCAT('“', {quoted(table.owner)}, "
        f"'” is the team of several accounts; write the BSNID: ', {listed}, {more}) END"
    )


def _columns(table: Table, alias: str, without: set[str]) -> str:
    """Return the columns of cleaned rows, with NULL for the columns ``without``."""
    own = (f"{alias}.{quoted(name)}" for name in table.names if name not in without)
    return ", ".join([*own, *(f"{alias}.{raw_name(name)}" for name in table.names)])
