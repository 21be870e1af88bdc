"""Who changed what, and when: the change data feeds of all four tables, in one statement.

A row version was written by the CRM, and by its ``updated_by``, if its ``change_id`` is new: it
differs from the one before and did not occur earlier for the row. ``RESTORE`` and clones bring
earlier ids back. A clone's feed begins with inserted rows whose ids are old, and imports keep the
stamps of their files, so an inserted row also needs a stamp close to its commit.

A deleted row keeps no trace of who deleted it, so the CRM stamps a row and then deletes it (see
accounts.delete and _children.delete). A stamp leaves the row's own columns as they were. Children
deleted after an account's stamp, before anything else happened to the account, were deleted by the
person of that stamp. All other changes were made outside the CRM.

Row versions without ``change_id`` are older than that column. Times tell who wrote them: see
_stamps.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.model.changes import CHANGED, CREATED, DELETED, Change, values_of
from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql, _stamps
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from . import change_feed

PAGE_SIZE = 50

# One pass: engines compute a CTE anew at each use, and these read the change feeds.
_SQL = """
WITH events AS (
  {events}
),
seen AS (
  SELECT *,
    CASE WHEN `before` = `after` THEN TRUE END AS is_stamp,
    CASE WHEN new_id <> COALESCE(old_id, '')
      AND version = MIN(version) OVER (PARTITION BY place, key, new_id)
      AND NOT (new_id <=> FIRST_VALUE(old_id) OVER {of_record})
      THEN new_id END AS written_id,
    CASE WHEN place = 0 THEN COALESCE(GET_JSON_OBJECT(`after`, '$.team'),
      GET_JSON_OBJECT(`before`, '$.team')) END AS own_team
  FROM events
),
marked AS (
  SELECT *,
    CASE WHEN is_stamp AND NOT (new_at <=> old_at) AND NOT (new_at <=> first_at)
      THEN written_id END AS stamp_id
  FROM seen
),
ordered AS (
  SELECT *,
    LAG(is_stamp) OVER {of_record} AS was_stamped,
    LAG(stamp_id) OVER {of_record} AS earlier_stamp_id,
    CASE WHEN LAG(`after` IS NULL) OVER {of_record} THEN LAG(moment) OVER {of_record} END
      AS deleted_before,
    MIN(CASE WHEN place = 0 AND `after` IS NULL THEN UNIX_MICROS(moment) END)
      OVER ({record_order} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS deleted_at
  FROM marked
),
placed AS (
  SELECT *,
    MAX(CASE WHEN place = 0
      THEN CONCAT({micros_of_moment}, COALESCE(CONCAT(stamp_id, new_by), '')) END)
      OVER {until_now} AS account_state,
    MAX(CASE WHEN place = 0 AND is_stamp AND new_id IS NULL
        AND deleted_at - UNIX_MICROS(moment) < {micros}
      THEN CONCAT(CAST(UNIX_MICROS(moment) AS STRING), ' ', new_by) END)
      OVER {until_now} AS account_stamp,
    MAX(CASE WHEN own_team IS NOT NULL
      THEN CONCAT(CAST(UNIX_MICROS(moment) AS STRING), ' ', own_team) END)
      OVER (PARTITION BY account) AS named
  FROM ordered
),
attributed AS (
  SELECT *,
    CASE WHEN `before` IS NULL THEN 'created' WHEN `after` IS NULL THEN 'deleted'
      ELSE 'changed' END AS kind,
    CASE WHEN `after` IS NOT NULL THEN written_id
      WHEN old_id = earlier_stamp_id THEN old_id
      WHEN place > 0 THEN NULLIF(SUBSTR(account_state, 21, 32), '') END AS operation,
    CASE
      WHEN written_id IS NOT NULL AND (`before` IS NOT NULL OR {is_new_ours}) THEN new_by
      WHEN `after` IS NULL AND old_id = earlier_stamp_id THEN old_by
      WHEN `after` IS NULL AND place > 0 AND SUBSTR(account_state, 21, 32) <> ''
        THEN SUBSTR(account_state, 53)
      WHEN `after` IS NOT NULL AND new_id IS NULL AND NOT (new_at <=> old_at)
        AND {is_new_ours} THEN new_by
      WHEN `after` IS NULL AND old_id IS NULL AND was_stamped
        AND {is_old_ours} THEN old_by
      WHEN `after` IS NULL AND place > 0 AND UNIX_MICROS(moment)
        - CAST(SUBSTRING_INDEX(account_stamp, ' ', 1) AS BIGINT) < {micros}
        THEN SUBSTR(account_stamp, LENGTH(SUBSTRING_INDEX(account_stamp, ' ', 1)) + 2)
    END AS person,
    SUBSTR(named, LENGTH(SUBSTRING_INDEX(named, ' ', 1)) + 2) AS team
  FROM placed
  WHERE is_stamp IS NULL AND {of_one}
),
filtered AS (
  SELECT *, CASE WHEN {filters} THEN TRUE END AS is_wanted FROM attributed
),
numbered AS (
  SELECT *,
    COUNT(CASE WHEN is_wanted THEN 1 END) OVER () AS total,
    ROW_NUMBER() OVER (PARTITION BY is_wanted
      ORDER BY moment DESC, place DESC, version DESC, key) AS rn
  FROM filtered
),
paged AS (
  SELECT *,
    GREATEST(1, LEAST(CAST(:page AS BIGINT), CAST(CEIL(total / :size) AS BIGINT))) AS page
  FROM numbered
)
SELECT COALESCE(MAX(total), 0) AS total, COALESCE(MAX(page), 1) AS page,
  SORT_ARRAY(COLLECT_SET(person)) AS people, COUNT(*) AS known, MAX(team) AS team,
  SORT_ARRAY(COLLECT_LIST(
    CASE WHEN is_wanted AND rn > (page - 1) * :size AND rn <= page * :size
    THEN NAMED_STRUCT('rn', rn, 'place', place, 'key', key,
      'account', account, 'version', version, 'moment', moment, 'person', person, 'team', team,
      'operation', operation,
      'before', `before`, 'after', `after`,
      'returned', `before` IS NULL AND first_at < deleted_before) END)) AS rows
FROM paged
"""

_RECORD_ORDER = "PARTITION BY place, key ORDER BY version"
# An account's stamp comes before its children's deletions, and its own deletion after them.
_UNTIL_NOW = """(PARTITION BY account
  ORDER BY moment, CASE WHEN is_stamp THEN 0 WHEN place > 0 THEN 1 ELSE 2 END
  ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"""
# Texts of equal length sort as the numbers do.
_MICROS = "LPAD(CAST(UNIX_MICROS(moment) AS STRING), 20, '0')"

_EVENTS = """
  SELECT {place} AS place, {key} AS key, MAX({owner}) AS account, _commit_version AS version,
    MAX(_commit_timestamp) AS moment,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN {row} END) AS `before`,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN {row} END) AS `after`,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN updated_at END) AS old_at,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN created_at END) AS first_at,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN updated_at END) AS new_at,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN updated_by END) AS old_by,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN updated_by END) AS new_by,
    MAX(CASE WHEN _change_type IN ('update_preimage', 'delete') THEN change_id END) AS old_id,
    MAX(CASE WHEN _change_type IN ('update_postimage', 'insert') THEN change_id END) AS new_id
  FROM {feed}
  {where}
  GROUP BY {key}, _commit_version
