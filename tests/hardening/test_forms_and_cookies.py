"""CSRF behind the proxy, cookies, limits of requests, and redirects after a form."""

from __future__ import annotations

import random
import re
import string
from typing import Any

import pytest
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from crm.cookies import MessageStorage
from crm.urls import urlpatterns
from crm.warehouse import Warehouse

from ..pages.html import HTMX, filled_in, parsed, text
from .conftest import HOST, PROXIED

NEW = {"bsnid": "BSN001", "team": "A team", "business_area": "Finance"}


def _form(client: Client, **headers: str) -> dict[str, str]:
    return filled_in(parsed(client.get("/accounts/new/", **headers)).select_one("#record form"))


@pytest.mark.usefixtures("behind_the_proxy")
@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "htmx"])
def test_forms_work_behind_the_proxy(warehouse: Warehouse, htmx: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    data = _form(client, **PROXIED) | NEW
    origin = {"HTTP_ORIGIN": f"https://{HOST}"}
    response = client.post("/accounts/new/", data, **PROXIED, **origin, **htmx)
    assert response.status_code in (200, 303)
    assert warehouse.query(f"SELECT bsnid FROM {_accounts(warehouse)}") == [{"bsnid": "BSN001"}]


@pytest.mark.usefixtures("behind_the_proxy")
@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": "https://another-456.aws.databricksapps.com"},
        {"HTTP_ORIGIN": f"http://{HOST}"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_REFERER": "https://another-456.aws.databricksapps.com/"},
        {},
    ],
)
def test_other_origins_may_not_post(htmx: dict[str, str], headers: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    data = _form(client, **PROXIED) | NEW
    response = client.post("/accounts/new/", data, **PROXIED, **headers, **htmx)
    assert response.status_code == 403


def test_htmx_needs_the_token_as_well() -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/new/")
    response = client.post("/accounts/new/", NEW, **HTMX)
    assert response.status_code == 403
    assert parsed(response).select_one(".toast-error[role=alert]")


def test_a_form_of_ours_without_its_cookie_can_be_sent_again(warehouse: Warehouse) -> None:
    """Browsers say whether a page of ours sent it; scripts of other sites cannot say so."""
    client = Client(enforce_csrf_checks=True)
    data = _form(client) | NEW
    del client.cookies["csrftoken"]
    refused = client.post("/accounts/new/", data, headers={"Sec-Fetch-Site": "same-origin"})
    assert refused.status_code == 403
    again = filled_in(parsed(refused).select_one("main form"))
    assert again.items() >= NEW.items()
    assert client.post("/accounts/new/", again).status_code == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_a_form_of_another_site_cannot_be_sent_again(site: str) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}
    for htmx in ({}, HTMX):
        client = Client(enforce_csrf_checks=True)
        refused = client.post("/accounts/new/", NEW, headers=headers, **htmx)
        assert refused.status_code == 403
        assert parsed(refused).select("main form, #toasts form") == []
        assert "HX-Trigger" not in refused
        assert "send it again" not in refused.content.decode()


@pytest.mark.usefixtures("behind_the_proxy")
def test_flags_of_cookies(warehouse: Warehouse) -> None:
    client = Client()
    client.get("/accounts/new/", HTTP_ACCEPT="text/html", **PROXIED)
    client.post("/preferences/theme/", {"theme": "dark"}, **PROXIED)
    client.post("/accounts/new/", NEW, **PROXIED)
    cookies = client.cookies
    ours = [f"__Host-edip-{name}" for name in ("csrf", "theme", "messages", "visit")]
    assert sorted(cookies) == sorted(ours)
    assert all(cookie["secure"] for cookie in cookies.values())
    assert all(cookie["samesite"] == "Lax" for cookie in cookies.values())
    assert {(cookie["path"], cookie["domain"]) for cookie in cookies.values()} == {("/", "")}
    # A script changes the theme, too.
    assert [name for name in cookies if not cookies[name]["httponly"]] == ["__Host-edip-theme"]
    page = parsed(client.get("/accounts/new/", **PROXIED))
    assert page.html["data-theme"] == "dark"
    assert "BSN001" in text(page, "#toasts")


@pytest.mark.usefixtures("behind_the_proxy")
@pytest.mark.parametrize("name", ["theme", "tz"])
def test_cookies_of_other_apps_of_the_domain_mean_nothing(name: str) -> None:
    """Another app may set a cookie for the whole domain, but none with the prefix."""
    client = Client()
    client.cookies[name] = {"theme": "dark", "tz": "Asia/Tokyo"}[name]
    page = parsed(client.get("/as-of/", **PROXIED))
    assert page.html["data-theme"] == "system"
    assert "Tokyo" not in page.get_text()


@pytest.mark.parametrize("first", ["\u4e00", "\U0001f300", "\x01"], ids=["CJK", "emoji", "ASCII"])
def test_a_message_comes_with_its_undo_whatever_it_quotes(first: str) -> None:
    """JSON escapes these letters, and a cookie has little room."""
    dice = random.Random(1)
    letters = [chr(ord(first) + n) for n in range(120)]
    names = ["".join(dice.choices(letters, k=200)) for _ in range(4)]
    undo = f"/undo/{dice.randbytes(350).hex()}/"
    for said in (
        f"“{names[0]}”, “{names[1]}”, “{names[2]}”, 2 more names were renamed to “{names[3]}” in 5 rows.",
        f"Merged {names[0]} (B1) into {names[1]} (B2).",
    ):
        request, response = HttpRequest(), HttpResponse()
        sent = MessageStorage(request)
        sent.add(messages.WARNING, f"Not kept: {''.join(names)}.")
        sent.add(messages.SUCCESS, said, undo)
        assert sent.update(response) == []
        cookie = response.cookies["messages"]
        assert len(cookie.coded_value) <= MessageStorage.max_cookie_size == 3_300
        request.COOKIES["messages"] = cookie.value
        kept, last = (str(each.message) for each in MessageStorage(request))
        assert kept.startswith(f"Not kept: {names[0][:30]}")
        assert (last[:9], last[-6:]) == (said[:9], said[-6:])
        assert [each.extra_tags for each in MessageStorage(request)] == ["", undo]


