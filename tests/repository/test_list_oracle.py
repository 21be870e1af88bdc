"""Lists of accounts with random filters: Python finds the same rows."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from crm.model.records import NEVER as NO_UPDATE
from crm.model.records import AccountRow, Listing, Page
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository.records import _list_query, accounts, updates
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

PLATFORMS, STATUSES = ("Databricks", "Snowflake", "Fabric"), ("Not Started", "Completed", "Trial")
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
Row = dict[str, Any]


def generate(chance: random.Random) -> dict[str, list[Row]]:
    keys = [f"B{number:02}" for number in range(30)]
    texts = (None, "x", "X y", "z")
    rows = [
        {"bsnid": k, "team": chance.choice(texts), "vp": chance.choice(texts)}
        | {"business_area": chance.choice(texts)}
        | {"updated_at": NEVER + dt.timedelta(days=chance.randrange(60))}
        for k in keys
    ]
    statuses = []
    for number in range(60):
        # Also rows of no account, without words, and several for one account and platform.
        status = chance.choice((*STATUSES, None))
        changed = NEVER + dt.timedelta(days=number + 1) if chance.random() < 0.9 else None
        owner, platform = chance.choice([*keys, "gone"]), chance.choice((*PLATFORMS[:2], None))
        statuses.append({"id": str(number), "account_bsnid": owner, "platform": platform})
        statuses[-1] |= {"status": status, "updated_at": changed}
    statuses = [row for row in statuses if row["updated_at"] or row["platform"] is None]
    statuses.append({"id": "o", "account_bsnid": "gone", "platform": "Fabric", "status": "Trial"})
    return {
        "accounts": rows,
        "statuses": statuses,
        "use_cases": [{"id": f"{n}", "account_bsnid": chance.choice(keys)} for n in range(40)],
        "updates": [
            {"id": f"{n}", "account_bsnid": chance.choice(keys)}
            | {"date": dt.date(2026, 1, 1) + dt.timedelta(days=n)}
            for n in range(40)
        ],
    }


class Oracle:
    def __init__(self, data: dict[str, list[Row]]) -> None:
        self.data = data
        self.recorded: dict[str, dict[str, str]] = {}
        self.since: dict[tuple[str, str], dt.datetime] = {}
        for row in sorted(data["statuses"], key=lambda row: row.get("updated_at") or NEVER):
            if row["platform"]:
                owned = self.recorded.setdefault(row["account_bsnid"], {})
                owned[row["platform"]] = row["status"] or "Not Started"
                self.since[row["account_bsnid"], row["platform"]] = row.get("updated_at") or LATER
        self.used = {platform for owned in self.recorded.values() for platform in owned}

    def pairs(self, row: Row, listing: Listing, without: str = "") -> list[tuple[str, str]]:
        """Return the account's platforms with their status that pass both filters."""
        wanted = {name: () if name == without else v for name, v in listing.filters.items()}
        platforms, statuses = wanted.get("platform", ()), wanted.get("status", ())
        owned = self.recorded.get(row["bsnid"], {})
        return [
            (platform, owned.get(platform, "Not Started"))
            for platform in self.used
            if not platforms or platform in platforms
            if owned.get(platform, "Not Started") in statuses or not statuses
            if platform in owned or statuses or without == "status"
            if self.is_before(row["bsnid"], platform, listing.dates.get("in-status-since"))
        ]

    def is_before(self, bsnid: str, platform: str, limit: dt.date | None) -> bool:
        return limit is None or self.since.get((bsnid, platform), LATER) < limit

    def fits(self, row: Row, name: str, limit: dt.date) -> bool:
        """Return whether the account passes a date filter."""
        if name.startswith("changed"):
            return (row["updated_at"] < limit) == (name == "changed-before")
        owned = [r["date"] for r in self.data["updates"] if r["account_bsnid"] == row["bsnid"]]
        if name == "not-updated-since":
            return not owned if limit == NO_UPDATE else all(day < limit for day in owned)
        return bool(owned) and (max(owned) < limit) == (name == "updated-before")

    def passes(self, row: Row, listing: Listing, without: str = "") -> bool:
        filters = {k: v for k, v in listing.filters.items() if v and k != without}
        words = " ".join(str(row[name] or "") for name in ("bsnid", "team", "business_area", "vp"))
        dates = dict(listing.dates)
        joint = filters.keys() & {"platform", "status"} or dates.pop("in-status-since", None)
        dates.pop("in-status-since", None)
        joint = joint and without not in ("platform", "status")
        return (
            listing.q.lower() in words.lower()
            and all((row[k] or "") in v for k, v in filters.items() if k in row)
            and all(self.fits(row, name, limit) for name, limit in dates.items())
            and (not joint or bool(self.pairs(row, listing)))
        )

    def facet(self, name: str, listing: Listing) -> dict[str, int]:
        found: Counter[str] = Counter()
        for row in self.data["accounts"]:
            if not self.passes(row, listing, without=name):
                continue
            if name in row:
                found[row[name] or ""] += 1
            else:
                place = ("platform", "status").index(name)
                found.update({pair[place] for pair in self.pairs(row, listing, without=name)})
        return dict(found)

    def compare(self, wh: Warehouse, listing: Listing, names: tuple[str, ...]) -> None:
        page: Page[AccountRow] = accounts.search(wh, listing)
        expected = [row["bsnid"] for row in self.data["accounts"] if self.passes(row, listing)]
        assert page.total == len(expected), listing
        assert sorted(row.account.bsnid for row in page.rows) == expected, listing
        for name in names:
            found = accounts.facet(wh, listing, name, "", 100)
            counts = {facet.value: facet.count for facet in found.values}
            assert counts == self.facet(name, listing), (name, listing)
            assert found.total == page.total, (name, listing)
        for row in page.rows:
            key = row.account.bsnid
            owned = {n: [r for r in self.data[n] if r["account_bsnid"] == key] for n in CHILDREN}
            assert row.statuses == self.recorded.get(key, {})
            assert row.use_case_count == len(owned["use_cases"])
            assert row.update_count == len(owned["updates"])
            assert row.last_update == max((r["date"] for r in owned["updates"]), default=None)


