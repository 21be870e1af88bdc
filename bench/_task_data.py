"""The accounts of a team of twenty, with which daily tasks are done."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ._setup import PERSON

ACCOUNTS, TO_HAND_OVER, STUCK = 308, 56, 6
# A team with two accounts, which are of one business area.
TWICE = {301: "Claims & Fraud", 307: "Fraud and Claims Dept."}
LEAVING, AREA = "Rita Gomez", "Finance"


def load() -> None:
    """Insert the accounts of a team of twenty and their children."""
    from crm.identity.warehouses import for_person
    from crm.model.schema import ACCOUNTS as ACCOUNTS_TABLE
    from crm.model.schema import PLATFORMS_STATUS, UPDATES, USE_CASES
    from crm.repository.records import mine
    from crm.repository.transfer.insert_missing import insert_missing

    warehouse, now = for_person(PERSON), dt.datetime.now(dt.UTC)
    tables = (
        (ACCOUNTS_TABLE, _account, ACCOUNTS),
        (PLATFORMS_STATUS, _status, ACCOUNTS),
        (USE_CASES, _use_case, 3 * ACCOUNTS),
        (UPDATES, _update, 13 * ACCOUNTS),
    )
    for table, row, count in tables:
        insert_missing(warehouse, table, [row(number, now) for number in range(count)])
    mine.set_names(warehouse, PERSON, ["Partner 1"])


def _account(n: int, _: dt.datetime) -> dict[str, Any]:
    area = AREA if n % 6 == 0 else f"Area {n % 6}"
    partner = LEAVING if n < TO_HAND_OVER else f"Partner {n % 5}"
    own = {"business_area": area, "primary_it_partner": partner}
    return {"bsnid": f"B{n:03}", "team": TWICE.get(n, f"Team {n:03}"), "vp": f"VP {n % 7}"} | own


def _status(n: int, now: dt.datetime) -> dict[str, Any]:
    own = {"id": f"s{n}", "account_bsnid": f"B{n:03}", "platform": "Databricks"}
    status = "In Progress" if is_stuck(n) else "Completed"
    return own | {"status": status, "updated_at": now - dt.timedelta(days=200)}


def _use_case(n: int, _: dt.datetime) -> dict[str, Any]:
    own = {"id": f"c{n}", "account_bsnid": f"B{n % ACCOUNTS:03}", "problem": f"Problem {n}"}
    return own | {"status": "Active", "platform": "Databricks", "leader": f"Leader {n % 9}"}


def _update(n: int, now: dt.datetime) -> dict[str, Any]:
    own = {"id": f"u{n}", "account_bsnid": f"B{n % ACCOUNTS:03}", "author": PERSON}
    return own | {"description": f"Update {n}", "date": now.date() - dt.timedelta(days=n % 300)}


def is_stuck(number: int) -> bool:
    return number % 6 == 0 and number < 6 * STUCK
