"""The whole app as of a moment: every page, filter and file; read-only, and shareable."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import get_script_prefix

from crm.model.as_of_address import format_moment
from crm.repository.records import accounts, platforms
from crm.views import diff
from crm.warehouse import Warehouse

from ..schemas import CONTENTS
from .html import HTMX, parsed, text, texts

ACCOUNT = "BSN001"


def now() -> dt.datetime:
    """Return a moment after all writes before this call and before all later ones."""
    time.sleep(0.02)
    moment = dt.datetime.now(dt.UTC)
    time.sleep(0.02)
    return moment


# The moment in the sample data's history before ``change_sample``.
_moments: list[dt.datetime] = []


def change_sample(wh: Warehouse) -> None:
    """One account is renamed, one deleted, one added."""
    CONTENTS["sample"](wh)
    _moments.append(now())
    account = accounts.get(wh, ACCOUNT)
    accounts.update(wh, ACCOUNT, {"team": "Renamed since"}, account.updated_at)
    accounts.delete(wh, "BSN002")
    accounts.create(wh, {"bsnid": "BSN999", "team": "New since", "business_area": "Finance"})


CONTENTS["before_changes"] = change_sample


@pytest.fixture
def before_changes(warehouse: Warehouse) -> str:
    """The address prefix of the moment before ``change_sample``; the tables are as after it."""
    return f"/as-of/{format_moment(_moments[-1])}"


@pytest.mark.parametrize("kind", ["/as-of/2026-11-20T09:30:00Z{}", "{}"])
@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "///evil.example/since/",
        "/\\evil.example/",
        "//\\evil.example/",
        "/%09/evil.example/",
        "/%5Cevil.example/",
        "/%0A/evil.example/",
        "//evil.example/admin-tools/",
        "/since//evil.example/",
        "//admin-tools/",
    ],
)
def test_no_address_leads_to_another_host(client: Client, kind: str, path: str) -> None:
    """Browsers take two slashes, or a backslash, before a name for the beginning of a host."""
    for headers in ({}, HTMX):
        # The client itself would take two slashes for a host.
        response = client.get("/", PATH_INFO=unquote(kind.format(path)), **headers)
        found = [response["Location"]] if "Location" in response else []
        for each in parsed(response).select("[href], [action], [value], [hx-get], [src]"):
            found += [each.get(name, "") for name in ("href", "action", "value", "hx-get", "src")]
        assert found
        for address in found:
            # As browsers read it, which remove tabs and line breaks.
            seen = re.sub(r"[\t\r\n]", "", address).replace("\\", "/").strip()
            assert not seen.startswith("//"), address
            assert "://" not in seen, address


def test_pages_show_what_was_there(client: Client, before_changes: str) -> None:
    assert "Renamed since" in text(parsed(client.get(f"/accounts/{ACCOUNT}/")), "h1")
    page = parsed(client.get(f"{before_changes}/accounts/{ACCOUNT}/"))
    assert "Renamed since" not in page.get_text()
    assert text(page, ".past-since") == "What changed since in all accounts"
    assert client.get("/accounts/BSN002/").status_code == 404
    assert client.get(f"{before_changes}/accounts/BSN002/").status_code == 200
    assert client.get("/accounts/?q=New+since").content.count(b"BSN999") > 0
    assert b"BSN999" not in client.get(f"{before_changes}/accounts/?q=New+since").content
    assert b"BSN002" in client.get(f"{before_changes}/accounts/", **HTMX).content


def test_everything_on_a_page_of_the_past_leads_to_the_past(
    client: Client, before_changes: str
) -> None:
    for path in ("/", "/accounts/", f"/accounts/{ACCOUNT}/", "/use-cases/", "/updates/"):
        page = parsed(client.get(before_changes + path))
        own = [a["href"] for a in page.select("main a[href^='/']")]
        assert own, path
        assert [href for href in own if not href.startswith(before_changes + "/")] == [], path
        for name in ("hx-get", "action"):
            for element in page.select(f"main [{name}]"):
                assert element[name].startswith(before_changes + "/"), element
    assert get_script_prefix() == "/"
    assert parsed(client.get("/accounts/")).select_one("main a[href^='/accounts/']")


def test_files_hold_what_was_there(client: Client, before_changes: str) -> None:
    file = client.get(f"{before_changes}/accounts/?format=csv")
    content = b"".join(file.streaming_content).decode()
    assert "BSN002" in content
    assert "BSN999" not in content
    assert "Renamed since" not in content


def test_the_banner_says_when_and_leads_back(client: Client, before_changes: str) -> None:
    page = parsed(client.get(f"{before_changes}/accounts/?q=claims&sort=-team"))
    assert "You see EDIP CRM as of" in text(page, ".past p")
    assert page.select_one("[data-back-to-now]")["href"] == "/accounts/?q=claims&sort=-team"
    assert not parsed(client.get("/accounts/")).select(".past")


def test_many_changes_since_are_on_several_pages(
    client: Client, before_changes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{before_changes}/since/"
    whole = texts(parsed(client.get(path)), ".moment-changes > li")
    assert len(whole) > 4
    monkeypatch.setattr(diff, "PAGE_SIZE", 2)
    found, address, headings = [], path, set()
    while address:
        page = parsed(client.get(path + address.removeprefix(path)))
        found += texts(page, ".moment-changes > li")
        headings |= set(texts(page, ".section h2"))
        following = page.select_one(".pagination [rel=next]")
        address = following["href"] if following else ""
    assert found == whole
    assert sum(int(heading.split()[-1]) for heading in headings) == len(whole)


def test_what_changed_in_one_account_names_its_team(client: Client, before_changes: str) -> None:
    for bsnid, is_gone in (("BSN002", True), ("BSN003", False)):
        page = parsed(client.get(f"{before_changes}/accounts/{bsnid}/since/"))
        assert bool(page.select(".moment-changes")) == is_gone
        assert text(page, "h1 span") == texts(page, ".trail a")[-1] != bsnid
    chosen = parsed(client.get("/as-of/", {"next": "/accounts/BSN003/since/"}))
    assert texts(chosen, ".trail a") == texts(page, ".trail a")


def test_an_account_that_was_added_later(client: Client, before_changes: str) -> None:
    response = client.get(f"{before_changes}/accounts/BSN999/")
    assert response.status_code == 404
    assert text(parsed(response), ".lead") == "There was no account “BSN999” at this moment."
    gone = text(parsed(client.get("/accounts/BSN002/")), ".lead")
    assert gone == "There is no account “BSN002”. It may have been deleted."


def test_nothing_can_be_changed(client: Client, before_changes: str, warehouse: Warehouse) -> None:
    page = parsed(client.get(f"{before_changes}/accounts/{ACCOUNT}/"))
    assert not page.select("main form[method=post], main a[href$='/edit/'], main a[href$='/new/']")
    sent = {"bsnid": "X", "team": "T", "business_area": "A"}
    for path in (f"/accounts/{ACCOUNT}/edit/", "/accounts/new/", f"/accounts/{ACCOUNT}/delete/"):
        response = client.get(before_changes + path)
        assert response.status_code == 403
        assert text(parsed(response), "h1") == "The past cannot be changed"
        assert client.post(before_changes + path, sent).status_code == 403
    path = f"{before_changes}/accounts/{ACCOUNT}/platforms/"
    sent = {"platform": "Snowflake", "status": "Completed"}
    assert client.post(path, sent, **HTMX).status_code == 403
    assert accounts.get(warehouse, "X") is None


def test_tables_in_which_nothing_happened_since(client: Client, warehouse: Warehouse) -> None:
    """A moment after a table's latest commit reads that commit."""
    accounts.create(warehouse, {"bsnid": "B1", "team": "T", "business_area": "A"})
    between = now()
    platforms.set_status(warehouse, "B1", "Databricks", "Requested", None)
    page = client.get(f"/as-of/{format_moment(between)}/accounts/B1/")
    assert page.status_code == 200
    assert "Requested" not in texts(parsed(page), "main .badge")


