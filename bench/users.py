"""Measure how long people wait: warehouse latency × people, with gunicorn as app.yaml starts it.

    python -m bench.users [--accounts N] [--latencies MS,…] [--people N,…] [--seconds S]

Each person asks for pages one after the other, at once or after thinking for 2.5 to 7.5 seconds.
Times are ratios to one bare statement (``SELECT 1``) that one client sends through the same
connector to the same warehouse, with the same latency, in the same run.
"""

from __future__ import annotations

import argparse
import http.client
import random
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import _data, _gunicorn
from ._report import Stopwatch, Table, show
from ._setup import PERSON, in_own_process
from .pages import FILTERED, sizes

LATENCIES = (0, 50, 150, 500)
PEOPLE = (1, 20, 100)
# The latency of the table that has each page by itself.
TYPICAL = 150
# How often each page is asked for, of ten times.
MIX = {
    "overview": 1,
    "accounts": 3,
    "accounts, search and two filters": 1,
    "account": 3,
    "use cases": 1,
    "updates": 1,
}


@dataclass
class Answers:
    """The seconds that pages took, and how many pages failed."""

    seconds: list[float] = field(default_factory=list)
    failures: int = 0

    def quantile(self, hundredth: int) -> float | None:
        """Return a percentile; None without two answers."""
        if len(self.seconds) < 2:
            return None
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[hundredth - 1]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=1000)
    options.add_argument("--latencies", type=sizes, default=LATENCIES, help="in milliseconds")
    options.add_argument("--people", type=sizes, default=PEOPLE)
    options.add_argument("--seconds", type=float, default=300)
    given = options.parse_args()
    show(tables(given.accounts, given.latencies, given.people, given.seconds))


def tables(
    accounts: int, latencies: Sequence[int], people: Sequence[int], seconds: float
) -> list[Table]:
    return in_own_process(measure_all, accounts, latencies, people, seconds)


def measure_all(
    accounts: int, latencies: Sequence[int], people: Sequence[int], seconds: float
) -> list[Table]:
    table = Table(
        "users",
        f"{accounts:,} accounts, two gunicorn processes. Times are multiples of one bare "
        "statement, of pages that did not fail. Without the result cache, unless the row has it.",
        ["latency, people", "bare, ms", "p50", "p95", "p99", "pages/s", "failed"]
        + ["thinking: p50", "p95", "p99", "failed"],
    )
    by_page = Table(
        "page_by_page",
        f"One person, {TYPICAL} ms per statement: p50 of each page by itself, as a multiple of "
        "one bare statement.",
        ["page", "with the result cache", "without"][: 2 + (TYPICAL in latencies)],
        [[page] for page in MIX],
    )
    rounds = [(TYPICAL, True), *((latency, False) for latency in latencies)]
    # Each cell gets a share of the time: one part without thinking, two and a half with thinking.
    part = seconds / (sum(1 if count == 1 else 3.5 for count in people) * len(rounds) + 6)
    with _data.data_set(accounts) as (control, _), _gunicorn.serving() as port:
        watch = Stopwatch(seconds)
        _open_connections(port, accounts)
        for latency, is_cached in rounds:
            control.set_latency(latency / 1000)
            control.set_result_cache(is_cached)
            bare = bare_statement()
            for count in people:
                if watch.left > 0:
                    name = f"{latency} ms, {count}{', result cache' if is_cached else ''}"
                    cells = _cells(port, accounts, bare, count, part)
                    table.rows.append([name, bare * 1000, *cells])
            if latency == TYPICAL:
                found = _each_page(port, bare, 3 * part)
                by_page.rows = [[*r, f] for r, f in zip(by_page.rows, found, strict=True)]
        control.set_latency(0)
    return [table, by_page]


def bare_statement(times: int = 20) -> float:
    """Return the median seconds of one statement through the app's own warehouse layer."""
    from crm.identity.warehouses import for_person

    warehouse, took = for_person(PERSON), []
    for _ in range(times + 2):
        started = time.perf_counter()
        warehouse.query("SELECT 1")
        took.append(time.perf_counter() - started)
    return statistics.median(took[2:])


def _cells(port: int, accounts: int, bare: float, people: int, seconds: float) -> list[object]:
    busy = visit(port, accounts, people, seconds, thinks=False)
    cells: list[object] = [*_ratios(busy, bare), len(busy.seconds) / seconds, busy.failures]
    if people == 1:
        return [*cells, None, None, None, None]
    calm = visit(port, accounts, people, seconds * 2.5, thinks=True)
    return [*cells, *_ratios(calm, bare), calm.failures]


def _ratios(answers: Answers, bare: float) -> list[float | None]:
    found = (answers.quantile(hundredth) for hundredth in (50, 95, 99))
    return [value / bare if value is not None else None for value in found]


def visit(port: int, accounts: int, people: int, seconds: float, *, thinks: bool) -> Answers:
    """Let so many people ask for pages at the same time, for so many seconds."""
    answers, watch = Answers(), Stopwatch(seconds)

    def person(number: int) -> None:
        pick = random.Random(number)
        # Otherwise all would begin at the same moment.
        time.sleep(pick.uniform(0, 5) if thinks else pick.uniform(0, 0.2))
        while watch.left > 0:
            page = pick.choices(list(MIX), list(MIX.values()))[0]
            took, status = ask(port, address(page, pick.randrange(accounts)))
            if status == 200:
                answers.seconds.append(took)
            else:
                answers.failures += 1
            if thinks:
                time.sleep(min(pick.uniform(2.5, 7.5), max(0, watch.left)))

    threads = [threading.Thread(target=person, args=[number]) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def address(page: str, number: int) -> str:
    """Return a page's address; ``number`` chooses the account."""
    found = {
        "overview": "/",
        "accounts": "/accounts/",
        "accounts, search and two filters": FILTERED,
        "account": f"/accounts/{_data.key(number)}/",
        "use cases": "/use-cases/",
        "updates": "/updates/",
    }
    return found[page]


def ask(port: int, path: str) -> tuple[float, int]:
    """Return the seconds until the whole page was there, and its status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started = time.perf_counter()
    try:
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        return time.perf_counter() - started, answer.status
    except OSError:
        return time.perf_counter() - started, 0
    finally:
        connection.close()


def _open_connections(port: int, accounts: int) -> None:
    """Let both processes open their connections."""
    visit(port, accounts, 16, 3, thinks=False)


def _each_page(port: int, bare: float, seconds: float) -> list[float]:
    found = []
    for page in MIX:
        ask(port, address(page, 42))
        took: list[float] = []
        watch = Stopwatch(seconds / len(MIX))
        while not took or (watch.left > 0 and len(took) < 30):
            took.append(ask(port, address(page, 42))[0])
        found.append(statistics.median(took) / bare)
    return found


if __name__ == "__main__":
    main()
