"""Measure the cost of each page with few and with many accounts.

    python -m bench.pages [--sizes 1000,10000,100000] [--rounds N] [--seconds S]

It measures CPU time, since wall time depends on the machine's other load: the CPU time of the
warehouse with its engine, and of the app's process, which includes Django's test client.
Statements are counted in the warehouse's own log. Its result cache is off, except in the last
requests of each page.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from gzip import decompress

from . import _data, _goals, _scans
from ._report import Stopwatch, Table, ratio, show
from ._setup import Control, in_own_process

SIZES = (1_000, 10_000, 100_000)
# What a browser sends.
COMPRESSED = {"Accept-Encoding": "gzip, deflate, br, zstd"}
FILTER_VALUES = "/accounts/facet/business_area/"
FILTERED = "/accounts/?q=team&platform=Databricks&status=Completed&sort=-use_cases"


@dataclass(frozen=True)
class Cost:
    """What one request of a page costs: milliseconds of CPU, bytes / 1024, and numbers.

    :param status: the answer's; all else is only of interest if it is 200.
    :param wall: seconds of the quickest request.
    :param scans: how often its statements read a table, ``None`` where unknown.
    :param cached: ``engine`` with the result cache, while no table changes.
    """

    status: int
    engine: float
    app: float
    wall: float
    raw: float
    wire: float
    statements: float
    scans: int | None = None
    cached: float | None = None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=sizes, default=SIZES)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--seconds", type=float, default=300)
    given = options.parse_args()
    show(tables(given.sizes, given.rounds, given.seconds))


def sizes(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


def tables(sizes: tuple[int, ...], rounds: int, seconds: float) -> list[Table]:
    """Measure, each size in a process of its own, which may take its share of the time."""
    shares = [1 + number for number in range(len(sizes))]
    found = {
        size: in_own_process(
            measure_all, size, rounds, seconds * share / sum(shares), size == sizes[0]
        )
        for size, share in zip(sizes, shares, strict=True)
    }
    return page_tables(sizes, found)


def page_tables(sizes: tuple[int, ...], found: dict[int, dict[str, Cost]]) -> list[Table]:
    """Return the tables of the costs, which are by size and by page."""
    goals = _goals.table(found[sizes[0]], found[sizes[-1]])
    return [goals, _growth(sizes, found), _cached(sizes, found), _detail(sizes, found)]


def _growth(sizes: tuple[int, ...], found: dict[int, dict[str, Cost]]) -> Table:
    table = Table(
        "growth",
        "Engine CPU per page in milliseconds, by number of accounts, without the result cache.",
        ["page", *(f"{size:,}" for size in sizes), "growth"],
    )
    for page in found[sizes[0]]:
        costs = [found[size].get(page) for size in sizes]
        cells = [_engine(cost) for cost in costs]
        numbers = [cost.engine if cost and cost.status == 200 else None for cost in costs]
        grown = ratio(numbers[-1], numbers[0])
        table.rows.append([page, *cells, f"{grown:.1f} ×" if grown else None])
    return table


def _cached(sizes: tuple[int, ...], found: dict[int, dict[str, Cost]]) -> Table:
    table = Table(
        "cached",
        "The same with the result cache, while no table changes.",
        ["page", *(f"{size:,}" for size in sizes)],
    )
    for page in found[sizes[0]]:
        costs = [found[size].get(page) for size in sizes]
        table.rows.append([page, *(cost and cost.cached for cost in costs)])
    return table


def _engine(cost: Cost | None) -> object:
    if cost is None:
        return None
    return cost.engine if cost.status == 200 else f"answers {cost.status}"


def _detail(sizes: tuple[int, ...], found: dict[int, dict[str, Cost]]) -> Table:
    first, last = found[sizes[0]], found[sizes[-1]]
    table = Table(
        "pages",
        f"With {sizes[0]:,} and {sizes[-1]:,} accounts: the app's CPU in milliseconds, kB before "
        "compression, kB on the wire, statements, and how often they read a table.",
        ["page", "app CPU", "app CPU, most", "kB raw", "kB raw, most", "kB on the wire"]
        + ["statements", "table scans"],
    )
    for page, cost in first.items():
        most = last.get(page)
        most = most if most and most.status == 200 else None
        table.rows.append(
            [page, cost.app, most and most.app, cost.raw, most and most.raw]
            + [(most or cost).wire, f"{cost.statements:g}", cost.scans]
        )
    return table


def addresses(moment: dt.datetime) -> dict[str, str]:
    """Return the measured pages; ``moment`` is before the data set's edits."""
    from crm.model.as_of_address import address

    account = f"/accounts/{_data.key(42)}/"
    return {
        "overview": "/",
        "attention": "/attention/",
        "trends": "/trends/",
        "accounts": "/accounts/",
        "accounts, search and two filters": FILTERED,
        "accounts, last page": "/accounts/?page=1000000",
        "values of a filter": FILTER_VALUES,
        "account": account,
        "edit form": f"{account}edit/",
        "use cases": "/use-cases/",
        "updates": "/updates/",
        "accounts as of": address(moment, "/accounts/"),
        "an account's history": f"{account}history/",
        "what changed since": address(moment, "/since/"),
        "activity": "/activity/",
        "report of a VP": "/report/?vp=VP+3",
        "report of all accounts": "/report/?all=on",
        "a person": "/people/Partner%203/",
        "an area": "/areas/Area%203/",
    }


