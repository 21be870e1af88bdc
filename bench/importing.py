"""Measure how fast an import writes rows, compared with one INSERT per row.

    python -m bench.importing [--rows N] [--singles N]

Both write to the same kind of table on the same local warehouse in one run; statements are
counted in the warehouse's own log. Single rows are measured on fewer rows.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ._report import Table, show
from ._setup import PERSON, Control, application, in_own_process

if TYPE_CHECKING:
    from crm.warehouse import Warehouse


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=20_000, help="updates, 1 %% of them bad")
    options.add_argument("--singles", type=int, default=100)
    given = options.parse_args()
    show(tables(given.rows, given.singles))


def tables(rows: int, singles: int) -> list[Table]:
    return [in_own_process(measure_all, rows, singles)]


def measure_all(rows: int, singles: int) -> Table:
    with application() as (folder, control):
        return _measured(folder, control, rows, singles)


def _measured(folder: Path, control: Control, rows: int, singles: int) -> Table:
    from crm.identity.warehouses import for_person

    warehouse = for_person(PERSON)
    write_state(folder / "state.json", rows)
    table = Table(
        "importing",
        f"{rows:,} rows of the earlier app's JSON, 1 % of them bad.",
        ["way", "rows", "seconds", "rows per second", "statements"],
    )
    ways: list[tuple[str, int, Callable[[], None]]] = [
        ("import_legacy", rows, lambda: bulk(warehouse, folder)),
        ("one INSERT per row", singles, lambda: one_by_one(warehouse, singles)),
    ]
    for name, count, work in ways:
        before = control.last()
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        done = len(control.statements(before))
        table.rows.append([name, count, seconds, count / seconds, done])
    return table


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
