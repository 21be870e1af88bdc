"""Saved views: saved, shared, first in the menu, changed by two people, and without their tables."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.forms.fields import format_moment
from crm.model.own_tables import DEFAULT_VIEWS, SAVED_VIEWS
from crm.repository.records import saved_views
from crm.repository.records.saved_views import SavedView
from crm.warehouse import Warehouse, now

from ..conftest import LocalWarehouse, Statements
from .html import HTMX, filled_in, parsed, text, texts

See = Callable[..., BeautifulSoup]
ALICE = "alice@example.com"
NAMES = "tbody tr .row-link"
MENU = "nav.sections a:nth-of-type(2)"  # Accounts
SETTINGS = "q=a&platform=Snowflake&mine=on&sort=vp&sort2=-use_cases&column=team&column=vp"


def follow(client: Client, path: str) -> BeautifulSoup:
    return parsed(client.get(path, follow=True))


def save(client: Client, page: BeautifulSoup, **changes: Any) -> str:
    """Send the form that saves a view; return the address of the view."""
    form = page.select_one(".view-save")
    answer = client.post(form["action"], filled_in(form) | changes)
    assert answer.status_code == 303, answer.content.decode()
    return str(answer["Location"])


@pytest.fixture(autouse=True)
def _alice(settings: Any) -> None:
    settings.EDIP_USER, settings.EDIP_ADMINS = ALICE, ["nobody@example.com"]


def test_a_view_is_saved_shared_opened_and_first(
    client: Client, get_page: See, settings: Any, statements: Statements, sample: Warehouse
) -> None:
    shown = f"http://testserver/accounts/?{SETTINGS}&page=1"
    panel = get_page("/views/?list=accounts", **HTMX, HTTP_HX_CURRENT_URL=shown)
    url = save(client, panel, name="  My <b>view</b>", shared="on")
    with statements() as done:
        answer = client.get(url)
    assert len(done) == 1
    id = url.split("/")[2]
    assert answer["Location"] == f"/accounts/?{SETTINGS}&view={id}"
    with statements() as done:
        page = follow(client, answer["Location"])
    assert len(done) == 1
    assert text(page, ".view-line b") == "My <b>view</b>"
    assert page.select_one("#list-form [name=view]")["value"] == id
    assert not page.select(".view-line button")
    assert page.select_one(MENU)["href"] == "/views/default/accounts/"
    again = client.post("/views/new/", {"list": "accounts", "name": "my <B>VIEW</b>"})
    assert again.status_code == 422
    assert "You have a view" in again.content.decode()
    # If a person goes back, changes the name and sends the form again, there are two views.
    other = save(client, panel, name="Other", default="on")
    assert other not in (url, f"/views/{id}/")

    client.post("/views/default/accounts/", {"view": id})
    with statements() as done:
        assert client.get("/views/default/accounts/")["Location"] == url
    assert len(done) == 1
    require_first_in_the_menu(client, get_page, settings, url)
    require_no_view_where_the_first_is_gone(client, sample, other)

    require_numbers_of_all_views(client, get_page, statements)
    copy = copy_as_bo(client, get_page, settings, url)
    assert client.get(copy.removesuffix("edit/")).status_code == 404
    first = client.post("/views/default/accounts/", {"view": copy.split("/")[2]})
    assert first.status_code == 404, "Bo does not share it"
    assert client.post(f"{url}delete/").status_code == 303
    assert client.get(url).status_code == 404
    assert follow(client, f"/accounts/?view={id}").select(".view-line") == []


def require_first_in_the_menu(client: Client, get_page: See, settings: Any, url: str) -> None:
    """The menu opens the view that is first, and all accounts are one click away."""
    page = get_page("/accounts/?q=x")
    assert page.select_one(MENU)["href"] == url
    settings.EDIP_USER = "bo@example.com"  # in the same browser
    assert get_page("/help/").select_one(MENU)["href"] == "/views/default/accounts/"
    settings.EDIP_USER = ALICE
    assert page.select_one("nav.sections a:nth-of-type(3)")["href"] == "/use-cases/"
    assert follow(client, url).select_one(".view-line a:last-child")["href"] == "/accounts/"
    client.post("/views/default/accounts/", {"view": ""})
    assert client.get("/views/default/accounts/")["Location"] == "/accounts/"


def require_no_view_where_the_first_is_gone(client: Client, wh: Warehouse, other: str) -> None:
    client.post("/views/default/accounts/", {"view": other.split("/")[2]})
    assert client.get("/views/default/accounts/")["Location"] == other
    saved_views.delete(wh, other.split("/")[2])  # in another browser
    page = follow(client, other)
    assert "is gone" in text(page, "#toasts")
    assert page.select(NAMES)
    assert client.get(other).status_code == 404
    typed = {"list": "accounts", "query": "q=x", "name": "Typed", "shared": "on"}
    for name, place in (("Typed", "edit"), ("Typed", "save"), ("", "edit")):
        answer = client.post(f"{other}{place}/", typed | {"name": name})
        assert answer.status_code == 409
        form = parsed(answer).select_one("main form")
        assert form["action"] == "/views/new/"
        assert filled_in(form).items() >= (typed | {"name": name}).items()
        assert text(form, "button") == "Save as a new view"
    assert client.post(f"{other}edit/", typed | {"list": "x"}).status_code == 404


def require_numbers_of_all_views(client: Client, get_page: See, statements: Statements) -> None:
    """One statement counts the rows of all views."""
    get_page("/views/new/?list=use_cases")
    client.post("/views/new/", {"list": "use_cases", "query": "status=Active", "name": "Active"})
    with statements() as done:
        page = get_page("/views/")
    assert len(done) == 2
    found = {text(row, ".strong"): text(row, ".quiet") for row in page.select(".view-row")}
    assert found == {"My <b>view</b>": "0 accounts · yours, shared", "Active": found["Active"]}
    total = client.get("/use-cases/?status=Active").context["page"].total
    assert found["Active"] == f"{total} use cases · yours"


def copy_as_bo(client: Client, get_page: See, settings: Any, url: str) -> str:
    """Copy Alice's view three times, and name the first copy; return where it is edited."""
    settings.EDIP_USER = "bo@example.com"
    page = get_page("/views/")
    assert texts(page, ".view-row .strong") == ["My <b>view</b>"]
    assert not page.select(f"a[href='{url}edit/']")
    assert client.get(url).status_code == 302
    sent = filled_in(page.select_one(f"form[action='{url}copy/']"))
    copy, again = (client.post(f"{url}copy/", sent)["Location"] for _ in range(2))
    assert again == copy, "pressed twice"
    second = client.post(f"{url}copy/", sent | {"id": str(uuid.uuid4())})["Location"]
    assert (
        filled_in(get_page(second).select_one(".view-save"))["name"] == "Copy of My <b>view</b> 2"
    )
    form = get_page(copy).select_one(".view-save")
    assert filled_in(form)["name"] == "Copy of My <b>view</b>"
    assert client.post(copy, filled_in(form) | {"name": ""}).status_code == 422
    assert client.post(copy, filled_in(form) | {"name": "Bo's"}).status_code == 303
    assert client.post(f"{url}copy/", sent)["Location"] != copy, "after going back"
    settings.EDIP_USER = ALICE
    return copy


