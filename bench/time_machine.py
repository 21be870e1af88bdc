"""What history, the past and live changes cost: warehouse statements, and time.

    make bench    or    python -m bench.time_machine [--accounts N] [--edits N] [--rounds N]

The first table puts pages of now beside the same ones as of a moment before the edits, and the
pages of history beside them. The second keeps pages open that ask for others' changes while
somebody edits. Statements are counted in the warehouse's own log. Medians in milliseconds. The
first page as of a moment that nobody has asked for yet costs one more statement per table.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import tempfile
import threading
import time
from pathlib import Path

from .pages import ask, load, measure

SECONDS = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=300)
    options.add_argument("--edits", type=int, default=200)
    options.add_argument("--rounds", type=int, default=10)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "EDIP_LOCAL_DATA": folder,
            "EDIP_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "edip.settings",
        }
        run(Path(folder), given)


def run(folder: Path, given: argparse.Namespace) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    from crm.identity.warehouses import for_person
    from crm.repository import versions
    from crm.warehouse import dispose_all

    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("create_tables", stdout=io.StringIO())
    control = json.loads((folder / "server.json").read_text())["control"]
    warehouse = for_person("bench@localhost")
    try:
        load(given.accounts)
        commits = versions.load(warehouse).commits.values()
        moment = max(each[-1].moment for each in commits)
        for n in range(given.edits):
            edit(warehouse, n, given.accounts)
        print(f"{given.accounts} accounts, {given.edits} edits; medians of {given.rounds}")
        # The versions of a moment so young are asked for again at each page (timeline.py).
        time.sleep(versions.CLOCKS_DIFFER.total_seconds())
        pages_then_and_now(control, moment, given.rounds)
        open_pages(control, warehouse, given.accounts)
    finally:
        dispose_all()
        ask(control, "POST", "/shutdown", {})


def pages_then_and_now(control: str, moment, rounds: int) -> None:
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


def open_pages(control: str, warehouse, accounts: int) -> None:
    from django.conf import settings

    print(f"\nopen for {SECONDS} s, asked for every {settings.EDIP_LIVE_SECONDS} s at most")
    print(f"{'pages':<8}{'asked':>8}{'statements':>12}{'others edit':>13}{'heard, each':>13}")
    keep_open(1, lambda n: None, 0)  # hears of what was loaded and edited before
    for pages in (1, 10, 50):
        for edits in (0, 3):
            before = ask(control, "GET", "/statements")["last"]
            asked, heard = keep_open(pages, lambda n: edit(warehouse, n, accounts), edits)
            done = ask(control, "GET", f"/statements?after={before}")["statements"]
            reads = [each for each in done if "table_changes" in each["text"]]
            print(f"{pages:<8}{asked:>8}{len(reads):>12}{edits:>13}{heard / pages:>13.1f}")


def keep_open(pages: int, edit, edits: int) -> tuple[int, int]:
    """How often the pages asked, and how many changes they heard of, all together."""
    from django.test import Client

    asked, heard, ends = [0] * pages, [0] * pages, time.monotonic() + SECONDS

    def page(place: int) -> None:
        client = Client()
        seen = client.get("/live/").json()["seen"]
        while time.monotonic() < ends:
            time.sleep(2)
            answer = client.get(f"/live/?seen={seen}")
            asked[place] += 1
            if answer.status_code == 200:
                seen = answer.json()["seen"]
                heard[place] += len(answer.json()["news"])

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


def edit(warehouse, n: int, accounts: int) -> None:
    from crm.repository.records import accounts as repository

    key = f"B{random.Random(n).randrange(accounts):05d}"
    seen = repository.get(warehouse, key).updated_at
    repository.update(warehouse, key, {"vp": f"VP {n} {time.monotonic()}"}, seen)


if __name__ == "__main__":
    main()
