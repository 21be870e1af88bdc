"""Measure the search over everything with few and with many accounts, and its minimal reads.

    python -m bench.search [--sizes 1000,100000] [--rounds N]

The first search of a process also looks for the day since which there are very many updates; it
is not measured. The last row only reads the columns that are searched, each once.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from . import _data
from ._report import Table, ratio, show
from ._setup import PERSON, in_own_process
from .pages import sizes

if TYPE_CHECKING:
    from crm.warehouse import Warehouse

SIZES = (1_000, 100_000)
SEARCHES = {
    "a key": _data.key(42),
    "a person": "partner 7",
    "a word of many updates": "agreed",
    "two words, in any order": "plan team",
    "nothing": "nothing-has-this",
}
WARM_UP = 4
LEAST = "the columns that it searches, read once"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=sizes, default=SIZES)
    options.add_argument("--rounds", type=int, default=10)
    given = options.parse_args()
    show(tables(given.sizes, given.rounds))


def tables(sizes: tuple[int, ...], rounds: int) -> list[Table]:
    table = Table(
        "search",
        "Engine CPU of a search over everything in milliseconds, by number of accounts.",
        ["what is searched for", *(f"{size:,}" for size in sizes), "growth"],
    )
    found = {size: in_own_process(measure_all, size, rounds) for size in sizes}
    for name in found[sizes[0]]:
        costs = [found[size][name] for size in sizes]
        grown = ratio(costs[-1], costs[0])
        table.rows.append([name, *costs, f"{grown:.1f} ×" if grown else None])
    return [table]


def measure_all(accounts: int, rounds: int) -> dict[str, float]:
    """Return the mean engine CPU of each search in milliseconds."""
    from crm.identity.warehouses import for_person
    from crm.repository.records import search
    from crm.repository.records.search_words import SearchWords

    found = {}
    with _data.data_set(accounts) as (control, _):
        warehouse = for_person(PERSON)

        def measure(ask: Callable[[], object]) -> float:
            ask()
            control.wait_until_idle()
            before = control.cpu()
            for _ in range(rounds):
                ask()
            return (control.cpu() - before) * 1000 / rounds

        # An engine that has just started is slower: at first by half, after ten searches a tenth.
        for text in [*SEARCHES.values()] * WARM_UP:
            search.find(warehouse, SearchWords.of(text), ())
        for name, text in SEARCHES.items():
            words = SearchWords.of(text)
            found[name] = measure(partial(search.find, warehouse, words, ()))
        sql, params = _least(warehouse, search.newest_since(warehouse))
        found[LEAST] = measure(partial(warehouse.query, sql, params))
    return found


def _least(warehouse: Warehouse, since: dt.date | None) -> tuple[str, dict[str, Any]]:
    """Return a statement that reads each column that the search compares, each once."""
    from crm.repository.records import _account_list, updates, use_cases
    from crm.repository.records.people import ROLES
    from crm.repository.records.search_words import joined

    counts = [
        f"(SELECT COUNT(*) FROM {warehouse.namespace.table(source.table)} "
        f"WHERE {is_new} AND CONTAINS({joined(columns)}, :q))"
        for source, is_new in (
            (_account_list.SOURCE, "TRUE"),
            (use_cases.SOURCE, "TRUE"),
            (updates.SOURCE, "date >= CAST(:since AS DATE)" if since else "TRUE"),
        )
        if (columns := [name for name in source.searched if name in source.table.names])
    ]
    counts += [
        f"(SELECT COUNT(DISTINCT {column}) FROM {warehouse.namespace.table(table)})"
        for table, column in ROLES
        if table is not _account_list.SOURCE.table
    ]
    params = {"q": "zzz"} | ({"since": since} if since else {})
    return f"SELECT {', '.join(counts)}", params


if __name__ == "__main__":
    main()
