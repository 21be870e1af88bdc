"""Rows that break the rules which Unity Catalog does not enforce."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.warehouse import Warehouse

OLD = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NEW = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
DAY = dt.date(2026, 1, 1)
# The first one and the last two are valid links; the others are not.
LINKS = "https://ok\nhttps://\nhttps://ok@evil\nhttps://ok/\u3164x"
LINKS += "\nhttps://ok:8443/a@b?c#d\nhttp://[::1]:80/"


def insert(wh: Warehouse, table: Table, *rows: dict[str, Any], **values: Any) -> None:
    """Insert rows by one statement, as somebody could in a SQL editor, with or without keys.

    ``values`` are those of all rows, or of one row if there are no ``rows``.
    """
    times = {"created_at": OLD, "updated_at": OLD}
    whole = [times | values | row for row in rows or ({},)]
    names = [n for n in table.names if any(row.get(n) is not None for row in whole)]
    params = {
        f"{name}_{n}": row[name]
        for n, row in enumerate(whole)
        for name in names
        if row.get(name) is not None
    }
    markers = (
        ", ".join(f":{name}_{n}" if f"{name}_{n}" in params else "NULL" for name in names)
        for n in range(len(whole))
    )
    lines = ", ".join(f"({line})" for line in markers)
    wh.execute(
        f"INSERT INTO {wh.namespace.table(table)} ({', '.join(names)}) VALUES {lines}",
        params,
        repeatable=False,
    )


@pytest.fixture
def broken(sample: Warehouse) -> Warehouse:
    break_rules(sample)
    return sample


def break_rules(wh: Warehouse) -> None:
    """Insert one or more rows for each check."""
    insert(
        wh,
        ACCOUNTS,
        {"bsnid": "TWICE", "team": "Old", "vp": "V"},
        {"bsnid": "TWICE", "team": "New", "updated_at": NEW},
        *[{"bsnid": "SAME", "team": "Same"}] * 3,
        {"bsnid": "LINK", "team": "L", "azure_devops_link": LINKS},
        {"bsnid": "link", "team": "L"},
        business_area="Finance",
    )
    insert(
        wh,
        PLATFORMS_STATUS,
        {"id": "s1", "status": "Requested"},
        {"id": "s2", "status": "Completed", "updated_at": NEW},
        account_bsnid="TWICE",
        platform="Snowflake",
    )
    insert(
        wh,
        USE_CASES,
        {"id": "o1", "account_bsnid": "GONE", "problem": "P", "status": "Active"},
        {"id": "o2", "account_bsnid": "no/address", "problem": "P", "status": "Active"},
        {"id": "e1", "status": "Active"},
        {"id": "w1", "problem": "P", "status": " on hold"},
        {"id": "w2", "problem": "P", "status": "Paused"},
        account_bsnid="BSN001",
    )
    insert(
        wh,
        UPDATES,
        {"id": "t1", "created_at": NEW, "updated_at": OLD},
        {"id": ""},
        account_bsnid="BSN001",
        author="A",
        date=DAY,
        description="D",
    )
