"""What needs attention: the numbers equal those of the lists, and of Python on the same rows."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.own_tables import OPERATIONS
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository.records import accounts, updates
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse
from tests.conftest import Statements

from .html import HTMX, parsed, text, texts

See = Callable[..., BeautifulSoup]
GROUPS = ("primary_it_partner", "vp", "business_area")
KINDS = (
    "No update for 60 days",
    "Never updated",
    "Requested for 14 days",
    "In Progress for 90 days",
    "No IT partner",
    "On hold without a reason",
    "Update dated in the future",
)
LIMITS = {"Requested": 14, "In Progress": 90}
Row = dict[str, Any]


class Model:
    """The rows as Python has them after random edits."""

    def __init__(self, chance: random.Random, today: dt.date) -> None:
        self.chance, self.today = chance, today
        self.noon = dt.datetime.combine(today, dt.time(12), dt.UTC)
        self.accounts: dict[str, Row] = {}
        self.statuses: dict[tuple[str, str], Row] = {}
        self.updates: dict[str, Row] = {}
        self.use_cases: dict[str, Row] = {}
        self.reasons: dict[str, str | None] = {}

    def edit(self, number: int) -> None:
        chance = self.chance
        if number < 60 or chance.random() < 0.1:
            self._set_account(chance.choice(range(80)))
        elif chance.random() < 0.5:
            self._set_status()
        elif chance.random() < 0.3:
            self._set_use_case()
        elif self.updates and chance.random() < 0.2:
            del self.updates[chance.choice(sorted(self.updates))]
        else:
            self._add_update(number)

    def _set_account(self, number: int) -> None:
        chance, key = self.chance, f"B{number:02}"
        row = {"bsnid": key, "team": chance.choice((f"Team {number}", None))}
        row |= {"vp": chance.choice(("Vera", 'V "x" & Söhne', None))}
        row |= {"primary_it_partner": chance.choice(("Ira", "Ivo", None, None))}
        row |= {"business_area": chance.choice(("Finance", "Retail, Food", None))}
        self.accounts[key] = row

    def _owner(self) -> str:
        return self.chance.choice([*sorted(self.accounts), "gone"])

    def _set_status(self) -> None:
        chance, owner = self.chance, self._owner()
        platform = chance.choice(("Databricks", "Snowflake"))
        status = chance.choice(("Requested", "In Progress", "Completed", None))
        row = {"id": f"{owner}{platform}", "account_bsnid": owner, "platform": platform}
        changed = self.noon - dt.timedelta(days=chance.choice((1, 13, 14, 15, 89, 90, 91, 200)))
        self.statuses[owner, platform] = row | {"status": status, "updated_at": changed}

    def _set_use_case(self) -> None:
        chance, key = self.chance, f"c{self.chance.randrange(40)}"
        row = {"id": key, "account_bsnid": self._owner(), "problem": "x"}
        self.use_cases[key] = row | {"status": chance.choice(("On Hold", "On Hold", "Active"))}
        self.reasons[key] = chance.choice((None, "", "Waits for the budget"))

    def _add_update(self, number: int) -> None:
        day = self.today + dt.timedelta(days=self.chance.choice((-300, -61, -60, -59, 0, 1, 9)))
        date = None if self.chance.random() < 0.05 else day
        row = {"id": f"u{number}", "account_bsnid": self._owner(), "date": date}
        self.updates[row["id"]] = row | {"description": "x"}

    def store(self, wh: Warehouse) -> None:
        insert_missing(wh, ACCOUNTS, list(self.accounts.values()))
        insert_missing(wh, PLATFORMS_STATUS, list(self.statuses.values()))
        insert_missing(wh, UPDATES, list(self.updates.values()))
        insert_missing(wh, USE_CASES, list(self.use_cases.values()))
        cases, notes = wh.namespace.table(USE_CASES), wh.namespace.table(OPERATIONS)
        # Each use case was written by an operation of its own.
        wh.execute(f"UPDATE {cases} SET change_id = id", repeatable=True)
        given = "EXPLODE(FROM_JSON(:rows, 'array<struct<id:string,note:string>>'))"
        sql = f"INSERT INTO {notes} (id, note) SELECT r.id, r.note FROM (SELECT {given} AS r) AS g"
        rows = [{"id": key, "note": note} for key, note in self.reasons.items()]
        wh.execute(sql, {"rows": json.dumps(rows)}, repeatable=True)

    def expected(self, by: str) -> dict[tuple[str, str], int]:
        """Return how many each group has of each kind."""
        found: Counter[tuple[str, str]] = Counter()
        for key, row in self.accounts.items():
            group = row[by] or ""
            owned = [u["date"] for u in self.updates.values() if u["account_bsnid"] == key]
            latest = max(filter(None, owned), default=None)
            if not owned:
                found[KINDS[1], group] += 1
            elif latest and latest < self.today - dt.timedelta(days=60):
                found[KINDS[0], group] += 1
            if not row["primary_it_partner"]:
                found[KINDS[4], group] += 1
            for status, days in LIMITS.items():
                limit = dt.datetime.combine(
                    self.today - dt.timedelta(days=days), dt.time(), dt.UTC
                )
                rows = [r for (owner, _), r in self.statuses.items() if owner == key]
                if any(r["status"] == status and r["updated_at"] < limit for r in rows):
                    found[f"{status} for {days} days", group] += 1
        for key, row in self.use_cases.items():
            if row["status"] == "On Hold" and not self.reasons[key]:
                owner = self.accounts.get(row["account_bsnid"], {})
                found[KINDS[5], owner.get(by) or ""] += 1
        for update in self.updates.values():
            if update["date"] and update["date"] > self.today:
                owner = self.accounts.get(update["account_bsnid"], {})
                found[KINDS[6], owner.get(by) or ""] += 1
        return dict(found)


def cells(page: BeautifulSoup) -> dict[tuple[str, str], tuple[int, str]]:
    """Return by kind and group the count and the address of its list."""
    kinds = texts(page, ".group-table thead th")[1:]
    found = {}
    for row in page.select(".group-table tbody tr"):
        group = row.select_one("th").get_text().replace("No value", "")
        for kind, cell in zip(kinds, row.select("td"), strict=True):
            if link := cell.select_one("a"):
                found[kind, group] = (int(link.get_text().split(": ")[1]), link["href"])
    return found


def count_of_list(client: Client, url: str) -> int:
    part = BeautifulSoup(client.get(url, **HTMX).content, "html.parser")
    found = part.select_one(".count").get_text().split("of ")[-1].split()[0]
    return 0 if found == "No" else int(found)


def test_attention_equals_an_oracle_after_500_random_edits(
    client: Client, get_page: See, warehouse: Warehouse, statements: Statements
) -> None:
    model = Model(random.Random(14), dt.datetime.now(dt.UTC).date())
    for number in range(500):
        model.edit(number)
    model.store(warehouse)
    links: dict[str, int] = {}
    for by in GROUPS:
        with statements() as done:
            page = get_page(f"/attention/?by={by}")
        assert len(done) == 1
        found = cells(page)
        assert {key: n for key, (n, _) in found.items()} == model.expected(by)
        sums = Counter[str]()
        for (kind, _), (n, url) in found.items():
            sums[kind] += n
            links[url] = n
        totals = page.select(".attention-figures a")
        assert texts(page, ".attention-figures a") == [f"{sums[kind]} {kind}" for kind in KINDS]
        links |= {link["href"]: int(link.b.get_text()) for link in totals}
    for url in random.Random(1).sample(sorted(links), 8):
        assert count_of_list(client, url) == links[url], url
    overview = get_page("/")
    assert texts(overview, ".attention-figures a") == texts(page, ".attention-figures a")


@pytest.mark.usefixtures("sample")
def test_each_row_acts_in_place(client: Client, get_page: See, sample: Warehouse) -> None:
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    accounts.create(sample, {"bsnid": "NEW", "team": "Newcomers", "vp": "Vera"})
    values = {"author": "A", "date": tomorrow, "description": "Planned"}
    updates.create(sample, "BSN001", "0f8fad5b-d9cb-469f-a165-70867728950e", values)
    page = get_page("/attention/?by=vp")
    assert text(page, "[aria-label='Group by'] [aria-current]") == "VP"
    by_kind = {
        " ".join(section.h2.find(string=True, recursive=False).split()): section
        for section in page.select("section:has(.attention-rows)")
    }
    never = by_kind["Never updated"]
    assert texts(never, ".attention-row .strong") == ["Newcomers"]
    action = urlsplit(never.select_one(".button")["href"])
    assert action.path == "/accounts/NEW/updates/new/"
    assert parse_qs(action.query) == {"next": ["/attention/?by=vp"]}
    partner = by_kind["No IT partner"].select_one(".button")["href"]
    assert partner.startswith("/accounts/NEW/edit/?field=primary_it_partner&")
    form = get_page(partner)
    assert [each["name"] for each in form.select("[autofocus]")] == ["primary_it_partner"]
    opened = parsed(client.get(partner, **HTMX, HTTP_HX_TARGET="dialog"))
    assert [each["name"] for each in opened.select("[autofocus]")] == ["primary_it_partner"]
    future = by_kind["Update dated in the future"].select_one(".button")["href"]
    assert future.startswith("/updates/0f8fad5b-d9cb-469f-a165-70867728950e/edit/")
    assert text(by_kind["Update dated in the future"], ".attention-what") == "Planned"
    assert not never.select(".attention-what")
    assert client.get(action.geturl()).status_code == 200


def test_nothing_needs_attention(get_page: See, warehouse: Warehouse) -> None:
    page = get_page("/attention/?by=nonsense")
    assert text(page, ".empty h2") == "Nothing needs attention"


def test_without_notes_no_use_case_is_said_to_lack_a_reason(
    get_page: See, warehouse: Warehouse
) -> None:
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": "A", "team": "A", "primary_it_partner": "I"}])
    held = {"id": "c", "account_bsnid": "A", "problem": "p", "status": "On Hold"}
    insert_missing(warehouse, USE_CASES, [held])
    for path in ("/attention/", "/"):
        page = get_page(path)
        assert "1 On hold without a reason" in texts(page, ".attention-figures a")
    page = get_page("/attention/")
    assert texts(page, ".attention-name:has(.attention-what)") == ["A p"]
    edit = next(
        each for each in page.select(".attention-row a.button") if "use-cases" in each["href"]
    )
    assert [each["name"] for each in get_page(edit["href"]).select("[autofocus]")] == ["reason"]
    warehouse.execute(f"DROP TABLE {warehouse.namespace.table(OPERATIONS)}", repeatable=True)
    for path in ("/attention/", "/"):
        assert texts(get_page(path), ".attention-figures a") == [
            "0 No update for 60 days",
            "1 Never updated",
            "0 Requested for 14 days",
            "0 In Progress for 90 days",
            "0 No IT partner",
            "0 Update dated in the future",
        ]
    assert len(get_page("/use-cases/").select("tbody tr")) == 1


@pytest.mark.usefixtures("sample")
def test_limits_are_settings(get_page: See, settings: Any) -> None:
    settings.EDIP_STALE_DAYS = 0
    settings.EDIP_STATUS_DAYS = {"Completed": 1}
    page = get_page("/attention/")
    assert [row.split(maxsplit=1)[1] for row in texts(page, ".attention-figures a")] == [
        "No update for 0 days",
        "Never updated",
        "Completed for 1 day",
        "No IT partner",
        "On hold without a reason",
        "Update dated in the future",
    ]


@pytest.mark.usefixtures("sample")
def test_the_overview_leads_to_the_updates_that_it_counts(client: Client, get_page: See) -> None:
    page = get_page("/")
    link = page.select(".figures a")[3]
    assert int(link.b.get_text()) == count_of_list(client, link["href"])