def test_only_the_owner_and_administrators_change_a_shared_view(
    client: Client, sample: Warehouse, settings: Any
) -> None:
    view = SavedView("0" * 8, "bo@example.com", "updates", "Bo's", "sort=date", is_shared=True)
    saved_views.create(sample, view)
    changes = {f"/views/{view.id}/{each}/": {"name": "X"} for each in ("edit", "save", "delete")}
    for path, sent in changes.items():
        assert client.post(path, sent).status_code == 403, path
    settings.EDIP_ADMINS = [ALICE]
    assert client.get(f"/views/{view.id}/edit/").status_code == 200
    answer = client.post("/views/default/accounts/", {"view": view.id})
    assert answer.status_code == 404, "a view of updates does not open as the list of accounts"

    # A form with the id of another person's view is saved as a new view.
    sent = {"id": str(uuid.uuid4()), "list": "accounts", "name": "Mine"}
    for settings.EDIP_USER in (ALICE, "bo@example.com"):
        url = client.post("/views/new/", sent)["Location"]
        assert client.get(url).status_code == 302

    # The past keeps the views that it had.
    past = f"/as-of/{format_moment(now())}"
    known = saved_views.find(sample, "bo@example.com")
    for path in (*changes, f"/views/{view.id}/copy/", "/views/new/", "/views/default/updates/"):
        refused = client.post(f"{past}{path}", sent | {"view": view.id})
        assert "The past cannot be changed" in refused.content.decode(), path
    assert saved_views.find(sample, "bo@example.com") == known
    edit = f"/views/{view.id}/edit/"
    assert client.get(f"{past}{edit}")["Location"] == edit


