"""Measure the cost of open pages, which ask for others' changes while somebody edits.

    python -m bench.live [--accounts N] [--pages N,…] [--seconds S]

Statements are counted in the warehouse's own log: the pages of one process share them.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from . import _data
from ._report import Table, show
from ._setup import PERSON, application, in_own_process
from .growth import edit
from .pages import sizes

PAGES = (1, 10, 50)
EDITS = 3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=20)
    options.add_argument("--pages", type=sizes, default=PAGES)
    options.add_argument("--seconds", type=float, default=10)
    given = options.parse_args()
    show(tables(given.accounts, given.pages, given.seconds))


def tables(accounts: int, pages: Sequence[int], seconds: float) -> list[Table]:
    return [in_own_process(measure_all, accounts, pages, seconds)]


def measure_all(accounts: int, pages: Sequence[int], seconds: float) -> Table:
    from crm.identity.warehouses import for_person

    with application() as (_, control):
        from django.conf import settings

        table = Table(
            "live",
            f"Pages open for {seconds:g} s in one process, which asks the warehouse every "
            f"{settings.EDIP_LIVE_SECONDS:g} s at most.",
            [
                "open pages",
                "others' edits",
                "questions of pages",
                "statements",
                "changes per page",
            ],
        )
        warehouse = for_person(PERSON)
        _data.load(warehouse, accounts)
        keep_open(1, lambda n: None, 0, 6)  # receives the changes made before
        for count in pages:
            for edits in (0, EDITS):
                before = control.last()
                rename = partial(edit, warehouse, accounts=accounts, name=f"VP of {count}")
                asked, heard = keep_open(count, rename, edits, seconds)
                done = control.statements(before)
                reads = [each for each in done if "table_changes" in each["text"]]
                table.rows.append([count, edits, asked, len(reads), heard / count])
    return table


def keep_open(
    pages: int, edit: Callable[[int], None], edits: int, seconds: float
) -> tuple[int, int]:
    """Return how often all pages asked, and how many changes they received."""
    from django.test import Client

    asked, heard, ends = [0] * pages, [0] * pages, time.monotonic() + seconds

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


if __name__ == "__main__":
    main()