@pytest.mark.parametrize(
    ("moment", "title"),
    [
        (lambda: dt.datetime(2001, 1, 1, tzinfo=dt.UTC), "Before EDIP CRM existed"),
        (lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=1), "This moment is in the future"),
    ],
)
def test_moments_that_cannot_be_read(
    client: Client, sample: Warehouse, moment: Callable[[], dt.datetime], title: str
) -> None:
    response = client.get(f"/as-of/{format_moment(moment())}/accounts/")
    page = parsed(response)
    assert response.status_code == 404
    assert text(page, "h1") == title
    assert page.select_one("main .button-primary")["href"] == "/accounts/"
    # No link there leads to the same moment.
    assert not page.select(f"main a[href*='{format_moment(moment())[:10]}']")
    assert "Everything is shown" not in text(page, ".past")
    if title.startswith("Before"):
        assert not page.select(".past-since")
        earliest = page.select("main .actions a")[1]["href"]
        assert client.get(earliest).status_code == 200


def test_an_invalid_moment_in_the_address_is_not_found(client: Client) -> None:
    # From the calendar's ends, the days that pages count would leave it.
    ends = ("0000-00-00T00:00:00Z", "0001-01-03T00:00:00Z", "9999-12-31")
    for moment in ("yesterday", "2026-13-45", "%00", *ends):
        for page in ("", "accounts/"):
            response = client.get(f"/as-of/{moment}/{page}")
            assert response.status_code == 404, moment
            assert "is not a moment" in parsed(response).get_text()