def test_two_people_change_one_view(client: Client, sample: Warehouse, get_page: See) -> None:
    query = "column=gone&sort=gone&vp=x&no=1"
    view = SavedView("1" * 8, ALICE, "accounts", "Ours", query, is_shared=True)
    saved_views.create(sample, view)
    opened = client.get(f"/views/{view.id}/", follow=True)
    said = text(parsed(opened), "#toasts")
    for gone in ("the column “gone”", "sorting by “gone”", "the filter “no”"):
        assert gone in said
    assert opened.redirect_chain == [(f"/accounts/?vp=x&view={view.id}", 302)]
    page = get_page(f"/accounts/?q=b&view={view.id}")
    assert "changed here" in text(page, ".view-line")
    sent = {each["name"]: each["value"] for each in page.select("[form=view-form][name]")}
    assert sent["query"] == "q=b"

    stored = saved_views.get(sample, view.id)
    assert stored is not None
    saved_views.update(sample, replace(stored, query="q=c"), "bo@example.com", stored.updated_at)
    saved_views.create(sample, SavedView("2" * 8, ALICE, "accounts", "Taken", ""))
    for name, error in (("", "Give the view a name."), ("taken", "There is a view “taken” of")):
        refused = client.post(f"/views/{view.id}/save/", sent | {"name": name})
        assert refused.status_code == 422
        form = parsed(refused).select_one(".view-save")
        assert error in form.get_text()
        kept = filled_in(form)
        assert (kept["name"], kept["query"], kept["shared"]) == (name, "q=b", "on")
    answer = client.post(f"/views/{view.id}/save/", sent)
    assert answer.status_code == 409
    page = parsed(answer)
    assert "bo@example.com" in text(page, ".banner")
    assert [dd for dd in texts(page, "dd") if len(dd) == 1] == ["c", "b"]
    new = parsed(client.get("/views/new/", filled_in(page.select_one("main form[method=get]"))))
    kept = filled_in(new.select_one(".view-save"))
    assert (kept["name"], kept["query"], kept["shared"]) == ("Ours", "q=b", "on")
    form = page.select_one("form[method=post].actions, .actions form[method=post]")
    saved = client.post(form["action"], filled_in(form), follow=True)
    assert "“Ours” was saved. Everybody sees it" in text(parsed(saved), "#toasts")
    now = saved_views.get(sample, view.id)
    assert now is not None
    assert (now.query, now.updated_by, now.name) == ("q=b", ALICE, "Ours")
    assert get_page(f"/accounts/?q=b&view={view.id}").select(".view-line button") == []


def test_what_a_view_cannot_hold_and_what_it_may_keep(client: Client, sample: Warehouse) -> None:
    """Too many settings, also if only their normal form is too long; a name that exists twice."""
    for number in "12":
        saved_views.create(sample, SavedView(number * 8, ALICE, "accounts", "Twice", ""))
    sent = filled_in(parsed(client.get("/views/11111111/edit/")).select_one(".view-save"))
    for path in ("/views/11111111/save/", "/views/new/"):
        query = "&".join(f"vp={'é' * 30}{number}" for number in range(150))
        refused = client.post(path, sent | {"query": query})
        assert refused.status_code == 422
        assert "too many settings" in text(parsed(refused), ".view-save")
    assert len(saved_views.find(sample, ALICE)) == 2
    assert client.post("/views/11111111/edit/", sent | {"shared": "on"}).status_code == 303


def test_without_the_tables_the_pages_say_so(
    client: Client, sample: Warehouse, get_page: See, server: LocalWarehouse
) -> None:
    server.fault("http_status", times=1, status=400, match=r"MERGE INTO \S*saved_views")
    sent = {"list": "accounts", "query": "q=a", "name": "Kept words"}
    failed = client.post("/views/new/", sent)
    assert failed.status_code == 500
    assert filled_in(parsed(failed).select_one(".view-save"))["name"] == "Kept words"
    for table in (SAVED_VIEWS, DEFAULT_VIEWS):
        sample.execute(f"DROP TABLE {sample.namespace.table(table)}", repeatable=True)
    assert "set_up" in text(get_page("/views/?list=accounts"), ".banner")
    assert client.get("/views/default/accounts/")["Location"] == "/accounts/"
    assert client.get("/views/1/").status_code == 503, "nobody knows whether there is such a view"
    for place in ("edit", "save"):
        failed = client.post(f"/views/1/{place}/", sent)
        assert "The tables were not found" in text(parsed(failed), ".banner")
        assert text(parsed(failed), "h1") == "Edit a view"
        assert filled_in(parsed(failed).select_one(".view-save"))["name"] == "Kept words"
    assert get_page("/accounts/?view=1").select(NAMES)
    failed = client.post("/views/new/", sent)
    assert failed.status_code >= 400
    assert "are missing" in text(parsed(failed), "#toasts")
    assert client.post("/views/default/accounts/", {"view": ""}).status_code == 303
