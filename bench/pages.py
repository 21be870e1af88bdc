"""Measure each page: its statements, and its time on a near and on a far warehouse.

    make bench    or    python -m bench.pages [--accounts N] [--rounds N] [--latency S]

Each page is requested from the local warehouse as it is, and with ``--latency`` seconds added to
each statement, about as long as a real warehouse takes. Statements are counted in the warehouse's
own log. Times are medians in milliseconds.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import time
import uuid
from typing import Any

from crm.model import vocabulary

from ._setup import PERSON, Control, application

PAGES = {
    "overview": "/",
    "accounts": "/accounts/",
    "accounts, searched, filtered": (
        "/accounts/?q=team&platform=Databricks&status=Completed&sort=-use_cases"
    ),
    "accounts, last page": "/accounts/?page=9999",
    "one account": "/accounts/B00001/",
    "use cases": "/use-cases/?status=Active&sort=-updated_at",
    "updates": "/updates/?q=progress",
    "edit form": "/accounts/B00001/edit/",
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--latency", type=float, default=0.2, help="seconds per statement")
    given = options.parse_args()
    with application() as (_, control):
        run(control, given)


def run(control: Control, given: argparse.Namespace) -> None:
    rows = load(given.accounts)
    print(f"{', '.join(f'{n} {name}' for name, n in rows.items())}; medians of {given.rounds}")
    far = f"{given.latency * 1000:.0f} ms away"
    print(f"{'page':<32}{'statements':>11}{'near, ms':>10}{far:>14}{'kB':>6}")
    for name, path in PAGES.items():
        near, count, size = measure(path, given.rounds, control)
        control.ask("POST", "/faults", {"kind": "latency", "seconds": given.latency})
        slow, _, _ = measure(path, max(3, given.rounds // 3), control)
        control.ask("DELETE", "/faults")
        print(f"{name:<32}{count:>11}{near:>10.0f}{slow:>14.0f}{size:>6.0f}")


def measure(path: str, rounds: int, control: Control) -> tuple[float, int, float]:
    """Return median milliseconds, statements per page, and kB of HTML."""
    from django.test import Client

    client, times = Client(), []
    client.get(path)
    before = control.last()
    for _ in range(rounds):
        started = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, (path, answer.status_code)
    count = len(control.statements(before))
    return statistics.median(times), count // rounds, len(answer.content) / 1024


def load(accounts: int) -> dict[str, int]:
    """Insert random accounts with three platforms, two use cases and five updates each.

    Returns the number of rows by the table's plural.
    """
    from crm.identity.warehouses import for_person
    from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
    from crm.repository.transfer.insert_missing import insert_missing

    pick = random.Random(1)
    keys = [f"B{n:05d}" for n in range(accounts)]
    areas = [f"Area {n}" for n in range(12)]
    rows = {
        ACCOUNTS: [
            {"bsnid": key, "team": f"Team {key}", "business_area": pick.choice(areas)}
            for key in keys
        ],
        PLATFORMS_STATUS: [row for key in keys for row in _statuses(pick, key)],
        USE_CASES: [_use_case(pick, key, n) for key in keys for n in range(2)],
        UPDATES: [_update(pick, key, n) for key in keys for n in range(5)],
    }
    warehouse = for_person(PERSON)
    for table, content in rows.items():
        insert_missing(warehouse, table, content)
    return {table.plural: len(content) for table, content in rows.items()}


def _child(pick: random.Random, key: str, **values: object) -> dict[str, Any]:
    return {"id": str(uuid.UUID(int=pick.getrandbits(128))), "account_bsnid": key, **values}


def _statuses(pick: random.Random, key: str) -> list[dict[str, Any]]:
    words = vocabulary.ONBOARDING_STATUSES
    return [
        _child(pick, key, platform=platform, status=pick.choice(words))
        for platform in vocabulary.PLATFORMS
    ]


def _use_case(pick: random.Random, key: str, number: int) -> dict[str, Any]:
    return _child(
        pick,
        key,
        problem=f"Problem {number} of {key}",
        status=pick.choice(vocabulary.USE_CASE_STATUSES),
        enablement_tier=pick.choice(vocabulary.ENABLEMENT_TIERS),
        platform=pick.choice(vocabulary.PLATFORMS),
    )


def _update(pick: random.Random, key: str, number: int) -> dict[str, Any]:
    return _child(
        pick,
        key,
        author=f"Author {pick.randrange(40)}",
        date=dt.date.today() - dt.timedelta(days=pick.randrange(365)),
        platform=pick.choice(vocabulary.PLATFORMS),
        description=f"Progress report {number} about {key}",
    )


if __name__ == "__main__":
    main()