"""


@dataclass(frozen=True)
class Wanted:
    """The filters of the history; an empty field filters nothing.

    ``person`` may be ``OUTSIDE``. ``since`` and ``until`` (exclusive) are aware. ``page`` counts
    from 1.
    """

    bsnid: str = ""
    key: str = ""
    person: str = ""
    field: str = ""
    kind: str = ""
    table: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    page: int = 1
    size: int = PAGE_SIZE


@dataclass(frozen=True)
class History:
    """One page of changes, newest first.

    :param total: how many changes the filters let through.
    :param people: everybody who made a change, whatever the filters.
    :param known: how many changes there are, whatever the filters.
    :param team: the name of the account, where one account is asked for.
    """

    wanted: Wanted
    changes: list[Change]
    total: int
    page: int
    people: list[str] = field(default_factory=list)
    known: int = 0
    team: str = ""

    @property
    def last(self) -> int:
        """Return the number of the last page, at least 1."""
        return max(1, -(-self.total // self.wanted.size))


OUTSIDE = "(outside)"
_CONDITIONS: Mapping[str, str] = {
    "kind": "kind = :kind",
    "table": "place = :table",
    "since": "moment >= :since",
    "until": "moment < :until",
    "field": "NOT (GET_JSON_OBJECT(`before`, :field) <=> GET_JSON_OBJECT(`after`, :field))",
}


def load(wh: Warehouse, wanted: Wanted) -> History:
    """Return one page of the history. One statement. Raises WarehouseError."""
    row = change_feed.read(wh, lambda starts: _query(wh, wanted, starts))[0]
    changes = [_change(each) for each in row["rows"] or ()]
    people, team = list(row["people"] or ()), row["team"] if wanted.bsnid else ""
    return History(wanted, changes, row["total"], row["page"], people, row["known"], team or "")


def _query(wh: Warehouse, wanted: Wanted, starts: change_feed.Starts) -> list[Row]:
    conditions, params = _filters(wanted)
    sql = _sql.render(
        wh.namespace,
        _SQL,
        events="UNION ALL".join(_events(wh, wanted, table, starts) for table in TABLES),
        filters=" AND ".join(conditions),
        of_one="key = :key" if wanted.key else "TRUE",
        micros=str(_stamps.MICROSECONDS),
        is_new_ours=_stamps.is_ours_sql("moment", "new_at"),
        is_old_ours=_stamps.is_ours_sql("moment", "old_at"),
        record_order=_RECORD_ORDER,
        of_record=f"({_RECORD_ORDER})",
        until_now=_UNTIL_NOW,
        micros_of_moment=_MICROS,
    )
    params |= {"bsnid": wanted.bsnid} if wanted.bsnid else {}
    params |= {"key": wanted.key} if wanted.key else {}
    return wh.query(sql, {**params, "page": wanted.page, "size": wanted.size})


def _events(wh: Warehouse, wanted: Wanted, table: Table, starts: change_feed.Starts) -> str:
    """Return the SELECT of a table's changes.

    A child's history needs its account's: deleting the account tells who deleted the child.
    """
    narrowed = [f"{quoted(table.owner)} = :bsnid"] if wanted.bsnid else []
    if wanted.key and table is not ACCOUNTS:
        narrowed.append(f"{quoted(table.key)} = :key")
    return _sql.render(
        wh.namespace,
        _EVENTS,
        place=str(TABLES.index(table)),
        key=quoted(table.key),
        owner=quoted(table.owner),
        row=_sql.own_row(table),
        feed=wh.namespace.change_feed(table, starts[table.name]),
        where=f"WHERE {' AND '.join(narrowed)}" if narrowed else "",
    )


def _filters(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    values: dict[str, Any] = {
        "kind": wanted.kind if wanted.kind in (CREATED, CHANGED, DELETED) else None,
        "table": next((n for n, t in enumerate(TABLES) if t.name == wanted.table), None),
        "since": wanted.since,
        "until": wanted.until,
        "field": f"$.{wanted.field}" if wanted.field in fields() else None,
    }
    params = {name: value for name, value in values.items() if value is not None}
    conditions = [_CONDITIONS[name] for name in params] or ["TRUE"]
    if wanted.person == OUTSIDE:
        conditions.append("person IS NULL")
    elif wanted.person:
        conditions.append("person = :person")
        params["person"] = wanted.person
    return conditions, params


def fields() -> dict[str, str]:
    """Return the columns that the history can be filtered by, with their labels."""
    return {column.name: column.label for table in TABLES for column in table.editable}


def _change(row: Row) -> Change:
    table = TABLES[row["place"]]
    before, after = (row[side] and json.loads(row[side]) for side in ("before", "after"))
    return Change(
        table,
        row["key"],
        row["account"],
        values_of(table, before),
        values_of(table, after),
        team=row["team"] or "",
        version=row["version"],
        moment=row["moment"],
        person=row["person"] or "",
        operation=row["operation"] or "",
        outside=row["person"] is None,
        returned=bool(row["returned"]),
    )