def measure_all(accounts: int, rounds: int, seconds: float, counts_scans: bool) -> dict[str, Cost]:
    """Return the cost of each page; of a slow page from fewer requests."""
    found: dict[str, Cost] = {}
    with _data.data_set(accounts) as (control, moment):
        pages = addresses(moment)
        scans = _scans.count(list(pages.values())) if counts_scans else {}
        _warm_up(control, pages.values())
        watch = Stopwatch(seconds)
        for number, (page, path) in enumerate(pages.items()):
            # The smallest size has every page, which is at least asked for twice.
            if watch.left < 0 and not counts_scans:
                break
            share = 2 * watch.left / (len(pages) - number)
            found[page] = measure(control, path, rounds, share, scans.get(path))
    return found


def _warm_up(control: Control, paths: Iterable[str]) -> None:
    """Ask for each page once: an engine that has just started is slower."""
    from django.test import Client

    client = Client()
    for path in paths:
        client.get(path)
    control.wait_until_idle()


def measure(
    control: Control, path: str, rounds: int, seconds: float, scans: int | None = None
) -> Cost:
    """Return the mean cost of at most so many requests in about so many seconds."""
    from django.test import Client

    from edip.warm_up import spare_garbage_search

    # As gunicorn.conf.py does; else one page would get all the time of a search for garbage.
    spare_garbage_search()
    client, watch = Client(), Stopwatch(seconds)
    started = time.perf_counter()
    answer = client.get(path, headers=COMPRESSED)
    walls = [time.perf_counter() - started]
    if answer.status_code != 200:
        return Cost(answer.status_code, 0, 0, walls[0], 0, 0, 0)
    after, engine, app, walls = control.last(), control.cpu(), time.process_time(), []
    while len(walls) < rounds and (not walls or watch.left > walls[-1]):
        started = time.perf_counter()
        answer = client.get(path, headers=COMPRESSED)
        walls.append(time.perf_counter() - started)
    app, engine = time.process_time() - app, control.cpu() - engine
    statements = len(control.statements(after))
    body = answer.content
    raw = decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body
    return Cost(
        answer.status_code,
        engine * 1000 / len(walls),
        app * 1000 / len(walls),
        statistics.median(walls),
        len(raw) / 1024,
        len(body) / 1024,
        statements / len(walls),
        scans,
        _engine_with_cache(control, lambda: client.get(path, headers=COMPRESSED)),
    )


def _engine_with_cache(control: Control, ask: Callable[[], object], rounds: int = 5) -> float:
    control.set_result_cache(True)
    try:
        ask()
        before = control.cpu()
        for _ in range(rounds):
            ask()
        return (control.cpu() - before) * 1000 / rounds
    finally:
        control.set_result_cache(False)


if __name__ == "__main__":
    main()
