"""A column was renamed, and one with its old name was added: pages of the past tell the truth."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import pytest
from django.test import Client

from crm.model.as_of_address import format_moment
from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..contract.creating import words_of
from ..pages.html import parsed
from ..schemas import CONTENTS
from .conftest import ANA, GetPage, edit, summaries

PAGES = ("", "accounts/", "accounts/B1/history/", "activity/", "activity/reach/", "since/")
EMPTY_ONE = "VP —"


def now() -> str:
    """Return the address of the moment between all writes before and after this call."""
    time.sleep(0.02)
    moment = dt.datetime.now(dt.UTC)
    time.sleep(0.02)
    return f"/as-of/{format_moment(moment)}/"


# The addresses of three moments: before the renaming, before the new column, and after it.
_moments: list[str] = []


def write_and_rename(wh: Warehouse) -> None:
    """Ana writes an account and renames its column VP; then she adds one of this name."""
    ana = replace(wh, actor=ANA)
    accounts.create(ana, {"bsnid": "B1", "team": "Claims", "vp": "Vera"})
    edit(ana, "B1", vp="Walt")
    table, moments = ana.namespace.table(ACCOUNTS), [now()]
    mapping = "SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    ana.execute(f"ALTER TABLE {table} {mapping}", repeatable=True)
    for change in ("RENAME COLUMN vp TO vice", "ADD COLUMN vp STRING"):
        ana.execute(f"ALTER TABLE {table} {change}", repeatable=True)
        moments.append(now())
    edit(ana, "B1", vp="Ben")
    _moments[:] = moments


CONTENTS["moments_of_renaming"] = write_and_rename


@pytest.fixture
def moments_of_renaming(warehouse: Warehouse) -> list[str]:
    """The tables after ``write_and_rename``; the addresses of ``_moments``."""
    return _moments


def test_pages_of_the_past(
    moments_of_renaming: list[str], client: Client, get_page: GetPage
) -> None:
    moments = moments_of_renaming
    shown = [words_of(client.get(f"{moment}accounts/B1/")) for moment in moments]
    assert "VP Walt" in shown[0]
    assert [EMPTY_ONE in each for each in shown[1:]] == [True, True]
    for moment, before in zip(moments, ("Walt", "—", "—"), strict=True):
        for page in PAGES:
            assert client.get(moment + page).status_code == 200, page
        words = words_of(client.get(f"{moment}accounts/B1/since/"))
        assert f"VP was {before} now Ben" in words
        # What happened before the renaming cannot be read, but the account existed.
        history = get_page(f"{moment}accounts/B1/history/")
        assert summaries(history) == []
        assert "Claims" in history.select_one(".lead").get_text()
    assert client.get(f"{moments[0]}accounts/B2/history/").status_code == 404


def test_pages_of_today(moments_of_renaming: list[str], client: Client, get_page: GetPage) -> None:
    history = get_page("/accounts/B1/history/")
    assert summaries(history) == ["Changed VP of the account Claims"]
    link = history.select_one("a[href^='/put-back/']")["href"]
    assert "VP Now Ben Before —" in words_of(client.get(link))
    for version in range(8):
        answer = client.get(f"/put-back/accounts/B1/{version}/")
        assert answer.status_code in (200, 404), version


def test_an_account_whose_changes_are_not_kept_has_a_history(
    ana: Warehouse, moments_of_renaming: list[str], client: Client, get_page: GetPage
) -> None:
    sql = f"ALTER TABLE {ana.namespace.table(ACCOUNTS)} RENAME COLUMN vice TO second"
    ana.execute(sql, repeatable=True)
    page = get_page("/accounts/B1/history/?until=2020-01-01")
    assert summaries(page) == []
    page = get_page("/accounts/B1/history/")
    assert (summaries(page), parsed(client.get("/accounts/B2/history/")).h1.get_text()) == (
        [],
        "There is nothing here",
    )
    assert "Claims" in page.select_one(".lead").get_text()
