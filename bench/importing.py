"""How fast rows come in: an import, beside one INSERT per row.

    make bench    or    python -m bench.importing [--rows N] [--singles N]

Both fill the same kind of table on the same local warehouse in one run; statements are
counted in the warehouse's own log. Single rows are measured on fewer of them.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from pathlib import Path

from .pages import ask


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000, help="updates, 1 %% of them bad")
    options.add_argument("--singles", type=int, default=100)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "EDIP_LOCAL_DATA": folder,
            "EDIP_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "edip.settings",
        }
        run(Path(folder), given.rows, given.singles)


def run(folder: Path, rows: int, singles: int) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    from crm.identity.warehouses import for_person
    from crm.warehouse import dispose_all

    call_command("create_tables", stdout=io.StringIO())
    control = json.loads((folder / "server.json").read_text())["control"]
    warehouse = for_person("bench@localhost")
    try:
        write_state(folder / "state.json", rows)
        print(f"{'way':<28}{'rows':>9}{'seconds':>9}{'rows/s':>9}{'statements':>12}")
        for name, count, work in (
            ("import_legacy", rows, lambda: bulk(warehouse, folder)),
            ("one INSERT per row", singles, lambda: one_by_one(warehouse, singles)),
        ):
            before = ask(control, "GET", "/statements")["last"]
            started = time.perf_counter()
            work()
            seconds = time.perf_counter() - started
            done = len(ask(control, "GET", f"/statements?after={before}")["statements"])
            print(f"{name:<28}{count:>9}{seconds:>9.1f}{count / seconds:>9.0f}{done:>12}")
    finally:
        dispose_all()
        ask(control, "POST", "/shutdown", {})


def write_state(path: Path, rows: int) -> None:
    accounts = {f"B{n}": {"team": f"Team {n}", "business_area": "Area"} for n in range(100)}
    updates = {
        f"u{n}": {
            "account_bsnid": f"B{n % 100}",
            "author": f"Author {n % 40}",
            "date": "not a date" if n % 100 == 0 else "2025-06-27",
            "description": f"Progress report {n}, about as long as people write them here",
        }
        for n in range(rows)
    }
    path.write_text(json.dumps({"accounts": accounts, "updates": updates}))


def bulk(warehouse, folder: Path) -> None:
    from crm.importing import importer
    from crm.importing.findings import Findings

    with Findings(folder / "report.csv") as findings:
        outcomes = importer.run(warehouse, folder / "state.json", importer.Options(), findings)
    assert all(outcome.verified for outcome in outcomes)


def one_by_one(warehouse, count: int) -> None:
    sql = f"""
    INSERT INTO {warehouse.namespace.quoted_schema}.updates
      (id, account_bsnid, author, date, description, created_at, updated_at)
    VALUES (:id, 'B1', 'Author', DATE'2025-06-27', :text, CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP())
    """
    for n in range(count):
        parameters = {"id": f"single-{n}", "text": f"Progress report {n}"}
        warehouse.execute(sql, parameters, repeatable=False)


if __name__ == "__main__":
    main()
