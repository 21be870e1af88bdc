"""The statement that reads rows of the change feeds, and the notes about operations.

The statement is flat, so that its plan is cheap with any filter. Python combines the rows and
finds the authors (_row_versions, _attribution).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql, operations
from crm.repository._sql import Row
from crm.repository._stamps import STAMPED_WITHIN
from crm.repository.records.account_filter import ALL, AccountFilter
from crm.repository.tables import change_feed
from crm.warehouse import Warehouse

from ._row_versions import Order, order_of
from .cursor import Position

_NOTE = -1  # the place of notes

# Choose the newest rows of each feed before their content is converted to text.
_FEED = """
  SELECT {place} AS place, {key} AS key, {owner} AS account, _commit_version AS version,
    _commit_timestamp AS moment, _change_type AS type, {row} AS content,
    created_at, updated_at, updated_by, change_id
  FROM (SELECT * FROM {feed} {where} {newest}) AS c
"""
_NEWEST = """
  ORDER BY _commit_timestamp DESC, _commit_version DESC, COALESCE({key}, '') LIMIT :most
"""
_OF_RECORDS = "WHERE {key} IN (SELECT EXPLODE({keys}))"
_ROWS = """
SELECT f.*, {team} AS team FROM (
  SELECT * FROM ({feeds}) AS e {chosen} {order} LIMIT :most
) AS f {joined}
{notes}
"""
# The account's team now, for rows whose account was not read.
_TEAMS = "LEFT JOIN {accounts} AS a ON a.bsnid = f.account"
# The same as _row_versions.order_of.
_NEWEST_FIRST = "ORDER BY moment DESC, place DESC, version DESC, COALESCE(key, '')"
_NOTES = """
SELECT {place} AS place, id AS key, kind AS account, CAST(NULL AS BIGINT) AS version,
  started_at AS moment, note AS type, summary AS content,
  CAST(NULL AS TIMESTAMP) AS created_at, ended_at AS updated_at, person AS updated_by,
  CAST(NULL AS STRING) AS change_id, CAST(NULL AS STRING) AS team
