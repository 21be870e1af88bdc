"""The list of accounts, with their statuses and the numbers of their children."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from crm.model.records import Account, AccountRow, FacetPage, Listing, Page
from crm.model.schema import ACCOUNTS
from crm.model.vocabulary import NOT_STARTED
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from . import _listing
from ._filters import CHANGED, DateFilter
from ._list_query import Cut, ListSource, Query
from ._order import text
from ._platform_status import IN_STATUS_SINCE, PARAMS, RECORDED_STATUS, platform_and_status

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

# The children of a page's accounts in one join, counted by kind and status. The account is one
# struct, because engines plan fewer columns faster.
_ROWS = """
  SELECT p.account, p.rn, x.kind, x.platform, x.status, x.changed_at,
    COUNT(*) AS n, MAX(x.date) AS last_update
  FROM (SELECT bsnid, rn, STRUCT(cut.*) AS account FROM ({page}) AS cut) AS p LEFT JOIN (
    SELECT account_bsnid, 1 AS kind, NULL AS date, NULL AS platform, NULL AS status,
      NULL AS changed_at
    FROM {use_cases}
    UNION ALL
    SELECT account_bsnid, 2, date, NULL, NULL, NULL FROM {updates}
    UNION ALL
    SELECT account_bsnid, 3, NULL, platform, status, updated_at FROM {platforms_status}
    WHERE platform <> ''
  ) AS x ON x.account_bsnid = p.bsnid
  GROUP BY p.account, p.rn, x.kind, x.platform, x.status, x.changed_at
"""
_USE_CASES, _UPDATES, _STATUS = 1, 2, 3
_JOINS = {
    "use_cases": """
  LEFT JOIN (
    SELECT account_bsnid, COUNT(*) AS n FROM {use_cases} GROUP BY account_bsnid
  ) AS c ON c.account_bsnid = bsnid
""",
    "updates": """
  LEFT JOIN (
    SELECT account_bsnid, COUNT(*) AS n, MAX(date) AS last_update
    FROM {updates} GROUP BY account_bsnid
  ) AS w ON w.account_bsnid = bsnid
""",
    "statuses": """
  LEFT JOIN (
    SELECT account_bsnid, COLLECT_LIST(NAMED_STRUCT('platform', platform, 'status', status))
      AS statuses
    FROM recorded_status GROUP BY account_bsnid
  ) AS s ON s.account_bsnid = bsnid
""",
}
_DATES = {
    "not-updated-since": DateFilter(
        "COALESCE(w.last_update < {limit}, TRUE)", never="w.account_bsnid IS NULL"
    ),
    "updated-since": DateFilter("w.last_update >= {limit}"),
    "updated-before": DateFilter("w.last_update < {limit}"),
    IN_STATUS_SINCE: DateFilter(type="TIMESTAMP"),
    **CHANGED,
}
_EXTRA = """,
  COALESCE(c.n, 0) AS use_cases, COALESCE(w.n, 0) AS updates, w.last_update, s.statuses
"""
_CUT = Cut(ACCOUNTS.names, _ROWS)
SOURCE = ListSource(
    table=ACCOUNTS,
    cut=_CUT,
    far_cut=_CUT,
    key="bsnid",
    searched=("bsnid", "team", "business_area", "vp", "admin", "primary_it_partner"),
    filters=FILTERS,
    sorts={
        **{name: (text(name),) for name in SORTS[:6]},
        "updated_at": ("updated_at",),
        # Accounts without updates come before the stalest.
        "last_update": ("COALESCE(w.last_update, TO_DATE('0001-01-01'))",),
        "use_cases": ("COALESCE(c.n, 0)",),
    },
    joins=_JOINS,
    joined={
        "last_update": "updates",
        "use_cases": "use_cases",
        "not-updated-since": "updates",
        "updated-since": "updates",
        "updated-before": "updates",
    },
    dates=_DATES,
    extra=_EXTRA,
    extra_joins=tuple(_JOINS),
    default="team",
    before=f"WITH {RECORDED_STATUS}",
    params=PARAMS,
    joint=platform_and_status,
)


def search(wh: Warehouse, listing: Listing) -> Page[AccountRow]:
    return _listing.load(wh, listing, SOURCE, _page_rows)


def facet(wh: Warehouse, listing: Listing, name: str, find: str, most: int) -> FacetPage:
    """Return the values of a column of ``FILTERS``, see ``_listing.load_facet``."""
    return _listing.load_facet(wh, listing, SOURCE, name, find, most)


def step(wh: Warehouse, listing: Listing, bsnid: str, at: int, by: int) -> tuple[int, str] | None:
    """Return the number and the key of the account after another one in a list, or before it.

    :param at: the number that the row of ``bsnid`` had in the list, from 1 on. If the account is
        no longer there, the row that now has its number comes next.
    :param by: 1 for the account after it, -1 for the one before it.

    None at the end of the list. One statement.
    """
    offset = max(0, at - 3)
    query = Query.of(wh.namespace, _listing.within_reach(listing), SOURCE)
    rows = wh.query(*query.page(5, min(offset, _listing.LARGEST_INT)))[0]["rows"]
    found = _page_rows(sorted(rows, key=itemgetter("rn")))
    keys = {offset + n: row.account.bsnid for n, row in enumerate(found, 1)}
    own = next((n for n in (at, at - 1, at + 1) if keys.get(n) == bsnid), None)
    to = own + by if own else at - (by < 0)
    return (to, keys[to]) if to in keys else None


def find_all(wh: Warehouse, listing: Listing) -> Iterator[AccountRow]:
    """Return the rows of all pages, see ``_listing.load_all``."""
    return _listing.load_all(wh, listing, SOURCE, _row)


def _page_rows(rows: list[Row]) -> tuple[AccountRow, ...]:
    return tuple(_page_row(list(same)) for _, same in groupby(rows, key=itemgetter("rn")))


def _page_row(rows: list[Row]) -> AccountRow:
    """Return the list's row of one account, from rows that count its children by kind."""
    of_kind = {row["kind"]: row for row in rows}
    statuses = [row for row in rows if row["kind"] == _STATUS]
    statuses.sort(key=lambda row: (row["changed_at"] or _sql.EARLIEST, row["status"] or ""))
    return AccountRow(
        account=_sql.record(Account, rows[0]["account"]),
        statuses={row["platform"]: row["status"] or NOT_STARTED for row in statuses},
        use_case_count=of_kind[_USE_CASES]["n"] if _USE_CASES in of_kind else 0,
        update_count=of_kind[_UPDATES]["n"] if _UPDATES in of_kind else 0,
        last_update=of_kind[_UPDATES]["last_update"] if _UPDATES in of_kind else None,
    )


def _row(row: Row) -> AccountRow:
    return AccountRow(
        account=_sql.record(Account, row),
        statuses={item["platform"]: item["status"] for item in row["statuses"] or ()},
        use_case_count=row["use_cases"],
        update_count=row["updates"],
        last_update=row["last_update"],
    )