def test_choosing_a_moment(client: Client, sample: Warehouse) -> None:
    client.cookies["tz"] = "Europe/Berlin"
    form = parsed(client.get("/accounts/?q=a")).select_one("#time-machine form")
    assert form["action"] == "/as-of/"
    assert form.select_one("[name=next]")["value"] == "/accounts/?q=a"
    chosen = {"next": "/accounts/?q=a", "moment": "2026-11-20T09:30"}
    response = client.get("/as-of/", chosen)
    assert response["Location"] == "/as-of/2026-11-20T08:30:00Z/accounts/?q=a"
    # From one moment to another.
    there = {**chosen, "next": response["Location"], "moment": "2026-11-21T09:30:05"}
    response = client.get("/as-of/", there)
    assert response["Location"] == "/as-of/2026-11-21T08:30:05Z/accounts/?q=a"
    response = client.get("/as-of/", {"ago": "week", "next": "/updates/"})
    assert response["Location"].endswith("Z/updates/")
    # A typed moment takes precedence over a choice.
    both = client.get("/as-of/", {"ago": "week", **chosen})
    assert both["Location"] == "/as-of/2026-11-20T08:30:00Z/accounts/?q=a"
    client.cookies["tz"] = "America/New_York"
    assert client.get("/as-of/", {"moment": "9999-12-31T23:59:59"}).status_code == 422
    response = client.get("/as-of/", {"moment": "soon", "next": "/updates/"})
    assert response.status_code == 422
    page = parsed(response)
    assert page.select_one("main [name=moment]")["value"] == "soon"
    assert page.select_one("main [name=next]")["value"] == "/updates/"
    outside = client.get("/as-of/", {"ago": "week", "next": "//evil.example/"})
    assert outside["Location"].endswith("Z/")


@pytest.mark.parametrize(
    ("target", "heading", "trail"),
    [
        ("/since/", "What changed since when?", ["Activity"]),
        ("/as-of/2026-01-01T00:00:00Z/since/?vp=V", "What changed since when?", ["Activity"]),
        ("/accounts/BSN001/since/", "What changed since when?", ["Accounts", "BSN001"]),
        # An account may be called so.
        ("/accounts/since/", "As of another moment", []),
        ("/nowhere/since/", "As of another moment", []),
    ],
)
def test_the_page_that_asks_for_a_moment_says_what_for(
    client: Client, warehouse: Warehouse, target: str, heading: str, trail: list[str]
) -> None:
    page = parsed(client.get("/as-of/", {"next": target}))
    assert text(page, "h1") == heading
    assert texts(page, ".trail a") == trail


def test_admin_tools_are_of_today(client: Client, sample: Warehouse) -> None:
    prefix = f"/as-of/{format_moment(now())}"
    assert client.get(f"{prefix}/admin-tools/")["Location"] == "/admin-tools/"
    assert not parsed(client.get(f"{prefix}/")).select("a[href$='/admin-tools/']")


@pytest.mark.parametrize(
    ("page", "leads_to"),
    [
        ("/accounts/new/", "accounts/"),
        ("/accounts/B%201/edit/", "accounts/B%201/"),
        ("/accounts/B1/delete/?next=/", "accounts/B1/"),
        ("/accounts/B1/updates/new/", "accounts/B1/"),
        ("/use-cases/u-1/edit/?next=/use-cases/", "use-cases/"),
        ("/use-cases/u-1/status/", "use-cases/"),
        ("/use-cases/bulk/change/?key=u-1", "use-cases/"),
        ("/updates/u-1/delete/", "updates/"),
        ("/put-back/accounts/B1/3/", "activity/"),
        ("/admin-tools/import/", ""),
        ("/as-of/?next=/updates/", ""),
        ("/as-of/2026-11-20T08:30:00Z/accounts/B1/edit/", "accounts/B1/"),
        ("/as-of/2026-11-20T08:30:00Z/since/", "since/"),
        ("/accounts/B1/history/?kind=created", "accounts/B1/history/?kind=created"),
        ("/no-such-page/", "no-such-page/"),
    ],
)
def test_a_page_that_the_past_does_not_have(client: Client, page: str, leads_to: str) -> None:
    response = client.get("/as-of/", {"next": page, "moment": "2026-11-21T09:30"})
    assert response["Location"] == f"/as-of/2026-11-21T09:30:00Z/{leads_to}"
