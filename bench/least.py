"""Measure the least that a page has to read: why pages that read more cost more with more rows.

    python -m bench.least [--sizes 1000,100000] [--rounds N]

Each statement reads only the columns that its page cannot do without, each once, and finds only
what the page sorts or counts by. What a page costs beyond that, our own statements add.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from . import _data
from ._report import Table, ratio, show
from ._setup import PERSON, in_own_process
from .pages import sizes

if TYPE_CHECKING:
    from crm.model.namespace import Namespace

SIZES = (1_000, 100_000)

# Of each table. Its first version with rows has all that was loaded; the later ones are edits.
_OF_ONE = "SELECT change_id FROM {feed} WHERE {owner} = :account"
_CHANGED = """
SELECT COUNT(account) AS n
FROM (SELECT {key}, MAX({owner}) AS account FROM {feed} WHERE _commit_version > 1 GROUP BY {key})
"""
_KEYS = "SELECT MAX({key}) AS last FROM {table}"
_NEWEST = """
SELECT * FROM (SELECT {key} AS key FROM {feed} ORDER BY _commit_timestamp DESC, {key} LIMIT 200)
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
    """Return the mean engine CPU of each statement in milliseconds."""
    from crm.identity.warehouses import for_person

    found = {}
    with _data.data_set(accounts) as (control, _):
        warehouse = for_person(PERSON)
        for name, sql in _statements(warehouse.namespace).items():
            params: dict[str, Any] = {"account": _data.key(42)} if ":account" in sql else {}
            warehouse.query(sql, params)
            before = control.cpu()
            for _ in range(rounds):
                warehouse.query(sql, params)
            found[name] = (control.cpu() - before) * 1000 / rounds
    return found


def _statements(namespace: Namespace) -> dict[tuple[str, str], str]:
    """Return the statements by page, and by what they read."""
    return _of_overview(namespace) | _of_lists(namespace) | _of_feeds(namespace)


def _of_overview(namespace: Namespace) -> dict[tuple[str, str], str]:
    from crm.model.schema import PLATFORMS_STATUS, UPDATES

    statuses, updates = namespace.table(PLATFORMS_STATUS), namespace.table(UPDATES)
    return {
        ("overview", "the latest update of each account"): (
            "SELECT COUNT(*) AS n FROM (SELECT account_bsnid, MAX(date) AS latest "
            f"FROM {updates} GROUP BY account_bsnid) AS l WHERE latest < CURRENT_DATE()"
        ),
        ("overview", "the number of accounts by platform and status"): (
            f"SELECT platform, status, COUNT(*) AS n FROM {statuses} GROUP BY platform, status"
        ),
        ("overview", "the eight latest updates"): (
            f"SELECT id FROM {updates} ORDER BY date DESC, created_at DESC, id LIMIT 8"
        ),
    }


def _of_lists(namespace: Namespace) -> dict[tuple[str, str], str]:
    from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES

    accounts = namespace.table(ACCOUNTS)
    updates, use_cases = namespace.table(UPDATES), namespace.table(USE_CASES)
    return {
        ("updates", "the order of all updates, and their number"): (
            f"SELECT id, (SELECT COUNT(*) FROM {updates}) AS n FROM {updates} "
            "ORDER BY date DESC, created_at DESC, id LIMIT 25"
        ),
        ("updates", "25 updates by their ids"): (
            f"SELECT u.* FROM {updates} AS u JOIN (SELECT id FROM {updates} LIMIT 25) AS p "
            "ON p.id = u.id"
        ),
        ("use cases", "the order of all use cases, and their number"): (
            f"SELECT id, (SELECT COUNT(*) FROM {use_cases}) AS n FROM {use_cases} "
            "ORDER BY updated_at DESC, id LIMIT 25"
        ),
        ("use cases", "25 use cases by their ids"): (
            f"SELECT u.* FROM {use_cases} AS u JOIN (SELECT id FROM {use_cases} LIMIT 25) AS p "
            "ON p.id = u.id"
        ),
        ("accounts, search", "five columns of all accounts, for a word"): (
            f"SELECT COUNT(*) AS n FROM {accounts} WHERE CONTAINS(LOWER(CONCAT_WS(' ', bsnid, "
            "team, business_area, vp, admin, primary_it_partner)), 'team 12')"
        ),
    }


def _of_feeds(namespace: Namespace) -> dict[tuple[str, str], str]:
    from crm.model.schema import TABLES

    of_one, changed, keys, newest = (
        " UNION ALL ".join(
            template.format(
                key=table.key,
                owner=table.owner,
                table=namespace.table(table),
                feed=namespace.change_feed(table, 0),
            )
            for table in TABLES
        )
        for template in (_OF_ONE, _CHANGED, _KEYS, _NEWEST)
    )
    return {
        ("an account's history", "one account's rows in the four change feeds"): of_one,
        ("what changed since", "the keys of all changed records, and their accounts"): changed,
        ("what changed since", "the keys of all records, for those that several rows have"): keys,
        ("activity", "the newest rows of the four change feeds"): newest,
    }


if __name__ == "__main__":
    main()
