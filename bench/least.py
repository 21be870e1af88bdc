"""Measure the least that a page has to read: why pages that read more cost more with more rows.

    python -m bench.least [--sizes 1000,100000] [--rounds N]

Each statement reads only the columns that its page needs, each once, and returns only what the
page sorts or counts by, or some of its rows. Then the page itself is measured: its additional cost
comes from our own statement.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from . import _data
from ._report import Table, ratio, show
from ._setup import PERSON, in_own_process
from .pages import addresses, sizes

if TYPE_CHECKING:
    from crm.model.namespace import Namespace

SIZES = (1_000, 100_000)
ITSELF = "the page itself"
SEARCH = "/accounts/?q=team+12"
# Twice each before it is measured: an engine that has just started is slower.
WARM_UP = 2

# These run for each table. Its first version with rows has all that was loaded; the later ones are
# edits.
_OF_ONE = "SELECT change_id FROM {feed} WHERE {owner} = :account"
_CHANGED = """
SELECT COUNT(account) AS n
FROM (SELECT {key}, MAX({owner}) AS account FROM {feed} WHERE _commit_version > 1 GROUP BY {key})
"""
_KEYS = "SELECT MAX({key}) AS last FROM {table}"
# Differences are found by hashes of whole rows: each change has its row before and after.
_DIFFERENT = """
SELECT COUNT(*) AS n FROM (
  SELECT {key} FROM {feed} WHERE _commit_version > 1
  GROUP BY {key}, {hash} HAVING SUM(CASE WHEN _change_type IN ('insert', 'update_postimage')
    THEN 1 ELSE -1 END) <> 0
)
"""
_WITH_TEAMS = """
SELECT f.*, a.team FROM (SELECT * FROM {table} ORDER BY {order} LIMIT {most}) AS f
LEFT JOIN {accounts} AS a ON a.bsnid = f.account_bsnid
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=sizes, default=SIZES)
    options.add_argument("--rounds", type=int, default=20)
    given = options.parse_args()
    show(tables(given.sizes, given.rounds))


def tables(sizes: tuple[int, ...], rounds: int) -> list[Table]:
    table = Table(
        "least",
        "Engine CPU in milliseconds of the least that a page has to read, by number of accounts.",
        ["page", "what it has to read", *(f"{size:,}" for size in sizes), "growth"],
    )
    found = {size: in_own_process(measure_all, size, rounds) for size in sizes}
    for page, what in found[sizes[0]]:
        costs = [found[size][page, what] for size in sizes]
        grown = ratio(costs[-1], costs[0])
        table.rows.append([page, what, *costs, f"{grown:.1f} ×" if grown else None])
    return [table]


def measure_all(accounts: int, rounds: int) -> dict[tuple[str, str], float]:
    """Return the mean engine CPU of each statement, and of its page, in milliseconds."""
    from django.test import Client

    from crm.identity.warehouses import for_person

    with _data.data_set(accounts) as (control, moment):
        warehouse, client = for_person(PERSON), Client()
        asked: dict[tuple[str, str], Callable[[], object]] = {}
        for page, statements in _statements(warehouse.namespace).items():
            for what, sql in statements.items():
                params: dict[str, Any] = {"account": _data.key(42)} if ":account" in sql else {}
                asked[page, what] = partial(warehouse.query, sql, params)
            path = addresses(moment).get(page, SEARCH)
            asked[page, ITSELF] = partial(client.get, path)
        for _ in range(WARM_UP):
            for ask in asked.values():
                ask()
        control.wait_until_idle()
        found = {}
        for name, ask in asked.items():
            before = control.cpu()
            for _ in range(rounds):
                ask()
            found[name] = (control.cpu() - before) * 1000 / rounds
    return found


def _statements(namespace: Namespace) -> dict[str, dict[str, str]]:
    """Return the statements by page, and by what they read."""
    return {
        "overview": _of_overview(namespace),
        **_of_lists(namespace),
        **_of_feeds(namespace),
    }


def _of_overview(namespace: Namespace) -> dict[str, str]:
    from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES

    accounts, updates = namespace.table(ACCOUNTS), namespace.table(UPDATES)
    statuses, order = namespace.table(PLATFORMS_STATUS), "date DESC, created_at DESC, id"
    return {
        "the accounts whose latest update is too old": (
            f"SELECT COUNT(*) AS n FROM {accounts} AS a JOIN (SELECT account_bsnid, "
            f"MAX(date) AS latest FROM {updates} GROUP BY account_bsnid) AS l "
            "ON l.account_bsnid = a.bsnid WHERE latest < CURRENT_DATE()"
        ),
        "the accounts by platform and newest status": (
            "SELECT platform, status, COUNT(a.bsnid) AS n FROM (SELECT account_bsnid, platform, "
            f"MAX_BY(status, updated_at) AS status FROM {statuses} "
            f"GROUP BY account_bsnid, platform) AS s LEFT JOIN {accounts} AS a "
            "ON a.bsnid = s.account_bsnid GROUP BY platform, status"
        ),
        "eight whole updates": f"SELECT * FROM {updates} ORDER BY {order} LIMIT 8",
    }


def _of_lists(namespace: Namespace) -> dict[str, dict[str, str]]:
    from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES

    accounts = namespace.table(ACCOUNTS)
    orders = {UPDATES: "date DESC, created_at DESC, id", USE_CASES: "updated_at DESC, id"}
    found = {}
    for table, order in orders.items():
        parts = {
            "table": namespace.table(table),
            "accounts": accounts,
            "order": order,
            "most": 25,
        }
        what = table.plural
        found[what] = {f"25 whole {what}, with their teams": _WITH_TEAMS.format(**parts)}
    found["accounts, search"] = {
        "five columns of all accounts, for a word": (
            f"SELECT COUNT(*) AS n FROM {accounts} WHERE CONTAINS(LOWER(CONCAT_WS(' ', bsnid, "
            "team, business_area, vp, admin, primary_it_partner)), 'team 12')"
        ),
    }
    return found


def _of_feeds(namespace: Namespace) -> dict[str, dict[str, str]]:
    from crm.model.schema import TABLES
    from crm.repository import _sql

    of_one, changed, different, keys = (
        " UNION ALL ".join(
            template.format(
                key=table.key,
                owner=table.owner,
                table=namespace.table(table),
                feed=namespace.change_feed(table, 0),
                hash=_sql.row_hash(table),
            )
            for table in TABLES
        )
        for template in (_OF_ONE, _CHANGED, _DIFFERENT, _KEYS)
    )
    return {
        "an account's history": {"one account's rows in the four change feeds": of_one},
        "what changed since": {
            "the keys of all changed records, and their accounts": changed,
            "which of the changed records differ": different,
            "the keys of all records, for those that several rows have": keys,
        },
        "activity": {},
    }


if __name__ == "__main__":
    main()
