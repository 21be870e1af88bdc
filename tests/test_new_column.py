"""A column that is added to crm/model/schema.py, and nowhere else, works everywhere."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse

from .conftest import BASE_DIR, LocalWarehouse


def test_a_column_added_to_the_schema_works_from_form_to_warehouse_and_back(
    warehouse: Warehouse, server: LocalWarehouse, tmp_path: Path
) -> None:
    accounts.create(warehouse, {"bsnid": "BSN1", "team": "Claims", "business_area": "A"})
    use_cases.create(warehouse, "BSN1", "u1", {"problem": "P", "status": "Active"})
    values = {"author": "A", "date": dt.date(2026, 1, 1), "description": "D"}
    updates.create(warehouse, "BSN1", "d1", values)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.new_column"),
            *(server.url, warehouse.namespace.schema, str(tmp_path)),
        ],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr + done.stdout