@pytest.mark.parametrize(("length", "kept"), [(1_000, 1_000), (2_300, 700), (20_000, 700)])
def test_a_message_quotes_as_much_as_there_is_room_for(length: int, kept: int) -> None:
    text = "".join(random.Random(1).choices(string.ascii_letters, k=length))
    sent = MessageStorage(HttpRequest())
    sent.add(messages.WARNING, f"Your reason was not kept: “{text}”. Write it again.")
    [message] = sent
    assert f"“{text[: kept - 1]}" in str(message)
    assert str(message).endswith("”. Write it again.")


def test_a_cookie_header_that_is_too_large(client: Client, settings: Any) -> None:
    """gunicorn lets it through up to 32 kB: tests/deployment/test_serving.py."""
    client.cookies["theme"] = "dark"
    client.cookies["of-another-app"] = "x" * settings.EDIP_MAX_COOKIES
    for htmx in ({}, HTMX):
        response = client.get("/accounts/", **htmx)
        assert response.status_code == 431
        assert b"Delete the cookies of this address" in response.content
    assert client.post("/accounts/new/", NEW).status_code == 431
    assert client.get("/static/css/base.css").status_code == 431
    assert client.get("/healthz").status_code == 200
    client.cookies["of-another-app"] = "x" * (settings.EDIP_MAX_COOKIES - 100)
    assert client.get("/as-of/").status_code == 200


@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "htmx"])
def test_bodies_have_a_limit(client: Client, settings: Any, htmx: dict[str, str]) -> None:
    for setting in ("EDIP_MAX_BODY", "DATA_UPLOAD_MAX_MEMORY_SIZE"):
        before = getattr(settings, setting)
        setattr(settings, setting, 10_000)
        response = client.post("/accounts/new/", NEW | {"team": "x" * 10_000}, **htmx)
        setattr(settings, setting, before)
        assert response.status_code == 413
        assert b"This is too large" in response.content
        assert bool(htmx) == ("HX-Retarget" in response.headers)


def test_a_length_that_is_no_number(client: Client) -> None:
    response = client.get("/healthz", CONTENT_LENGTH="many")
    assert response.status_code == 200


def test_only_administrators_may_send_a_large_body_to_the_import(
    client: Client, settings: Any
) -> None:
    settings.EDIP_MAX_BODY = 10_000
    settings.EDIP_IMPORT_MAX_MB = 1
    body = {"file": "x" * 20_000}
    settings.EDIP_ADMINS = ["nobody@example.com"]
    assert client.post("/admin-tools/import/", body).status_code == 413
    settings.EDIP_ADMINS = []
    assert client.post("/admin-tools/import/", body).status_code != 413
    large = client.post("/admin-tools/import/", {"file": "x" * 3 * 2**20})
    assert large.status_code == 413
    assert b"1 MB" in large.content


def test_forms_have_a_limited_number_of_fields(client: Client) -> None:
    response = client.post("/accounts/new/", {f"field{n}": "" for n in range(8001)})
    assert response.status_code == 400
    assert b"EDIP CRM" in response.content


@pytest.mark.parametrize(
    "next_url",
    [
        "https://evil.example.com/",
        "//evil.example.com/",
        "///evil.example.com/",
        "/\\evil.example.com/",
        "\\\\evil.example.com",
        "javascript:alert(1)",
        "/\tjavascript:alert(1)//evil",
        " //evil.example.com",
        "http:evil.example.com",
        "/\t/evil.example.com/",
    ],
)
def test_next_stays_here(client: Client, next_url: str) -> None:
    response = client.post("/preferences/theme/", {"theme": "dark", "next": next_url})
    # Browsers remove tabs and line breaks from addresses.
    location = re.sub(r"[\t\r\n]", "", response["Location"])
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


def test_a_wrong_method_has_its_page(client: Client) -> None:
    response = client.get("/preferences/theme/")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert text(parsed(response), "main h1")
    response = client.put("/accounts/", **HTMX)
    assert (response.status_code, response["HX-Retarget"]) == (405, "#toasts")


def test_each_view_names_its_methods(rf: RequestFactory) -> None:
    """A view that names none would take a PUT for a page."""
    assert urlpatterns
    for pattern in urlpatterns:
        arguments = dict.fromkeys(pattern.pattern.converters, "x")
        response = pattern.callback(rf.put("/"), **arguments)
        assert response.status_code == 405, pattern.name


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "ftp://a.b/c"])
def test_links_lead_to_the_web_alone(client: Client, warehouse: Warehouse, link: str) -> None:
    response = client.post("/accounts/new/", NEW | {"azure_devops_link": link})
    assert response.status_code == 422
    # A bad address that was written outside the app is shown as text, not as a link.
    warehouse.execute(
        f"INSERT INTO {_accounts(warehouse)} (bsnid, azure_devops_link) VALUES ('X', :link)",
        {"link": f"{link}\nhttps://dev.azure.com/a"},
        repeatable=False,
    )
    page = parsed(client.get("/accounts/X/"))
    assert [a["href"] for a in page.select(".links a")] == ["https://dev.azure.com/a"]
    assert "noopener" in page.select_one(".links a")["rel"]


def _accounts(warehouse: Warehouse) -> str:
    return f"{warehouse.namespace.quoted_schema}.`accounts`"
