from __future__ import annotations

import datetime as dt
from typing import Any

from crm.model import vocabulary
from crm.model.records import (
    Account,
    AccountDetail,
    AccountRow,
    Listing,
    Page,
    PlatformStatus,
    Update,
    UseCase,
)
from crm.model.schema import (
    ACCOUNTS,
    CHILDREN,
    PLATFORMS_STATUS,
    TABLES,
    UPDATES,
    USE_CASES,
    Table,
)
from crm.repository import _sql
from crm.repository._sql import Values
from crm.repository._writing import write
from crm.repository.errors import AlreadyExists, Missing, Stale
from crm.warehouse import Warehouse

from . import _children, _listing
from ._platform_status import STANDING

FILTERS = ("business_area", "vp", "admin", "primary_it_partner", "platform", "status")
SORTS = (
    "team",
    "bsnid",
    "business_area",
    "vp",
    "admin",
    "primary_it_partner",
    "updated_at",
    "last_update",
    "use_cases",
)

_JOINS = """
  LEFT JOIN (
    SELECT account_bsnid, COUNT(*) AS n FROM {use_cases} GROUP BY account_bsnid
  ) AS c ON c.account_bsnid = f.bsnid
  LEFT JOIN (
    SELECT account_bsnid, COUNT(*) AS n, MAX(date) AS last_update
    FROM {updates} GROUP BY account_bsnid
  ) AS w ON w.account_bsnid = f.bsnid
  LEFT JOIN (
    SELECT account_bsnid, COLLECT_LIST(NAMED_STRUCT('platform', platform, 'status', status))
      AS statuses
    FROM stated GROUP BY account_bsnid
  ) AS s ON s.account_bsnid = f.bsnid
"""
_EXTRA = """
    COALESCE(c.n, 0) AS use_cases,
    COALESCE(w.n, 0) AS updates,
    w.last_update,
    s.statuses,
"""
_STANDS = "bsnid IN (SELECT account_bsnid FROM standing WHERE {inner})"
_FACET = (
    "SELECT '{name}' AS name, {name} AS value, COUNT(DISTINCT account_bsnid) AS n "
    "FROM standing WHERE {condition} "
    "AND account_bsnid IN (SELECT bsnid FROM found WHERE {{others}}) GROUP BY 2"
)


def _platform_and_status(conditions: _listing.Conditions) -> _listing.Joint:
    """Platform and status are asked of the same row: Databricks *and* Completed there.

    A platform alone means accounts that have a row for it. With a status, an account that
    has none stands at Not Started, as on the overview.
    """
    by_platform = _in("platform", conditions)
    by_status = _in("status", conditions)
    inner = " AND ".join(part for part in (by_platform, by_status or "stated") if part)
    return _listing.Joint(
        names=("platform", "status"),
        condition=_STANDS.format(inner=inner) if by_platform or by_status else "",
        facets=(
            _FACET.format(name="platform", condition=by_status or "stated"),
            _FACET.format(name="status", condition=by_platform or "TRUE"),
        ),
    )


def _in(name: str, conditions: _listing.Conditions) -> str:
    return f"{name} IN ({conditions.markers[name]})" if name in conditions.markers else ""


_LIST = _listing.ListSource(
    before=STANDING,
    source="SELECT * FROM {accounts}",
    joins=_JOINS,
    extra=_EXTRA,
    struct=_sql.struct(
        ACCOUNTS,
        "p",
        "'rn', p.rn",
        "'use_cases', p.use_cases",
        "'updates', p.updates",
        "'last_update', p.last_update",
        "'statuses', p.statuses",
    ),
    key="bsnid",
    searched=("bsnid", "team", "business_area", "vp", "admin", "primary_it_partner"),
    filters=FILTERS,
    sorts={
        **{name: (_listing.text(name),) for name in SORTS[:6]},
        "updated_at": ("updated_at",),
        # Not by the names that they get: a window cannot refer to a column of its own SELECT.
        "last_update": ("w.last_update",),
        "use_cases": ("COALESCE(c.n, 0)",),
    },
    default="team",
    joint=_platform_and_status,
)


def search(wh: Warehouse, listing: Listing) -> Page[AccountRow]:
    return _listing.load(wh, listing, _LIST, _row)


def _row(row: dict[str, Any]) -> AccountRow:
    return AccountRow(
        account=_sql.record(Account, row),
        statuses={item["platform"]: item["status"] for item in row["statuses"] or ()},
        use_case_count=row["use_cases"],
        update_count=row["updates"],
        last_update=row["last_update"],
    )


def get(wh: Warehouse, bsnid: str) -> Account | None:
    sql = """
    SELECT {columns} FROM {accounts} AS a WHERE a.bsnid = :bsnid
    """
    columns = _sql.columns(ACCOUNTS, "a")
    rows = wh.query(_sql.render(wh.namespace, sql, columns=columns), {"bsnid": bsnid})
    return _sql.record(Account, rows[0]) if rows else None


def get_detail(wh: Warehouse, bsnid: str) -> AccountDetail | None:
    sql = """
    SELECT
      {columns},
      (SELECT COLLECT_LIST({platform}) FROM {platforms_status} AS p
        WHERE p.account_bsnid = :bsnid) AS platform_rows,
      (SELECT COLLECT_LIST({use_case}) FROM {use_cases} AS c
        WHERE c.account_bsnid = :bsnid) AS use_case_rows,
      (SELECT COLLECT_LIST({update}) FROM {updates} AS u
        WHERE u.account_bsnid = :bsnid) AS update_rows
    FROM {accounts} AS a
    WHERE a.bsnid = :bsnid
    """
    parts = {
        "columns": _sql.columns(ACCOUNTS, "a"),
        "platform": _sql.struct(PLATFORMS_STATUS, "p"),
        "use_case": _sql.struct(USE_CASES, "c"),
        "update": _sql.struct(UPDATES, "u"),
    }
    rows = wh.query(_sql.render(wh.namespace, sql, **parts), {"bsnid": bsnid})
    return _detail(rows[0]) if rows else None


