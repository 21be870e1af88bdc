"""How far back the history reaches: retention, the change data feed, VACUUM, a moment."""

from __future__ import annotations

import datetime as dt
import time

from django.test import Client

from crm.model.as_of_address import address
from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..pages.html import HTMX, parsed, text
from .conftest import GetPage, summaries


def test_it_says_how_far_it_reaches(
    sample_history: None, get_page: GetPage, client: Client
) -> None:
    page = get_page("/activity/")
    assert "keeps changes for a limited time" in text(page, ".history-reach")
    part = client.get(page.select_one(".history-reach")["hx-get"], **HTMX)
    assert "Earlier changes may have happened" in part.content.decode()
    assert parsed(part).select_one("time")


def test_the_history_begins_with_the_change_feed(
    ana: Warehouse, client: Client, get_page: GetPage
) -> None:
    """The feed was switched off and on again: what came before is not in it."""
    accounts.create(ana, {"bsnid": "B1", "team": "Before"})
    table = ana.namespace.table(ACCOUNTS)
    for value in ("false", "true"):
        ana.execute(
            f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = '{value}')",
            repeatable=True,
        )
        if value == "false":
            accounts.create(ana, {"bsnid": "B2", "team": "Unseen"})
    time.sleep(0.05)
    on = dt.datetime.now(dt.UTC)
    accounts.update(ana, "B1", {"team": "After"}, accounts.get(ana, "B1").updated_at)
    page = get_page("/activity/")
    assert summaries(page) == ["Changed Team of the account After"]
    reach = parsed(client.get("/activity/reach/", **HTMX)).select_one("time")["datetime"]
    assert abs(dt.datetime.fromisoformat(reach) - on) < dt.timedelta(seconds=5)


def test_the_history_as_of_a_moment(
    sample_history: None, ana: Warehouse, get_page: GetPage
) -> None:
    then = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    accounts.update(ana, "B1", {"team": "Later"}, accounts.get(ana, "B1").updated_at)
    page = get_page(address(then, "/accounts/B1/history/"))
    assert len(summaries(page)) == 8
    assert not page.select("a[href*='put-back']")
    assert len(summaries(get_page("/accounts/B1/history/"))) == 9


def test_after_a_vacuum(
    sample_history: None, ana: Warehouse, get_page: GetPage, client: Client
) -> None:
    """The page says that it does not reach the deleted changes; later changes are shown."""
    then = dt.datetime.now(dt.UTC)
    table = ana.namespace.table(ACCOUNTS)
    ana.execute(
        f"ALTER TABLE {table} SET TBLPROPERTIES "
        "('delta.deletedFileRetentionDuration' = 'interval 0 hours')",
        repeatable=True,
    )
    accounts.update(ana, "B1", {"team": "Later"}, accounts.get(ana, "B1").updated_at)
    ana.execute(f"VACUUM {table}", repeatable=True)
    accounts.update(ana, "B1", {"team": "Latest"}, accounts.get(ana, "B1").updated_at)
    page = get_page("/accounts/B1/history/?table=accounts")
    assert summaries(page) == ["Changed Team of the account Latest"]
    past = client.get(address(then, "/accounts/B1/"))
    assert past.status_code == 404
    assert text(parsed(past), "main h1") == "The history does not go back that far"
    assert get_page("/accounts/B1/").h1.get_text() == "Latest"
