"""The accounts of a person: those that they follow, or that have one of their names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.as_of_address import address
from crm.model.own_tables import FOLLOWS, PEOPLE
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.repository import versions
from crm.repository.records import accounts
from crm.repository.records import mine as settings_of
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse, now
from tests.conftest import LocalWarehouse, Statements
from tests.schemas import CONTENTS

from .html import HTMX, filled_in, parsed, text, texts

See = Callable[..., BeautifulSoup]
NAMES = "tbody tr .row-link, tbody tr .row-text"
ALL = ("Admin", "Followed", "Leader", "Other", "Partner")
MINE = ("Admin", "Followed", "Leader", "Partner")


def insert(wh: Warehouse) -> None:
    names = {"Partner": {"primary_it_partner": " ana BERG "}, "Admin": {"admin": "Ana Berg"}}
    rows = [{"bsnid": team[0], "team": team, **names.get(team, {})} for team in ALL]
    insert_missing(wh, ACCOUNTS, rows)
    day = dt.date(2026, 5, 1)
    for table, words in ((USE_CASES, "problem"), (UPDATES, "description")):
        of_all = [
            {"id": f"{row['bsnid']}1", "account_bsnid": row["bsnid"], words: row["team"]}
            | ({"date": day} if table is UPDATES else {})
            for row in rows
        ]
        insert_missing(wh, table, of_all)
    led = {"id": "L2", "account_bsnid": "L", "problem": "Leader", "leader": "A. Berg"}
    insert_missing(wh, USE_CASES, [led])


CONTENTS["owned"] = insert


@pytest.fixture
def owned(warehouse: Warehouse) -> Warehouse:
    """Accounts of several people."""
    return warehouse


@pytest.fixture(autouse=True)
def _ask_again() -> Iterator[None]:
    settings_of.forget_all()
    yield
    settings_of.forget_all()


@pytest.fixture
def mine(owned: Warehouse, client: Client) -> Warehouse:
    client.post("/accounts/F/follow/", {"follow": "on"})
    client.post("/preferences/me/", {"names": "Ana  Berg\n\nA. Berg\nAna Berg"})
    return owned


@pytest.mark.usefixtures("mine")
def test_lists_of_what_is_mine(get_page: See, statements: Statements) -> None:
    cases = sorted((*MINE, "Leader"))
    lists = {"/accounts/": MINE, "/use-cases/?sort=team": cases, "/updates/?sort=team": MINE}
    for path, found in lists.items():
        start = "&" if "?" in path else "?"
        with statements() as done:
            page = get_page(f"{path}{start}mine=on")
        assert len(done) == 1
        assert texts(page, NAMES) == list(found), path
        assert page.select_one("#mine").has_attr("checked")
        assert "mine" in text(page, ".chip")
        assert "mine=on" in page.select_one(".exports a")["href"]
        assert texts(get_page(path), NAMES) == sorted((*found, "Other")), path
    part = get_page("/accounts/facet/admin/?mine=on", **HTMX)
    assert sorted(texts(part, ".facet-number")) == ["1", "3"]
    page = get_page("/accounts/?mine=on&not-updated-since=2026-06-01&q=o&sort=-team")
    assert texts(page, NAMES) == ["Followed"]


@pytest.mark.usefixtures("mine")
def test_a_bulk_change_of_all_that_are_mine_takes_only_these(client: Client) -> None:
    sent = {"of": "all=on&mine=on", "do": "field", "column": "vp", "value": "Vera"}
    answer = client.post("/accounts/bulk/preview/", sent)
    assert answer.status_code == 200
    changed = parsed(answer).select_one("main").get_text()
    assert [team for team in ALL if team in changed] == list(MINE)


@pytest.mark.usefixtures("mine")
def test_attention_of_what_is_mine(client: Client, get_page: See, statements: Statements) -> None:
    with statements() as done:
        page = get_page("/attention/?mine=on&by=business_area")
    assert len(done) == 1
    assert texts(page, ".attention-figures b") == ["4", "0", "0", "0", "3", "0", "0"]
    links = [link["href"] for link in page.select(".attention-figures a")]
    assert all("mine=on" in link for link in links)
    listed = get_page(links[4])
    assert texts(listed, NAMES) == ["Admin", "Followed", "Leader"]
    chosen = texts(page, ".choices [aria-current]")
    assert chosen == ["Mine", "Business area"]


def test_changes_of_what_is_mine(mine: Warehouse, client: Client, get_page: See) -> None:
    moment = max(line[-1].moment for line in versions.load(mine).commits.values())
    for key in ("P", "O"):
        seen = accounts.get(mine, key).updated_at
        accounts.update(mine, key, {"vp": f"New {key}"}, seen)
    page = get_page("/activity/?mine=on&kind=changed")
    assert "New P" in page.select_one("#history").get_text()
    assert "New O" not in page.select_one("#history").get_text()
    assert page.select_one("#mine").has_attr("checked")
    past = address(moment).rstrip("/")
    for path, found in ((f"{past}/since/", {"New P", "New O"}), ("?mine=on", {"New P"})):
        page = get_page(path if path.startswith("/") else f"{past}/since/{path}")
        shown = page.select_one("main").get_text()
        assert {name for name in ("New P", "New O") if name in shown} == found


def test_following_is_a_button(mine: Warehouse, client: Client, get_page: See) -> None:
    button = get_page("/accounts/F/").select_one("#follow")
    assert text(button, "button") == "Unfollow"
    assert button.select_one("[name=follow]")["value"] == "off"
    refused = client.post(address(now(), "/accounts/F/follow/"), {"follow": "off"})
    assert "The past cannot be changed" in refused.content.decode()
    assert text(get_page("/accounts/F/"), "#follow button") == "Unfollow"
    part = client.post("/accounts/F/follow/", {"follow": "off"}, **HTMX)
    assert "Follow" in part.content.decode()
    assert text(get_page("/accounts/F/"), "#follow button") == "Follow"
    assert "Followed" not in texts(get_page("/accounts/?mine=on"), NAMES)
    for _ in range(2):
        answer = client.post("/accounts/O/follow/", {"follow": "on", "next": "/preferences/me/"})
        assert answer["Location"] == "/preferences/me/"
    assert mine.query(f"SELECT COUNT(*) AS n FROM {mine.namespace.table(FOLLOWS)}")[0]["n"] == 1


@pytest.mark.usefixtures("mine")
def test_names_and_followed_accounts_under_the_avatar(client: Client, get_page: See) -> None:
    assert get_page("/").select_one("header a.person")["href"] == "/preferences/me/"
    page = get_page("/preferences/me/")
    assert page.select_one("#names").get_text().split("\n") == ["Ana Berg", "A. Berg"]
    assert texts(page, ".attention-row .strong") == ["Followed"]
    past = address(now(), "/preferences/me/")
    assert client.get(past)["Location"] == "/preferences/me/"
    refused = client.post(past, {"names": ""})
    assert "The past cannot be changed" in refused.content.decode()
    assert get_page("/preferences/me/").select_one("#names").get_text().startswith("Ana Berg")
    client.post("/preferences/me/", {"names": ""})
    assert texts(get_page("/accounts/?mine=on"), NAMES) == ["Followed"]


@pytest.mark.parametrize(
    ("names", "kept", "left_out"),
    [
        ([f"N{n}" for n in range(12)], 10, "The last 2 names were"),
        (["a", "b" * 1999], 1, "The last 1 name was"),
    ],
)
def test_names_beyond_the_limit_are_said_to_be_left_out(
    owned: Warehouse, client: Client, get_page: See, names: list[str], kept: int, left_out: str
) -> None:
    client.post("/preferences/me/", {"names": "\r\n".join(names)})
    page = get_page("/preferences/me/")
    assert page.select_one("#names").get_text().strip().split("\n") == names[:kept]
    assert f"{left_out} not saved" in text(page, "#toasts")
    assert "Your names were saved" not in text(page, "#toasts")


def test_names_that_could_not_be_saved_stay(
    owned: Warehouse, client: Client, get_page: See, server: LocalWarehouse
) -> None:
    server.fault("http_status", times=None, status=400, match=r"MERGE INTO \S*people")
    response = client.post("/preferences/me/", {"names": "Ana Berg"})
    assert response.status_code == 500
    page = parsed(response)
    assert "What you typed is still here" in text(page, ".banner")
    server.clear_faults()
    form = page.select_one(".my-names")
    assert client.post(form["action"], filled_in(form)).status_code == 303
    assert get_page("/preferences/me/").select_one("#names").get_text().strip() == "Ana Berg"


def test_a_lost_answer_and_duplicates_change_no_setting(
    owned: Warehouse, server: LocalWarehouse
) -> None:
    """Two first clicks at the same moment may leave two rows: they count as one, and change
    together."""
    me, schema = owned.actor, owned.namespace.quoted_schema
    for _ in range(2):
        follows = f"INSERT INTO {schema}.follows (person, account_bsnid) VALUES (:me, 'F')"
        owned.execute(follows, {"me": me}, repeatable=False)
        names = f"INSERT INTO {schema}.people (person, name) VALUES (:me, 'Ana')"
        owned.execute(names, {"me": me}, repeatable=False)
    assert settings_of.load(owned, me).names == ("Ana",)
    assert [each.bsnid for each in settings_of.load(owned, me).accounts] == ["F"]
    server.fault("drop_after", match=r"^\s*(MERGE|DELETE)")
    settings_of.set_names(owned, me, ["Ana Berg"])
    settings_of.follow(owned, me, "O")
    assert settings_of.load(owned, me).names == ("Ana Berg",)
    server.fault("drop_after", match=r"^\s*(MERGE|DELETE)")
    settings_of.unfollow(owned, me, "F")
    assert [each.bsnid for each in settings_of.load(owned, me).accounts] == ["O"]


@pytest.mark.usefixtures("mine")
def test_each_person_has_accounts_of_their_own(get_page: See, settings: Any) -> None:
    settings.EDIP_USER = "bo@example.com"
    assert texts(get_page("/accounts/?mine=on"), NAMES) == []
    assert get_page("/preferences/me/").select_one("#names").get_text().strip() == ""
    assert text(get_page("/accounts/F/"), "#follow button") == "Follow"


@pytest.mark.usefixtures("owned")
def test_nothing_is_mine_yet(get_page: See) -> None:
    page = get_page("/accounts/?mine=on")
    assert page.select_one(".empty a[href='/preferences/me/']")
    assert page.select_one("#mine").has_attr("checked")


def test_without_the_tables_pages_say_so(owned: Warehouse, client: Client, get_page: See) -> None:
    for table in (PEOPLE, FOLLOWS):
        owned.execute(f"DROP TABLE {owned.namespace.table(table)}", repeatable=True)
    for path in ("/accounts/", "/use-cases/", "/updates/", "/attention/", "/activity/"):
        page = get_page(f"{path}?mine=on")
        assert "set_up" in text(page, ".banner"), path
    assert texts(get_page("/accounts/?mine=on"), NAMES) == list(ALL)
    assert "set_up" in text(get_page("/preferences/me/"), ".banner")
    past = max(line[-1].moment for line in versions.load(owned).commits.values())
    page = get_page(f"{address(past, '/since/')}?mine=on")
    assert "set_up" in text(page, ".banner")
    assert text(page, ".count-line") == "0 changes in all accounts"
    settings_of.forget_all()
    answer = client.post("/preferences/me/", {"names": "Ana"})
    assert answer.status_code >= 400
    assert "are missing" in text(parsed(answer), "#toasts")
    followed = client.post("/accounts/O/follow/", {"follow": "on"}, **HTMX)
    assert "are missing" in followed.content.decode()
    page = get_page("/accounts/O/")
    assert page.select_one("#follow") is None
    # Without the tables, a file or a bulk change of the person's accounts must not have all
    # accounts.
    assert client.get("/accounts/?mine=on&format=csv").status_code >= 400
