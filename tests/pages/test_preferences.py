from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from django.conf import settings
from django.test import Client

from .html import parsed

See = Callable[..., BeautifulSoup]
Make = Callable[..., str]


def test_theme_is_chosen_and_kept(client: Client) -> None:
    page = parsed(client.get("/nothing-here"))
    assert page.html["data-theme"] == "system"
    response = client.post("/preferences/theme/", {"theme": "dark", "next": "/updates/?page=2"})
    assert (response.status_code, response["Location"]) == (303, "/updates/?page=2")
    page = parsed(client.get("/nothing-here"))
    assert page.html["data-theme"] == "dark"
    assert page.select_one(".theme [aria-pressed=true]")["value"] == "dark"


@pytest.mark.parametrize("theme", ["", "pink", '"><script>', "x" * 5000])
def test_other_themes_change_nothing(client: Client, theme: str) -> None:
    response = client.post("/preferences/theme/", {"theme": theme})
    assert response.status_code == 303
    assert "theme" not in response.cookies
    client.cookies["theme"] = "pink"
    assert parsed(client.get("/nothing-here")).html["data-theme"] == "system"


@pytest.mark.parametrize(
    "url", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_next_is_a_path_of_ours(client: Client, url: str) -> None:
    response = client.post("/preferences/theme/", {"theme": "dark", "next": url})
    assert response["Location"] == "/"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Berlin", "+1"),
        ("Europe%2FBerlin", "+1"),
        ("Nowhere/Town", "+0"),
        ("../../etc/passwd", "+0"),
        ("", "+0"),
    ],
)
def test_times_are_shown_in_the_readers_zone(
    client: Client, get_page: See, make_account: Make, zone: str, shown: str
) -> None:
    make_account()
    utc = get_page("/accounts/BSN001/").select_one(".about time").get_text()
    client.cookies["tz"] = zone
    page = get_page("/accounts/BSN001/")
    assert page.html["data-zone"] == ("UTC" if shown == "+0" else unquote(zone))
    local = page.select_one(".about time")
    assert local["datetime"].endswith("+00:00")
    assert (local.get_text() == utc) is (shown == "+0")


# Mails are no pages: they have no policy, and mail programs drop style sheets.
MAIL = "digest/mail.html"
TEMPLATES = [
    path
    for path in sorted((settings.BASE_DIR / "templates").rglob("*.html"))
    if not path.match(MAIL)
]


def test_a_strict_content_security_policy_is_possible() -> None:
    assert len(TEMPLATES) > 100
    forbidden = re.compile(
        r"<style|\sstyle=|\son\w+=|hx-on|[\"']js:|javascript:|<script(?![^>]*src=)[^>]*>"
    )
    found = [(str(each), forbidden.findall(each.read_text())) for each in TEMPLATES]
    assert [(name, texts) for name, texts in found if texts] == []


def test_every_hx_link_and_form_works_without_it(get_page: See, make_account: Make) -> None:
    make_account()
    for path in ("/accounts/?q=BSN&status=Completed", "/accounts/BSN001/", "/accounts/new/"):
        for tag in get_page(path).select("[hx-get], [hx-post]"):
            # Details that load their content have a link to it as long as it is not loaded.
            within = [a["href"].partition("?")[0] for a in tag.select("a[href]")]
            loads = tag.name == "details" and tag["hx-get"].partition("?")[0] in within
            # The form that a field belongs to sends it, too.
            sends = tag.get("action") or tag.find_parent("form", action=True)
            assert tag.get("href") or sends or loads, tag
