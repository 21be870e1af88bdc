"""Measure how fast an import writes rows, compared with one INSERT per row.

    make bench    or    python -m bench.importing [--rows N] [--singles N]

Both write to the same kind of table on the same local warehouse in one run; statements are
counted in the warehouse's own log. Single rows are measured on fewer rows.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ._setup import PERSON, Control, application

if TYPE_CHECKING:
    from crm.warehouse import Warehouse


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000, help="updates, 1 %% of them bad")
    options.add_argument("--singles", type=int, default=100)
    given = options.parse_args()
    with application() as (folder, control):
        run(folder, control, given.rows, given.singles)


def run(folder: Path, control: Control, rows: int, singles: int) -> None:
    from crm.identity.warehouses import for_person

    warehouse = for_person(PERSON)
    write_state(folder / "state.json", rows)
    print(f"{'way':<28}{'rows':>9}{'seconds':>9}{'rows/s':>9}{'statements':>12}")
    for name, count, work in (
        ("import_legacy", rows, lambda: bulk(warehouse, folder)),
        ("one INSERT per row", singles, lambda: one_by_one(warehouse, singles)),
    ):
        before = control.last()
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        done = len(control.statements(before))
        print(f"{name:<28}{count:>9}{seconds:>9.1f}{count / seconds:>9.0f}{done:>12}")


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


def bulk(warehouse: Warehouse, folder: Path) -> None:
    from crm.importing import importer
    from crm.importing.findings import Findings

    with Findings(folder / "report.csv") as findings:
        outcomes = importer.run(warehouse, folder / "state.json", importer.Options(), findings)
    assert all(outcome.verified for outcome in outcomes)


def one_by_one(warehouse: Warehouse, count: int) -> None:
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
