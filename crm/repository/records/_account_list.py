"""The list of accounts, with their statuses and the numbers of their children."""

from __future__ import annotations

from collections.abc import Iterator

from crm.model.namespace import Namespace
from crm.model.records import Account, AccountRow, Listing, Page
from crm.model.schema import ACCOUNTS
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from . import _listing
from ._filters import Conditions, JointFilter
from ._platform_status import CURRENT_STATUS, PARAMS

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
    FROM recorded_status GROUP BY account_bsnid
  ) AS s ON s.account_bsnid = f.bsnid
"""
_EXTRA = """
    COALESCE(c.n, 0) AS use_cases,
    COALESCE(w.n, 0) AS updates,
    w.last_update,
    s.statuses,
"""
_HAS_STATUS = "bsnid IN (SELECT account_bsnid FROM current_status WHERE {condition})"
_FACETS = """
  SELECT name, value, COUNT(DISTINCT account_bsnid) AS n
  FROM (
    SELECT account_bsnid, STACK(2,
      'platform', CASE WHEN {of_platform} THEN platform END,
      'status', CASE WHEN {of_status} THEN status END
    ) AS (name, value)
    FROM current_status
    WHERE account_bsnid IN (SELECT bsnid FROM found WHERE {others})
  ) AS s
  WHERE value IS NOT NULL
  GROUP BY 1, 2
"""


def _platform_and_status(namespace: Namespace, conditions: Conditions) -> JointFilter:
    """Platform and status are conditions on one row: Databricks *and* Completed there.

    A platform alone finds accounts that have a row for it. A status also finds, as Not Started,
    accounts that have none, as on the overview.
    """
    by_platform = conditions.is_one_of("platform")
    by_status = conditions.is_one_of("status")
    both = " AND ".join(part for part in (by_platform, by_status or "is_recorded") if part)

    def facets(others: str) -> str:
        return _sql.render(
            namespace,
            _FACETS,
            of_platform=by_status or "is_recorded",
            of_status=by_platform or "TRUE",
            others=others,
        )

    is_asked = by_platform or by_status
    return JointFilter(
        names=("platform", "status"),
        condition=_sql.render(namespace, _HAS_STATUS, condition=both) if is_asked else "",
        facets=facets,
    )


_LIST = _listing.ListSource(
    table=ACCOUNTS,
    before=CURRENT_STATUS,
    params=PARAMS,
    source="SELECT * FROM {table}",
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
        # Not by their names: a window cannot refer to a column of its own SELECT.
        "last_update": ("w.last_update",),
        "use_cases": ("COALESCE(c.n, 0)",),
    },
    joined_sorts=("last_update", "use_cases"),
    default="team",
    joint=_platform_and_status,
)


def search(wh: Warehouse, listing: Listing) -> Page[AccountRow]:
    return _listing.load(wh, listing, _LIST, _row)


def find_all(wh: Warehouse, listing: Listing) -> Iterator[AccountRow]:
    """Return the rows of all pages, see ``_listing.load_all``."""
    return _listing.load_all(wh, listing, _LIST, _row)


def _row(row: Row) -> AccountRow:
    return AccountRow(
        account=_sql.record(Account, row),
        statuses={item["platform"]: item["status"] for item in row["statuses"] or ()},
        use_case_count=row["use_cases"],
        update_count=row["updates"],
        last_update=row["last_update"],
    )