CHILDREN = ("use_cases", "updates")


def a_date(chance: random.Random) -> dict[str, dt.date]:
    """Return one date filter, or several."""
    day = dt.date(2026, 1, 1) + dt.timedelta(days=chance.randrange(40))
    moment = NEVER + dt.timedelta(days=chance.randrange(60))
    return chance.choice(
        (
            {},
            {"not-updated-since": day},
            {"not-updated-since": NO_UPDATE, "changed-before": moment},
            {"updated-since": dt.date(2026, 1, 20), "updated-before": day},
            {"in-status-since": moment},
            {"in-status-since": moment, "changed-since": NEVER + dt.timedelta(days=9)},
        )
    )


def test_accounts_with_random_filters(warehouse: Warehouse) -> None:
    chance = random.Random(13)
    data = generate(chance)
    insert_missing(warehouse, ACCOUNTS, data["accounts"])
    insert_missing(warehouse, PLATFORMS_STATUS, data["statuses"])
    insert_missing(warehouse, USE_CASES, data["use_cases"])
    insert_missing(warehouse, UPDATES, data["updates"])
    oracle = Oracle(data)
    fixed = {"platform": ("Databricks",), "status": ("Not Started",)}
    listings = [Listing(filters=fixed, size=50)]
    for _ in range(8):
        filters = {
            "vp": tuple(chance.sample(("", "x", "z"), chance.choice((0, 0, 1, 2)))),
            "business_area": tuple(chance.sample(("", "x"), chance.choice((0, 0, 1)))),
            "platform": tuple(chance.sample(PLATFORMS, chance.choice((0, 0, 1, 2)))),
            "status": tuple(chance.sample(STATUSES, chance.choice((0, 0, 1, 2)))),
        }
        q = chance.choice(("", "", "x"))
        listings.append(Listing(q=q, filters=filters, dates=a_date(chance), size=50))
    listings += [Listing(dates=a_date(chance), size=50) for _ in range(6)]
    facets = [("business_area", "platform"), ("vp", "status")]
    for number, listing in enumerate(listings):
        oracle.compare(warehouse, listing, facets[number % 2])


@pytest.mark.parametrize(
    ("rows", "sort"),
    [
        (accounts, ("team",)),
        (accounts, ("vp", "-last_update", "business_area")),
        (updates, ("-date",)),
        (updates, ("team", "-date")),
    ],
)
def test_pages_far_from_the_first_row_continue_the_list(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, rows: Any, sort: tuple[str, ...]
) -> None:
    """With equal values, NULL, and times of writing that are equal."""
    chance = random.Random(17)
    data = generate(chance)
    for row in data["updates"]:
        row["date"] = chance.choice((None, dt.date(2026, 1, 1), dt.date(2026, 1, 2)))
        row["created_at"] = chance.choice((None, NEVER, NEVER + dt.timedelta(days=1)))
    insert_missing(warehouse, ACCOUNTS, data["accounts"])
    insert_missing(warehouse, UPDATES, data["updates"])
    filters = {"business_area": ("", "x", "z")}
    asked = Listing(filters=filters, sort=sort[0], then=sort[1:], size=100)
    whole = rows.search(warehouse, asked).rows
    monkeypatch.setattr(_list_query, "FAR", 0)
    size = len(whole) // 3 + 1
    pages = [
        rows.search(warehouse, replace(asked, size=size, page=page)).rows for page in (1, 2, 3)
    ]
    assert [row for page in pages for row in page] == list(whole)
    assert len({repr(row) for row in whole}) == len(whole) > size
