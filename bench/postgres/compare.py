"""Compare pages with the same pages on Django's ORM and PostgreSQL.

    python -m bench.postgres.compare [--sizes 1000,100000] [--latencies MS,…] [--seconds S]

Views, templates and data are the same; only the functions that read are exchanged. Ours and
theirs are requested in turn, in one process. Each of our statements and each of their queries
takes the same latency longer; a page of ours sends one, a page of theirs up to six.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from bench import _data
from bench._report import Stopwatch, Table, show
from bench._setup import Control, in_own_process
from bench.pages import FILTER_VALUES, FILTERED, sizes

from . import server

SIZES = (1_000, 100_000)
LATENCIES = (0, 50, 150)
PAGES = {
    "overview": "/",
    "accounts": "/accounts/",
    "accounts, search and two filters": FILTERED,
    "accounts, last page": "/accounts/?page=1000000",
    "values of a filter": FILTER_VALUES,
    "account": f"/accounts/{_data.key(42)}/",
    "edit form": f"/accounts/{_data.key(42)}/edit/",
    "use cases": "/use-cases/",
    "updates": "/updates/",
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=sizes, default=SIZES)
    options.add_argument("--latencies", type=sizes, default=LATENCIES, help="in milliseconds")
    options.add_argument("--seconds", type=float, default=180)
    given = options.parse_args()
    show(tables(given.sizes, given.latencies, given.seconds))


def tables(
    sizes: Sequence[int], latencies: Sequence[int], seconds: float, rounds: int = 9
) -> list[Table]:
    """Measure; without PostgreSQL, the table says why it is empty."""
    table = Table(
        "postgres",
        "Our time divided by that of Django's ORM on PostgreSQL (below 1, ours is faster), with "
        "both in milliseconds, by number of accounts and latency. Medians of at most "
        f"{rounds} requests of each, in turn, without the result cache.",
        ["page", *(f"{size:,}, {ms} ms" for size in sizes for ms in latencies)]
        + ["our statements", "their queries"],
    )
    try:
        with server.running() as sockets:
            found = [
                in_own_process(
                    measure_all, str(sockets), size, latencies, rounds, seconds / len(sizes)
                )
                for size in sizes
            ]
    except server.NoPostgres as reason:
        table.note = f"Not measured: {reason}."
        return [table]
    for page in PAGES:
        ratios = [ratio for of_size in found for ratio in of_size[page]["ratios"]]
        table.rows.append([page, *ratios, found[0][page]["ours"], found[0][page]["theirs"]])
    return [table]


def measure_all(
    sockets: str, accounts: int, latencies: Sequence[int], rounds: int, seconds: float
) -> dict[str, dict[str, Any]]:
    sys.path.append(str(server.LIBRARIES))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "bench.postgres.settings",
        "BENCH_POSTGRES_SOCKETS": sockets,
    }
    with _data.data_set(accounts) as (control, moment):
        from django.db import connection

        from . import load

        connection.settings_dict["NAME"] = f"bench_{accounts}_{moment:%Y%m%d%H%M%S}"
        load.ensure(Path(os.environ["EDIP_LOCAL_DATA"]))
        watch = Stopwatch(seconds)
        found: dict[str, Any] = {}
        for number, (page, path) in enumerate(PAGES.items()):
            share = watch.left / (len(PAGES) - number) / len(latencies)
            ours, theirs = _check(control, path)
            found[page] = {"ours": ours, "theirs": theirs, "ratios": []}
            for latency in latencies:
                ratio = _compare(control, path, latency / 1000, rounds, share)
                found[page]["ratios"].append(ratio)
    return found


def _check(control: Control, path: str) -> tuple[int, int]:
    """Return how many statements and queries the page needs. Raises AssertionError if ours and
    theirs do not show the same accounts and numbers."""
    control.set_latency(0)
    after = control.last()
    ours = _request(path)
    statements = len(control.statements(after))
    with _on_postgres(0) as queries:
        theirs = _request(path)
    assert _facts(ours) == _facts(theirs), (path, _facts(ours), _facts(theirs))
    return statements, len(queries)


def _facts(page: str) -> tuple[list[str], list[str]]:
    """Return the accounts that a page links to, and the numbers that it shows."""
    links = re.findall(r'href="/accounts/(B\d+)/"', page)
    return sorted(links), sorted(re.findall(r"(?:>|of)\s*([\d,]+)\s*<", page))


def _compare(control: Control, path: str, latency: float, rounds: int, seconds: float) -> str:
    """Return the ratio of the medians, and both in milliseconds."""
    watch = Stopwatch(seconds)
    ours: list[float] = []
    theirs: list[float] = []
    control.set_latency(latency)
    while len(ours) < rounds and (not ours or watch.left > 0):
        started = time.perf_counter()
        _request(path)
        between = time.perf_counter()
        with _on_postgres(latency):
            _request(path)
        ours.append((between - started) * 1000)
        theirs.append((time.perf_counter() - between) * 1000)
    control.set_latency(0)
    left, right = statistics.median(ours), statistics.median(theirs)
    return f"{left / right:.2f} ({left:,.0f} : {right:,.0f})"


def _request(path: str) -> str:
    from django.test import Client

    answer = Client().get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


@contextmanager
def _on_postgres(latency: float) -> Iterator[list[str]]:
    """Let the views read with the ORM; yields the list of its queries."""
    from django.db import connection

    queries: list[str] = []

    def delay(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        queries.append(sql)
        time.sleep(latency)
        return execute(sql, params, many, context)

    with ExitStack() as exchanged:
        for module, name, function in exchanges():
            exchanged.enter_context(mock.patch.object(module, name, function))
        exchanged.enter_context(connection.execute_wrapper(delay))
        yield queries


def exchanges() -> list[tuple[ModuleType, str, Callable[..., Any]]]:
    """Return each function that reads: its module, its name, and what reads with the ORM."""
    from crm.repository.records import accounts, overview, updates, use_cases

    from . import orm

    return [
        (accounts, "search", orm.search_accounts),
        (accounts, "facet", orm.account_facet),
        (accounts, "get", orm.get_account),
        (accounts, "get_detail", orm.get_detail),
        (use_cases, "search", orm.search_use_cases),
        (updates, "search", orm.search_updates),
        (overview, "load", orm.load_overview),
    ]


if __name__ == "__main__":
    main()
