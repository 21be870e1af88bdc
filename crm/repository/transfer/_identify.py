"""SQL that identifies copied rows as an import of files does: their account by the name of its
team, and the stored use case or update by its natural key."""

from __future__ import annotations

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, Table
from crm.repository import _sql

from ._clean import Origin, clean_rows, raw_name, refused_reason
from .matching import fold
from .matching.natural_keys import NATURAL_KEYS, folded_columns

# The values of the column ``meaning``: how a row was identified.
MATCHED, UNCLEAR = "matched", "unclear"
# The columns with the named team, and with all accounts whose team has this name.
TEAM, CANDIDATES = "owner__team", "owner__candidates"
_LISTED = 5

_KNOWN = "SELECT bsnid, team FROM {accounts}"
_AND_COPIED = "{known} UNION SELECT bsnid, team FROM ({rows}) AS a WHERE ({reason}) IS NULL"
_NAMED = """
SELECT {others}, CASE WHEN o.bsnid IS NULL AND SIZE(u.bsnids) = 1 THEN u.bsnids[0]
    ELSE r.{owner} END AS {owner},
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
# of the source and one stored row have a natural key, they are matched.
_IDENTIFIED = """
  keyed AS (
    SELECT c.*, {keys}, c.{raw_id} IS NULL AND i.id IS NULL AS is_open
    FROM cleaned AS c LEFT JOIN (SELECT DISTINCT id FROM {target}) AS i ON i.id = c.id
  ),
  pairs AS (
    SELECT {pair}, l.id AS stored_id, g.n = 1 AND l.n = 1 AS is_clear
    FROM (SELECT {names}, COUNT(DISTINCT id) AS n FROM keyed WHERE is_open GROUP BY {names}) AS g
    JOIN (
      SELECT {names}, COUNT(*) AS n, MIN(id) AS id
      FROM (
        SELECT t.id, {stored_keys} FROM {target} AS t LEFT ANTI JOIN cleaned AS c ON c.id = t.id
      ) AS s GROUP BY {names}
    ) AS l ON {same}
  ),
  identified AS (
    SELECT {others}, CASE WHEN p.is_clear THEN p.stored_id ELSE c.id END AS id,
      CASE WHEN p.is_clear THEN '{matched}' WHEN p.stored_id IS NOT NULL THEN '{unclear}' END
        AS meaning
    FROM keyed AS c LEFT JOIN pairs AS p ON c.is_open AND {same_pair}
  )"""
_AS_THEY_ARE = "  identified AS (SELECT *, CAST(NULL AS STRING) AS meaning FROM cleaned)"


def rows(namespace: Namespace, table: Table, origin: Origin, accounts: Origin | None) -> str:
    """Return the query of the origin's cleaned rows, with the BSNIDs of named teams. For children
    it needs the parameters of ``fold``."""
    if table is ACCOUNTS:
        return clean_rows(table, origin)
    known = _sql.render(namespace, _KNOWN)
    if accounts is not None:
        copied = clean_rows(ACCOUNTS, accounts)
        reason = refused_reason(ACCOUNTS)
        known = _sql.fill(_AND_COPIED, known=known, rows=copied, reason=reason)
    owner = quoted(table.owner)

    def named(cleaned: str) -> str:
        return _sql.fill(
            _NAMED,
            others=_columns(table, "r", {table.owner}),
            owner=owner,
            team=TEAM,
            candidates=CANDIDATES,
            rows=cleaned,
            known=known,
            folded=fold.folded("team"),
            folded_owner=fold.folded(f"r.{owner}"),
        )

    return clean_rows(table, origin, named, (TEAM, CANDIDATES))


def identified(namespace: Namespace, table: Table) -> str:
    """Return the CTEs that give the rows ``cleaned`` the ids of the stored rows they match."""
    if table not in NATURAL_KEYS:
        return _AS_THEY_ARE
    names = [f"f{n}" for n in range(len(NATURAL_KEYS[table]))]

    def keys(alias: str) -> str:
        values = zip(folded_columns(table, alias), names, strict=True)
        return ", ".join(f"{value} AS {name}" for value, name in values)

    def same(left: str, right: str) -> str:
        return " AND ".join(f"{left}.{name} = {right}.{name}" for name in names)

    return _sql.fill(
        _IDENTIFIED,
        keys=keys("c"),
        stored_keys=keys("t"),
        raw_id=raw_name("id"),
        target=namespace.table(table),
        names=", ".join(names),
        pair=", ".join(f"g.{name}" for name in names),
        same=same("g", "l"),
        same_pair=same("c", "p"),
        others=f"{_columns(table, 'c', {'id'})}, c.{TEAM}, c.{CANDIDATES}",
        matched=MATCHED,
        unclear=UNCLEAR,
    )


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
