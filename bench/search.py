"""Measure the search over everything with few and with many accounts, and what it has to read.

    python -m bench.search [--sizes 1000,100000] [--rounds N]

The first search of a process also looks for the day since which there are very many updates; it
is not measured. The last row only reads the texts that are searched.
"""

from __future__ import annotations

import argparse

from . import _data
from ._report import Table, ratio, show
from ._setup import PERSON, in_own_process
from .pages import sizes

SIZES = (1_000, 100_000)
SEARCHES = {
    "a key": _data.key(42),
    "a person": "partner 7",
    "a word of many updates": "agreed",
    "two words, in any order": "plan team",
    "nothing": "nothing-has-this",
}
LEAST = "the texts alone, read once"


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
    from crm.model.schema import UPDATES, USE_CASES
    from crm.repository.records import search
    from crm.repository.records.search_words import SearchWords

    found = {}
    with _data.data_set(accounts) as (control, _):
        warehouse = for_person(PERSON)
        for name, text in SEARCHES.items():
            words = SearchWords.of(text)
            search.find(warehouse, words, ())
            before = control.cpu()
            for _ in range(rounds):
                search.find(warehouse, words, ())
            found[name] = (control.cpu() - before) * 1000 / rounds
        updates, cases = (warehouse.namespace.table(table) for table in (UPDATES, USE_CASES))
        sql = f"""
        SELECT (SELECT COUNT(*) FROM {updates} WHERE CONTAINS(description, :q)),
          (SELECT COUNT(*) FROM {cases} WHERE CONTAINS(problem, :q))
        """
        warehouse.query(sql, {"q": "zzz"})
        before = control.cpu()
        for _ in range(rounds):
            warehouse.query(sql, {"q": "zzz"})
        found[LEAST] = (control.cpu() - before) * 1000 / rounds
    return found


if __name__ == "__main__":
    main()