def _detail(row: dict[str, Any]) -> AccountDetail:
    team = row["team"]
    platforms = sorted(row["platform_rows"], key=lambda item: _place("platform", item))
    use_cases = sorted(row["use_case_rows"], key=lambda item: _place("status", item))
    updates = _sql.newest_first(row["update_rows"])
    return AccountDetail(
        account=_sql.record(Account, row),
        platforms=tuple(_sql.record(PlatformStatus, item) for item in platforms),
        use_cases=tuple(_sql.record(UseCase, {**item, "team": team}) for item in use_cases),
        updates=tuple(_sql.record(Update, {**item, "team": team}) for item in updates),
    )


def _place(name: str, row: dict[str, Any]) -> tuple[int, str, str]:
    """Where a row belongs in the order of the words that ``name`` can be; others come last."""
    words = vocabulary.platforms() if name == "platform" else vocabulary.use_case_statuses()
    value = row[name] or ""
    return (words.index(value) if value in words else len(words), value, row["id"])


def create(wh: Warehouse, values: Values) -> None:
    """Raises AlreadyExists. ``values`` holds ``bsnid`` and any of the other columns.

    Not repeatable: run again after its answer got lost, it would find its own row and report
    a duplicate.
    """
    sql = """
    MERGE INTO {accounts} AS t
    USING (
      SELECT CAST(:bsnid AS STRING) AS bsnid, {bound},
        CURRENT_TIMESTAMP() AS now, CAST(:actor AS STRING) AS actor
    ) AS s
    ON t.bsnid = s.bsnid
    WHEN NOT MATCHED THEN INSERT
      (bsnid, {names}, created_at, updated_at, created_by, updated_by)
      VALUES (s.bsnid, {sources}, s.now, s.now, s.actor, s.actor)
    """
    bsnid = values["bsnid"]
    rest = {name: value for name, value in values.items() if name != "bsnid"}
    parts, params = _sql.insert_parts(ACCOUNTS, rest)
    params |= {"bsnid": bsnid, "actor": wh.actor}
    if not write(wh, _sql.render(wh.namespace, sql, **parts), params, repeatable=False):
        raise AlreadyExists(bsnid)


def update(wh: Warehouse, bsnid: str, values: Values, seen: dt.datetime | None) -> None:
    """Raises Stale, with the account as it is now, when it changed since ``seen``; Missing.

    Saving what the account says already writes nothing and is no conflict, which also makes it
    repeatable.
    """
    sql = """
    UPDATE {accounts}
    SET {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor
    WHERE bsnid = :bsnid AND updated_at <=> CAST(:seen AS TIMESTAMP) AND NOT ({same})
    """
    saved = _sql.given(ACCOUNTS, values)
    parts = _sql.update_parts(ACCOUNTS, list(saved))
    params = {**saved, "bsnid": bsnid, "seen": seen, "actor": wh.actor}
    if write(wh, _sql.render(wh.namespace, sql, **parts), params, repeatable=True):
        return
    current = get(wh, bsnid)
    if current is None:
        raise Missing(bsnid)
    if not _sql.same(current, saved):
        raise Stale(current)


def delete(wh: Warehouse, bsnid: str) -> None:
    """Delete the account and all that belongs to it. Safe to repeat after a failure.

    Children first: what is left after a failure half-way is an account, not orphans. Before
    them the account is stamped, so that its history tells who deleted it. In the end one more
    look, for children that somebody added in between.
    """
    stamp = """
    UPDATE {accounts} SET updated_at = CURRENT_TIMESTAMP(), updated_by = :actor
    WHERE bsnid = :bsnid
    """
    children = """
    DELETE FROM {child} WHERE account_bsnid = :bsnid
    """
    account = """
    DELETE FROM {accounts} WHERE bsnid = :bsnid
    """
    params = {"bsnid": bsnid, "actor": wh.actor}
    write(wh, _sql.render(wh.namespace, stamp), params, repeatable=True)
    for table in CHILDREN:
        sql = _sql.render(wh.namespace, children, child=wh.namespace.table(table))
        write(wh, sql, {"bsnid": bsnid}, repeatable=True)
    write(wh, _sql.render(wh.namespace, account), {"bsnid": bsnid}, repeatable=True)
    for table, id in _left_over(wh, bsnid):
        _children.delete(wh, table, id)


def _left_over(wh: Warehouse, bsnid: str) -> list[tuple[Table, str]]:
    """The children of an account that is not there."""
    branch = """
    SELECT {place} AS place, c.id FROM {child} AS c LEFT ANTI JOIN {accounts} AS a
    ON a.bsnid = c.account_bsnid WHERE c.account_bsnid = :bsnid
    """
    branches = [
        _sql.render(
            wh.namespace, branch, place=str(TABLES.index(table)), child=wh.namespace.table(table)
        )
        for table in CHILDREN
    ]
    rows = wh.query(" UNION ALL ".join(branches), {"bsnid": bsnid})
    return [(TABLES[row["place"]], row["id"]) for row in rows]
