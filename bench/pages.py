"""What each page costs: warehouse statements, and time, on a near and on a far warehouse.

    make bench    or    python -m bench.pages [--accounts N] [--rounds N] [--latency S]

Every page is asked for in turn on the local warehouse as it is, and with each statement made
``--latency`` seconds slower, as a real warehouse is. Statements are counted in the
warehouse's own statement log. Medians in milliseconds.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import json
import os
import random
import statistics
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

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
    from crm.warehouse import dispose_all

    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("create_tables", stdout=io.StringIO())
    rows = load(given.accounts)
    control = json.loads((folder / "server.json").read_text())["control"]
    print(f"{', '.join(f'{n} {name}' for name, n in rows.items())}; medians of {given.rounds}")
    far = f"{given.latency * 1000:.0f} ms away"
    print(f"{'page':<32}{'statements':>11}{'near, ms':>10}{far:>14}{'kB':>6}")
    try:
        for name, path in PAGES.items():
            near, count, size = measure(path, given.rounds, control)
            ask(control, "POST", "/faults", {"kind": "latency", "seconds": given.latency})
            slow, _, _ = measure(path, max(3, given.rounds // 3), control)
            ask(control, "DELETE", "/faults")
            print(f"{name:<32}{count:>11}{near:>10.0f}{slow:>14.0f}{size:>6.0f}")
    finally:
        dispose_all()
        ask(control, "POST", "/shutdown", {})


def measure(path: str, rounds: int, control: str) -> tuple[float, int, float]:
    """Median ms, statements per page, kB of HTML."""
    from django.test import Client

    client, times = Client(), []
    client.get(path)
    before = ask(control, "GET", "/statements")["last"]
    for _ in range(rounds):
        started = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, (path, answer.status_code)
    count = len(ask(control, "GET", f"/statements?after={before}")["statements"])
    return statistics.median(times), count // rounds, len(answer.content) / 1024


def load(accounts: int) -> dict[str, int]:
    """Random accounts with three platforms, two use cases and five updates each."""
    from crm.identity.warehouses import for_person
    from crm.model import vocabulary
    from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
    from crm.repository.transfer import insert_missing

    pick, today = random.Random(1), dt.date.today()
    keys = [f"B{n:05d}" for n in range(accounts)]
    areas = [f"Area {n}" for n in range(12)]

    def child(key: str, **values: object) -> dict:
        return {"id": str(uuid.UUID(int=pick.getrandbits(128))), "account_bsnid": key, **values}

    rows = {
        ACCOUNTS: [
            {"bsnid": key, "team": f"Team {key}", "business_area": pick.choice(areas)}
            for key in keys
        ],
        PLATFORMS_STATUS: [
            child(key, platform=platform, status=pick.choice(vocabulary.ONBOARDING_STATUSES))
            for key in keys
            for platform in vocabulary.PLATFORMS
        ],
        USE_CASES: [
            child(
                key,
                problem=f"Problem {n} of {key}",
                status=pick.choice(vocabulary.USE_CASE_STATUSES),
                enablement_tier=pick.choice(vocabulary.ENABLEMENT_TIERS),
                platform=pick.choice(vocabulary.PLATFORMS),
            )
            for key in keys
            for n in range(2)
        ],
        UPDATES: [
            child(
                key,
                author=f"Author {pick.randrange(40)}",
                date=today - dt.timedelta(days=pick.randrange(365)),
                platform=pick.choice(vocabulary.PLATFORMS),
                description=f"Progress report {n} about {key}",
            )
            for key in keys
            for n in range(5)
        ],
    }
    warehouse = for_person("bench@localhost")
    for table, content in rows.items():
        insert_missing.insert_missing(warehouse, table, content)
    return {table.plural: len(content) for table, content in rows.items()}


def ask(control: str, method: str, path: str, body: dict | None = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(control + path, data, method=method), timeout=10
    ) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
