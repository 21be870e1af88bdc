"""Sample data: five invented teams that move to the platforms.

The CSV files in this folder have the rows, one file per table. Ids are computed from the rows'
contents, so that loading them twice adds nothing.
"""

from __future__ import annotations

import csv
import datetime as dt
import uuid
from pathlib import Path
from typing import Any

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.repository.records import platforms

Row = dict[str, Any]

_FOLDER = Path(__file__).parent
_IDS = uuid.UUID("b1e5f6b8-52a4-5b0a-8f0c-0e7a5f2d9c31")
_LOADED_BY = "sample.data@northwind.example"


def rows(today: dt.date) -> dict[Table, list[Row]]:
    """Return all sample rows by table, parents first, with dates counted back from ``today``."""
    return {
        ACCOUNTS: [
            row | _stamps(today, 95 - number, 5 + number * 7)
            for number, row in enumerate(_read(ACCOUNTS))
        ],
        PLATFORMS_STATUS: [
            row
            | {"id": platforms.new_id(row["account_bsnid"], row["platform"])}
            | _stamps(today, 90, 3 + number * 5)
            for number, row in enumerate(_read(PLATFORMS_STATUS))
        ],
        USE_CASES: [
            row
            | {"id": _id("use case", row["account_bsnid"], row["problem"])}
            | _stamps(today, 85 - number * 3, 2 + number * 4)
            for number, row in enumerate(_read(USE_CASES))
        ],
        UPDATES: [_update(today, row) for row in _read(UPDATES)],
    }


def _update(today: dt.date, row: Row) -> Row:
    days = int(row.pop("days_ago"))
    return (
        row
        | {"id": _id("update", row["account_bsnid"], row["description"])}
        | {"date": today - dt.timedelta(days=days)}
        | _stamps(today, days, days)
    )


def _read(table: Table) -> list[Row]:
    with (_FOLDER / f"{table.name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _id(*parts: str) -> str:
    return str(uuid.uuid5(_IDS, "\n".join(parts)))


def _stamps(today: dt.date, created: int, changed: int) -> Row:
    """Return audit columns of so many days ago, at midnight so that none is in the future."""
    midnight = dt.datetime.combine(today, dt.time(), dt.UTC)
    return {
        "created_at": midnight - dt.timedelta(days=created),
        "updated_at": midnight - dt.timedelta(days=min(created, changed)),
        "created_by": _LOADED_BY,
        "updated_by": _LOADED_BY,
    }
