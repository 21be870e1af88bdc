"""Measure history, pages of the past, and live changes: their statements and time.

    make bench    or    python -m bench.time_machine [--accounts N] [--edits N] [--rounds N]

The first table compares pages with the same pages as of a moment before the edits, and adds the
pages of history. The second keeps pages open that ask for others' changes while somebody edits.
Statements are counted in the warehouse's own log. Times are medians in milliseconds. The first
page as of a new moment costs one more statement per table.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._setup import PERSON, Control, application
from .pages import load, measure

if TYPE_CHECKING:
    from crm.warehouse import Warehouse

SECONDS = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=300)
    options.add_argument("--edits", type=int, default=200)
    options.add_argument("--rounds", type=int, default=10)
    given = options.parse_args()
    with application() as (_, control):
        run(control, given)


def run(control: Control, given: argparse.Namespace) -> None:
    from crm.identity.warehouses import for_person
    from crm.repository import versions

    warehouse = for_person(PERSON)
    load(given.accounts)
    commits = versions.load(warehouse).commits.values()
    moment = max(each[-1].moment for each in commits)
    for n in range(given.edits):
        edit(warehouse, n, given.accounts)
    print(f"{given.accounts} accounts, {given.edits} edits; medians of {given.rounds}")
    # Each page reads the versions of so recent a moment again (crm/repository/versions.py).
    time.sleep(versions.CLOCKS_DIFFER.total_seconds())
    pages_then_and_now(control, moment, given.rounds)
    open_pages(control, warehouse, given.accounts)


def pages_then_and_now(control: Control, moment: dt.datetime, rounds: int) -> None:
    from crm.model.as_of_address import address

    print(f"{'page':<32}{'statements':>11}{'ms':>8}{'kB':>6}")
    for name, path in {
        "accounts": "/accounts/",
        "accounts, as of": address(moment, "/accounts/"),
        "one account": "/accounts/B00001/",
        "one account, as of": address(moment, "/accounts/B00001/"),
        "its history": "/accounts/B00001/history/",
        "activity": "/activity/",
        "activity of one person": "/activity/?person=bench@localhost",
        "what changed since": address(moment, "/since/"),
    }.items():
        took, count, size = measure(path, rounds, control)
        print(f"{name:<32}{count:>11}{took:>8.0f}{size:>6.0f}")


def open_pages(control: Control, warehouse: Warehouse, accounts: int) -> None:
    from django.conf import settings

    print(f"\nopen for {SECONDS} s, asking every {settings.EDIP_LIVE_SECONDS} s at most")
    print(f"{'pages':<8}{'asked':>8}{'statements':>12}{'others edit':>13}{'changes each':>14}")
    keep_open(1, lambda n: None, 0)  # receives the changes made before
    for pages in (1, 10, 50):
        for edits in (0, 3):
            before = control.last()
            asked, heard = keep_open(pages, lambda n: edit(warehouse, n, accounts), edits)
            done = control.statements(before)
            reads = [each for each in done if "table_changes" in each["text"]]
            print(f"{pages:<8}{asked:>8}{len(reads):>12}{edits:>13}{heard / pages:>14.1f}")


def keep_open(pages: int, edit: Callable[[int], None], edits: int) -> tuple[int, int]:
    """Return how often all pages asked, and how many changes they received."""
    from django.test import Client

    asked, heard, ends = [0] * pages, [0] * pages, time.monotonic() + SECONDS

    def page(place: int) -> None:
        client = Client()
        seen = client.get("/live/").json()["cursor"]
        while time.monotonic() < ends:
            time.sleep(2)
            answer = client.get(f"/live/?cursor={seen}")
            asked[place] += 1
            if answer.status_code == 200:
                seen = answer.json()["cursor"]
                heard[place] += len(answer.json()["changes"])

    threads = [threading.Thread(target=page, args=[place]) for place in range(pages)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    for n in range(edits):
        edit(n)
        time.sleep(1)
    for thread in threads:
        thread.join()
    return sum(asked), sum(heard)


def edit(warehouse: Warehouse, n: int, accounts: int) -> None:
    from crm.repository.records import accounts as repository

    key = f"B{random.Random(n).randrange(accounts):05d}"
    account = repository.get(warehouse, key)
    assert account, key
    repository.update(warehouse, key, {"vp": f"VP {n} {time.monotonic()}"}, account.updated_at)


if __name__ == "__main__":
    main()
