"""Measure the cost of pages and saves after increasing numbers of commits.

    python -m bench.growth [--accounts N] [--commits N,…] [--seconds S]

Each commit is one edit of one account. CPU of the warehouse and its engine is measured.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import _data
from ._report import Stopwatch, Table, show
from ._setup import PERSON, Control, application, in_own_process
from .pages import measure, sizes

if TYPE_CHECKING:
    from crm.warehouse import Warehouse

COMMITS = (0, 300, 1000, 2000, 3500, 5000)
ROUNDS = 4
# The local warehouse looks after a table's files at every 16th commit: each average has one.
SAVES = 16


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=300)
    options.add_argument("--commits", type=sizes, default=COMMITS)
    options.add_argument("--seconds", type=float, default=150)
    given = options.parse_args()
    show(tables(given.accounts, given.commits, given.seconds))


def tables(accounts: int, commits: Sequence[int], seconds: float) -> list[Table]:
    return [in_own_process(measure_all, accounts, commits, seconds)]


def measure_all(accounts: int, commits: Sequence[int], seconds: float) -> Table:
    from crm.identity.warehouses import for_person

    table = Table(
        "commits",
        f"{accounts:,} accounts; engine CPU in milliseconds after so many edits, each a commit of "
        "its own. “As of now” reads the tables' commits anew. The last column is the warehouse's "
        "memory.",
        ["commits", "save", "accounts", "as of earlier", "as of now"]
        + ["an account's history", "activity", "MB"],
    )
    watch, done = Stopwatch(seconds), 0
    with application() as (_, control):
        warehouse = for_person(PERSON)
        _data.load(warehouse, accounts)
        early = dt.datetime.now(dt.UTC)
        time.sleep(1)
        for wanted in commits:
            while done < wanted and watch.left > 0:
                edit(warehouse, done, accounts)
                done += 1
            if watch.left > 0 or not table.rows:
                table.rows.append([done, *_costs(control, warehouse, accounts, done, early)])
    return table


def _costs(
    control: Control, warehouse: Warehouse, accounts: int, done: int, early: dt.datetime
) -> list[object]:
    from crm.model.as_of_address import address

    _data.read_feeds(warehouse)
    control.wait_until_idle()
    before = control.cpu()
    for number in range(SAVES):
        edit(warehouse, number, accounts, f"again after {done}")
    save = (control.cpu() - before) * 1000 / SAVES
    pages = (
        "/accounts/",
        address(early, "/accounts/"),
        address(dt.datetime.now(dt.UTC), "/accounts/"),
        f"/accounts/{_data.key(0)}/history/",
        "/activity/",
    )
    costs = [measure(control, path, ROUNDS, 10).engine for path in pages]
    return [save, *costs, control.memory()]


def edit(warehouse: Warehouse, number: int, accounts: int, name: str = "VP") -> None:
    """Save an account as its form does: read it, then change one field."""
    from crm.repository.records import accounts as repository

    key = _data.key(random.Random(number).randrange(accounts))
    account = repository.get(warehouse, key)
    assert account, key
    repository.update(warehouse, key, {"vp": f"{name} {number}"}, account.updated_at)


if __name__ == "__main__":
    main()
