"""With a shared sign-in: who the person is, and the rights that settings give."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpResponse
from django.test import Client

from crm.identity.rights import is_listed
from crm.identity.sign_in import sign_in
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from .conftest import ALICE, BOB, Browser

NEW = {"bsnid": "BSN9", "team": "Payments", "business_area": "Finance"}
FORGED = {
    "HTTP_X_FORWARDED_EMAIL": "mallory@example.com",
    "HTTP_X_FORWARDED_USER": "mallory",
    "HTTP_X_FORWARDED_PREFERRED_USERNAME": "mallory",
    "HTTP_X_FORWARDED_ACCESS_TOKEN": "eyJ-a-token-that-mallory-made",
}


def authors(warehouse: Warehouse) -> list[dict[str, Any]]:
    home = warehouse.namespace.quoted_schema
    return warehouse.query(f"SELECT created_by, updated_by FROM {home}.accounts")


def shows_editing(response: HttpResponse) -> bool:
    return "/accounts/new/" in response.content.decode()


def test_on_databricks_apps_it_is_who_the_proxy_says(in_apps: Any, warehouse: Warehouse) -> None:
    assert Browser(ALICE).post("/accounts/new/", NEW).status_code == 303
    assert authors(warehouse) == [{"created_by": ALICE, "updated_by": ALICE}]
    assert f"Signed in as {BOB}" in Browser(BOB).get("/").content.decode()


def test_another_person_in_the_same_browser_finds_nothing_of_the_first(
    in_apps: Any, warehouse: Warehouse
) -> None:
    browser = Browser(ALICE)
    browser.post("/accounts/new/", NEW)
    browser.post("/preferences/theme/", {"theme": "dark"})
    assert browser.client.cookies["messages"].value
    browser.email = BOB
    page = browser.get("/use-cases/").content.decode()
    assert "BSN9" not in page
    assert "dark" in page
    assert not browser.client.cookies["messages"].value
    assert browser.post("/accounts/new/", NEW | {"bsnid": "BSN8"}).status_code == 303
    assert "BSN8" in browser.get("/use-cases/").content.decode()  # his own messages stay


NOBODY = [
    {},
    {"EMAIL": ""},
    {"PREFERRED_USERNAME": "ada"},
    {"USER": "ada@1234567890"},
    {"EMAIL": f"{ALICE},{BOB}"},
    {"EMAIL": f"{ALICE}, {ALICE}"},
    {"EMAIL": f"{BOB} {ALICE}"},
    {"EMAIL": "a" * 255},
    {"EMAIL": ALICE, "ACCESS_TOKEN": "eyJ-a,eyJ-b"},
]


@pytest.mark.parametrize("names", NOBODY, ids=str)
@pytest.mark.parametrize("auth", ["pat", "user"])
def test_whoever_is_not_named_by_one_e_mail_opens_nothing(
    in_apps: Any, warehouse: Warehouse, server: LocalWarehouse, names: dict[str, str], auth: str
) -> None:
    """Servers join a header that was sent twice with a comma."""
    in_apps.EDIP_ADMINS = [ALICE, BOB, "a" * 254]
    in_apps.WAREHOUSE = server.config(auth=auth)
    client, before = Client(), server.last()
    headers = {f"HTTP_X_FORWARDED_{name}": value for name, value in names.items()}
    for path in ("/", "/accounts/?format=csv", "/live/", "/admin-tools/", "/nowhere/", "/as-of/"):
        response = client.get(path, **headers)
        assert response.status_code == 401, path
        assert "Signed in as" not in response.content.decode()
    assert client.post("/accounts/new/", NEW, **headers).status_code == 401
    assert client.post("/preferences/theme/", {"theme": "dark"}, **headers).status_code == 401
    assert client.get("/", HTTP_HX_REQUEST="true", **headers)["HX-Retarget"] == "#toasts"
    assert not server.statements(before)


def test_probes_and_files_need_no_person(in_apps: Any, warehouse: Warehouse) -> None:
    for path in ("/healthz", "/readyz", "/static/css/base.css"):
        assert Client().get(path).status_code == 200


def test_elsewhere_forged_headers_mean_nothing(settings: Any, warehouse: Warehouse) -> None:
    settings.IN_DATABRICKS_APPS = False
    settings.EDIP_USER = ALICE
    response = Client().get("/", **FORGED)
    assert f"Signed in as {ALICE}" in response.content.decode()
    assert "mallory" not in response.content.decode()
    assert Client().post("/accounts/new/", NEW, **FORGED).status_code == 303
    assert authors(warehouse) == [{"created_by": ALICE, "updated_by": ALICE}]


def test_forged_headers_make_no_editor(settings: Any, warehouse: Warehouse) -> None:
    settings.IN_DATABRICKS_APPS = False
    settings.EDIP_USER = ALICE
    settings.EDIP_EDITORS = ["mallory@example.com"]
    assert Client().post("/accounts/new/", NEW, **FORGED).status_code == 403
    assert authors(warehouse) == []


def test_editors_may_write_and_others_only_look(in_apps: Any, warehouse: Warehouse) -> None:
    in_apps.EDIP_EDITORS = ["@example.org", BOB]
    alice, bob, carol = Browser(ALICE), Browser(BOB), Browser("carol@Example.ORG")
    assert alice.post("/accounts/new/", NEW).status_code == 403
    assert authors(warehouse) == []
    assert not shows_editing(alice.get("/accounts/"))
    assert "You can read everything here" in alice.get("/accounts/new/").content.decode()
    assert shows_editing(bob.get("/accounts/"))
    assert carol.post("/accounts/new/", NEW).status_code == 303


def test_no_header_shows_the_token(in_apps: Any, rf: Any) -> None:
    request = rf.get("/", HTTP_X_FORWARDED_ACCESS_TOKEN="eyJ-secret")
    assert "eyJ-secret" in str(request.headers)
    request.session = SessionStore()
    sign_in(request)
    assert "eyJ-secret" not in f"{request.headers} {request.META} {request.environ}"


def test_each_person_has_a_limit_of_their_own(in_apps: Any, warehouse: Warehouse) -> None:
    in_apps.EDIP_WRITES_PER_MINUTE = 2
    client = Client()
    statuses = [
        Browser(email, client=client).post("/preferences/theme/", {"theme": "dark"}).status_code
        for email in (ALICE, ALICE, ALICE, BOB, BOB, BOB)
    ]
    assert statuses == [303, 303, 429] * 2


def test_a_reader_may_choose_colours(in_apps: Any, warehouse: Warehouse) -> None:
    in_apps.EDIP_EDITORS = [BOB]
    assert Browser(ALICE).post("/preferences/theme/", {"theme": "dark"}).status_code == 303


def test_the_token_of_the_header_is_not_used(in_apps: Any, warehouse: Warehouse) -> None:
    browser = Browser(ALICE, "eyJ-some-token-of-alice")
    assert browser.get("/").status_code == 200
    # The session knows the person, to tell them from the next one, and nothing of the token.
    assert set(browser.client.session.keys()) == {"person"}


def test_who_is_an_administrator(in_apps: Any, rf: Any) -> None:
    def is_admin(email: str) -> bool:
        request = rf.get("/", HTTP_X_FORWARDED_EMAIL=email)
        request.session = SessionStore()
        return sign_in(request).person.is_admin

    in_apps.LOCAL = False
    assert not is_admin(ALICE)
    in_apps.EDIP_ADMINS = [ALICE]
    assert is_admin(ALICE)
    assert not is_admin(BOB)
    in_apps.EDIP_ADMINS = []
    in_apps.LOCAL = True
    assert is_admin(ALICE)
    assert not is_admin("")


@pytest.mark.parametrize(
    ("email", "listed", "found"),
    [
        ("ada@example.com", ["ada@example.com"], True),
        ("Ada@Example.com", [" ada@EXAMPLE.com "], True),
        ("ada@example.com", ["example.com"], True),
        ("ada@example.com", ["@example.com"], True),
        ("ada@sub.example.com", ["example.com"], False),
        ("ada@badexample.com", ["example.com"], False),
        ("ada@example.com.evil.org", ["example.com"], False),
        ("", [""], False),
        ("ada@example.com", [], False),
    ],
)
def test_lists_of_people(email: str, listed: list[str], found: bool) -> None:
    assert is_listed(email, listed) is found
