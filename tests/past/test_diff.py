"""The differences between a moment and now, of one account and of all."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from django.test import Client

from crm.model.as_of_address import address, format_moment
from crm.repository.past import diff
from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse

from ..pages.html import texts
from .conftest import GetPage, summaries


def test_what_changed_since_a_moment(
    sample_history: None,
    ana: Warehouse,
    bob: Warehouse,
    get_page: GetPage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    then = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    accounts.update(ana, "B1", {"team": "Later"}, accounts.get(ana, "B1").updated_at)
    use_cases.create(ana, "B1", "u-2", {"problem": "New one"})
    accounts.create(ana, {"bsnid": "A/B", "team": "In no address"})
    accounts.delete(bob, "B2")
    page = get_page(f"/as-of/{format_moment(then)}/since/")
    assert texts(page, "h2") == ["Added since 2", "Changed since 1", "Deleted since 1"]
    assert summaries(page) == [
        "Created the account In no address",
        "Created the use case “New one”",
        "Changed Team of the account Later",
        "Deleted the account Other",
    ]
    for id, day in (("n-a", 2), ("n-b", 9), ("n-c", 5)):
        values = {"author": "Ana", "date": dt.date(2026, 3, day), "description": f"Day {day}"}
        updates.create(ana, "B1", id, values)
    assert summaries(get_page(f"/as-of/{format_moment(then)}/accounts/B1/since/")) == [
        "Created the use case “New one”",
        "Wrote the update “Day 9”",
        "Wrote the update “Day 5”",
        "Wrote the update “Day 2”",
        "Changed Team of the account Later",
    ]
    monkeypatch.setattr(diff, "SHOWN", 3)
    page = get_page(f"/as-of/{format_moment(then)}/since/")
    assert texts(page, "h2 .tally") == ["2 of the first 3", "1 of the first 3"]


def test_diff_of_an_account_that_never_existed(sample_history: None, client: Client) -> None:
    moment = dt.datetime.now(dt.UTC)
    assert client.get(address(moment, "/accounts/NOPE/since/")).status_code == 404
    assert (
        client.get("/accounts/B1/since/")["Location"] == "/as-of/?next=%2Faccounts%2FB1%2Fsince%2F"
    )