FROM {operations} {where}
"""
_PEOPLE = """
SELECT person FROM ({each}) AS p WHERE person <> '' GROUP BY person ORDER BY person LIMIT :most
"""
_NOTED = " SELECT person FROM {operations} WHERE NOT (kind <=> :two_teams) "
_OF_IDS = "WHERE id IN (SELECT EXPLODE({ids}))"
_ENDED_SINCE = "WHERE ended_at IS NULL OR ended_at >= :ended_since"
_INSERTED = "NOT (_change_type = 'insert' AND ARRAY_CONTAINS({ids}, COALESCE(change_id, '')))"

_AFTER = """(_commit_timestamp < :after OR (_commit_timestamp = :after
  AND (_commit_version < :after_version OR (_commit_version = :after_version
    AND COALESCE({key}, '') > :after_key))))"""
MOST_PEOPLE = 1_000
# The limit for reads of all versions of some records. It keeps a huge account from filling the
# memory; rows beyond it are not used to find the author of a change.
MOST_OF_RECORDS = 100_000


@dataclass(frozen=True)
class Note:
    """The note of one operation in the table of operations."""

    kind: str | None
    person: str | None
    summary: str | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    note: str | None = None


@dataclass(frozen=True)
class Part:
    """A part of the feeds.

    :param start: by table name, a version from which its feed can be read.
    :param first: only versions from this one on, if it is later than ``start``.
    :param last: only versions up to this one, if given.
    :param of: only rows of this account, if not empty.
    :param key: only this child record of the account, if not empty.
    :param after: only rows after this position.
    :param begins: the moment of its oldest rows, if known.
    :param passed: operations whose inserted rows are left out.
    :param is_sorted: whether the newest rows come first; else any rows in any order.
    :param accounts: only rows of these accounts.
    :param most: the maximum number of rows.
    """

    start: Mapping[str, int]
    most: int
    first: Mapping[str, int] = field(default_factory=dict)
    last: Mapping[str, int] = field(default_factory=dict)
    of: str = ""
    key: str = ""
    after: Position | None = None
    begins: dt.datetime | None = None
    passed: Collection[str] = ()
    is_sorted: bool = True
    accounts: AccountFilter = ALL


def read(wh: Warehouse, part: Part, *, has_notes: bool) -> tuple[list[Row], dict[str, Note]]:
    """Return rows of the feeds, and the notes about their operations, by id. One statement.

    Notes of operations that ended before the part begins are left out. A row has the columns of
    ``RowVersion.add``, and ``team``. Raises WarehouseError.
    """
    params: dict[str, Any] = {"most": part.most}
    feeds = [_feed(wh, table, part, params) for table in TABLES]
    has_teams = part.is_sorted and not part.of
    notes = _select_notes(wh, part, params) if has_notes else ""
    chosen = part.accounts.only("e.account", wh.namespace)
    params |= part.accounts.params
    more = {"notes": notes, "chosen": chosen}
    sql = _render(wh, feeds, is_sorted=part.is_sorted, has_teams=has_teams, **more)
    rows = wh.query(sql, params)
    versions = [row for row in rows if row["place"] != _NOTE]
    if part.is_sorted:
        # The statement sorts and cuts the rows before a join, which need not keep their order.
        versions.sort(key=_order)
    return versions, _notes(rows)


def _order(row: Row) -> Order:
    return order_of(row["moment"], row["place"], row["version"], row["key"])


def read_records(
    wh: Warehouse, start: Mapping[str, int], records: Mapping[Table, Collection[str]]
) -> list[Row]:
    """Return all rows of these records, which are given by their keys. One statement."""
    params: dict[str, Any] = {"most": MOST_OF_RECORDS}
    feeds = []
    for table, keys in records.items():
        array, bound = _sql.text_array(f"keys{TABLES.index(table)}", keys)
        params |= bound
        where = _sql.fill(_OF_RECORDS, key=quoted(table.key), keys=array)
        feeds.append(_select(wh, table, start[table.name], where))
    return wh.query(_render(wh, feeds, is_sorted=False, has_teams=False), params)


def read_notes(wh: Warehouse, ids: Collection[str]) -> dict[str, Note]:
    """Return the notes about these operations. One statement."""
    array, bound = _sql.text_array("ids", ids)
    where = _sql.fill(_OF_IDS, ids=array)
    sql = _sql.render(wh.namespace, _NOTES, place=str(_NOTE), where=where)
    return _notes(wh.query(sql, bound))


def read_people(wh: Warehouse, starts: Mapping[str, int], *, has_notes: bool) -> list[str]:
    """Return the authors of all changes and operations, sorted, at most ``MOST_PEOPLE``. One
    statement. The author of a note that changes no record is left out.
    """
    feeds = (change_feed.parts(wh, table, starts[table.name])["feed"] for table in TABLES)
    each = [
        _sql.fill(" SELECT updated_by AS person FROM {feed} AS f ", feed=feed) for feed in feeds
    ]
    if has_notes:
        each.append(_sql.render(wh.namespace, _NOTED))
    sql = _sql.fill(_PEOPLE, each="UNION ALL".join(each))
    params: dict[str, Any] = {"most": MOST_PEOPLE}
    params |= {"two_teams": operations.TWO_TEAMS} if has_notes else {}
    return [row["person"] for row in wh.query(sql, params)]


def _render(
    wh: Warehouse,
    feeds: Iterable[str],
    *,
    is_sorted: bool,
    has_teams: bool,
    notes: str = "",
    chosen: str = "",
) -> str:
    return _sql.render(
        wh.namespace,
        _ROWS,
        feeds="UNION ALL".join(feeds),
        order=_NEWEST_FIRST if is_sorted else "",
        team="a.team" if has_teams else "CAST(NULL AS STRING)",
        joined=_sql.render(wh.namespace, _TEAMS) if has_teams else "",
        notes=notes,
        chosen=chosen,
    )


def _select_notes(wh: Warehouse, part: Part, params: dict[str, Any]) -> str:
    if part.begins:
        # An operation ends after its last commit, but clocks differ.
        params["ended_since"] = part.begins - STAMPED_WITHIN
    where = _ENDED_SINCE if part.begins else ""
    notes = _sql.render(wh.namespace, _NOTES, place=str(_NOTE), where=where)
    return f"\nUNION ALL{notes}"


def _feed(wh: Warehouse, table: Table, part: Part, params: dict[str, Any]) -> str:
    """Return the SELECT of a table's rows, and add its parameters.

    For one child record, the account's rows are also read, because its deletion shows who
    deleted the child.
    """
    name, place = table.name, TABLES.index(table)
    conditions = []
    if part.first.get(name, 0) > part.start[name]:
        conditions.append(f"_commit_version >= :first{place}")
        params[f"first{place}"] = part.first[name]
    if name in part.last:
        conditions.append(f"_commit_version <= :last{place}")
        params[f"last{place}"] = part.last[name]
    if part.of:
        conditions.append(f"{quoted(table.owner)} = :of")
        params["of"] = part.of
    if part.key and table is not ACCOUNTS:
        conditions.append(f"{quoted(table.key)} = :key")
        params["key"] = part.key
    if part.after:
        conditions.append(_after(table, place, part.after, params))
    if part.passed:
        ids, bound = _sql.text_array("passed", part.passed)
        params |= bound
        conditions.append(_sql.fill(_INSERTED, ids=ids))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    # Rows of other accounts are removed later, and do not count here.
    is_cut = part.is_sorted and not part.accounts
    newest = _sql.fill(_NEWEST, key=quoted(table.key)) if is_cut else ""
    return _select(wh, table, part.start[name], where, newest)


def _after(table: Table, place: int, position: Position, params: dict[str, Any]) -> str:
    params["after"] = position.moment
    if place > position.place:
        return "_commit_timestamp < :after"
    if place < position.place:
        return "_commit_timestamp <= :after"
    params |= {"after_version": position.version, "after_key": position.key}
    return _sql.fill(_AFTER, key=quoted(table.key))


def _select(wh: Warehouse, table: Table, start: int, where: str, newest: str = "") -> str:
    parts = change_feed.parts(wh, table, start)
    return _sql.render(wh.namespace, _FEED, where=where, newest=newest, **parts)


def _notes(rows: list[Row]) -> dict[str, Note]:
    """Return the notes by id. Unity Catalog enforces no keys; of several with one id, any
    counts."""
    return {
        row["key"]: Note(
            row["account"],
            row["updated_by"],
            row["content"],
            row["moment"],
            row["updated_at"],
            row["type"],
        )
        for row in rows
        if row["place"] == _NOTE
    }
