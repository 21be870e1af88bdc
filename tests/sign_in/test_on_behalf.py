"""EDIP_AUTH=user: each request brings the person's token in the proxy's header."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.identity import warehouses
from crm.warehouse import Warehouse

from ..pages.html import parsed
from .conftest import ALICE, BOB, Browser, Workspace, jwt

NEW = {"bsnid": "BSN9", "team": "Payments", "business_area": "Finance"}
SignedIn = Callable[..., Browser]


def users(workspace: Workspace, after: int) -> set[str]:
    return {entry["user"] for entry in workspace.server.statements(after)}


def test_statements_have_the_persons_rights(
    signed_in: SignedIn, workspace: Workspace, warehouse: Warehouse
) -> None:
    alice = signed_in(ALICE, "SELECT", "MODIFY")
    before = workspace.server.last()
    assert alice.post("/accounts/new/", NEW).status_code == 303
    assert "Payments" in alice.get("/accounts/BSN9/").content.decode()
    assert users(workspace, before) == {ALICE}
    form = alice.get("/accounts/BSN9/updates/new/").content.decode()
    assert 'value="Alice"' in form
    home = warehouse.namespace.quoted_schema
    row = warehouse.query(f"SELECT created_by, updated_by FROM {home}.accounts")
    assert row == [{"created_by": ALICE, "updated_by": ALICE}]


def test_another_person_ends_the_session(
    signed_in: SignedIn, kept_tokens: None, workspace: Workspace, account: str
) -> None:
    browser = signed_in(ALICE, "SELECT", "MODIFY")
    browser.post("/accounts/new/", NEW)
    assert "messages" in browser.client.cookies
    before = workspace.server.last()
    browser.email, browser.token = BOB, ""
    response = browser.get("/accounts/")
    assert response.status_code == 403
    assert "BSN9" not in response.content.decode()
    assert not browser.cookie
    assert not browser.client.cookies["messages"].value
    # Not even with her name again: the session is over.
    browser.email = ALICE
    assert browser.get("/accounts/").status_code == 403
    assert not workspace.server.statements(before)


def test_another_person_with_a_token_gets_a_session_of_their_own(
    signed_in: SignedIn, workspace: Workspace, account: str
) -> None:
    browser, bob = signed_in(ALICE, "SELECT"), signed_in(BOB, "SELECT")
    browser.get("/accounts/")
    before = workspace.server.last()
    browser.email, browser.token = BOB, bob.token
    assert f"Signed in as {BOB}" in browser.get("/accounts/").content.decode()
    assert users(workspace, before) == {BOB}


def test_a_form_of_the_person_before_is_refused(signed_in: SignedIn, account: str) -> None:
    browser, bob = signed_in(ALICE, "SELECT", "MODIFY"), signed_in(BOB, "SELECT", "MODIFY")
    browser.client = Client(enforce_csrf_checks=True)
    page = browser.get("/accounts/new/").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    browser.email, browser.token = BOB, bob.token
    response = browser.post("/accounts/new/", NEW | {"csrfmiddlewaretoken": token})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


@pytest.mark.parametrize("path", ["/", "/accounts/", "/accounts/new/", "/updates/x/edit/"])
def test_an_expired_token_says_sign_in_again(
    on_behalf: Any, workspace: Workspace, path: str
) -> None:
    before = workspace.server.last()
    response = Browser(ALICE, jwt(ALICE, seconds=10)).get(path)
    assert response.status_code == 401
    assert "Sign in again" in response.content.decode()
    assert f'href="{path}">Sign in again' in response.content.decode()
    assert not workspace.server.statements(before)


def test_a_token_that_expires_at_the_warehouse(
    signed_in: SignedIn, workspace: Workspace, account: str
) -> None:
    alice = signed_in(ALICE, "SELECT")
    assert alice.get("/accounts/").status_code == 200
    workspace.token(ALICE, alice.token, expires_in=-1)
    assert alice.get("/accounts/").status_code == 401
    alice.token = workspace.token(ALICE)
    assert alice.get("/accounts/").status_code == 200


def test_htmx_shows_a_toast_and_leaves_the_page(on_behalf: Any) -> None:
    browser = Browser(ALICE, jwt(ALICE, seconds=1))
    response = browser.get(
        "/accounts/",
        HTTP_HX_REQUEST="true",
        HTTP_HX_CURRENT_URL="http://testserver/accounts/?q=x",
    )
    assert response.status_code == 401
    assert response["HX-Retarget"] == "#toasts"
    assert 'href="/accounts/?q=x"' in response.content.decode()


def test_what_was_typed_is_not_lost(on_behalf: Any) -> None:
    browser = Browser(ALICE, jwt(ALICE, seconds=1))
    response = browser.post("/accounts/new/", NEW | {"team": "Typed with care"})
    assert response.status_code == 401
    assert "Typed with care" in response.content.decode()
    assert "Sign in again in another tab" in response.content.decode()


TYPED = "Typed with care"
STATUS = {"platform": "Databricks", "status": "Requested", "reason": TYPED}


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/accounts/B1/edit/", NEW | {"team": TYPED}),
        ("/accounts/B1/compose/", {"description": TYPED, "date": "2026-03-31", "id": "d1"}),
        ("/accounts/B1/platforms/", STATUS),
        ("/accounts/bulk/preview/", {"of": "key=B1", "do": "update", "description": TYPED}),
        ("/preferences/me/", {"names": TYPED}),
    ],
)
def test_every_form_keeps_its_text_without_a_sign_in(
    on_behalf: Any, path: str, fields: dict[str, str]
) -> None:
    """The page has it in a form, which can be sent again after signing in in another tab."""
    browser = Browser(ALICE, jwt(ALICE, seconds=1))
    response = browser.post(path, fields)
    assert response.status_code == 401
    page = parsed(response)
    kept = [each.get("value") or each.get_text() for each in page.select("main form *")]
    assert any(TYPED in text for text in kept), page.select_one("main")
    assert "in another tab" in page.select_one("main").get_text()


@pytest.mark.parametrize("path", ["/", "/accounts/", "/accounts/new/", "/accounts/x/delete/"])
def test_nobody_signed_in_and_nothing_used_instead(
    on_behalf: Any, workspace: Workspace, path: str
) -> None:
    client_id = workspace.principal("secret", admin=True)
    on_behalf.WAREHOUSE = workspace.config(
        auth="user", client_id=client_id, client_secret="secret", workspace_url=workspace.origin
    )
    before = workspace.server.last()
    assert Browser(ALICE).get(path).status_code == 403
    assert Client().get(path).status_code == 401
    assert Client().post("/accounts/new/", NEW).status_code == 401
    assert not workspace.server.statements(before)


def test_outside_of_databricks_apps_nobody_can_sign_in(
    signed_in: SignedIn, on_behalf: Any, workspace: Workspace
) -> None:
    alice = signed_in(ALICE, "SELECT")
    assert alice.get("/accounts/").status_code == 200
    on_behalf.IN_DATABRICKS_APPS = False
    before = workspace.server.last()
    # Neither by headers nor by a session from there.
    assert alice.get("/accounts/").status_code == 401
    assert not workspace.server.statements(before)


def test_probes_need_no_sign_in(on_behalf: Any) -> None:
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/readyz").status_code == 200


def test_a_token_without_the_scope_or_the_warehouse(
    signed_in: SignedIn, workspace: Workspace, account: str
) -> None:
    for attributes in ({"scopes": ["files"]}, {"warehouse": False}):
        response = signed_in(ALICE, **attributes).get("/accounts/")
        assert response.status_code == 403
        assert "You may not use the SQL warehouse" in response.content.decode()


def test_a_token_too_long_for_a_cookie(
    signed_in: SignedIn, kept_tokens: None, workspace: Workspace, account: str
) -> None:
    alice = signed_in(ALICE, "SELECT")
    alice.token = workspace.token(ALICE, "".join(jwt(ALICE) for _ in range(20)))
    assert alice.get("/accounts/").status_code == 200
    assert 0 < len(alice.cookie) < 800
    assert alice.get("/accounts/").status_code == 200
    alice.token = ""
    assert alice.get("/accounts/").status_code == 403


def test_a_forged_cookie_is_no_session(
    signed_in: SignedIn, kept_tokens: None, account: str
) -> None:
    alice = signed_in(ALICE, "SELECT")
    alice.get("/accounts/")
    mallory = Browser("mallory@example.com", client=alice.client)
    assert mallory.get("/accounts/").status_code == 403
    for cookie in ("x", alice.cookie[:-4] + "AAAA", ""):
        client = Client()
        client.cookies["sessionid"] = cookie
        assert Browser(ALICE, client=client).get("/accounts/").status_code == 403


@pytest.mark.parametrize("is_kept", [False, True])
def test_the_token_is_seen_nowhere(
    on_behalf: Any,
    is_kept: bool,
    signed_in: SignedIn,
    workspace: Workspace,
    account: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "crm")
    on_behalf.EDIP_SESSION_TOKENS = is_kept
    alice = signed_in(ALICE, "SELECT")
    tokens = [alice.token]
    seen = []

    def get(path: str) -> None:
        response = alice.get(path)
        seen.append(f"{response.content.decode()} {response.items()} {response.cookies}")
        request = response.wsgi_request
        seen.append(f"{request!r} {request.META} {request.headers} {request.person!r}")
        seen.append(f"{request.environ}")

    for path in ("/", "/accounts/", "/accounts/none/", "/nowhere", "/accounts/new/"):
        get(path)
    seen.append(repr(warehouses.for_user(ALICE, alice.token, time.time() + 60)))
    workspace.token(ALICE, alice.token, expires_in=-1)
    get("/accounts/")
    alice.token = "dapi-of-nobody-at-all"
    tokens.append(alice.token)
    get("/accounts/")
    workspace.server.fault("drop_before", times=None)
    alice.token = workspace.token(ALICE)
    tokens.append(alice.token)
    get("/accounts/")
    seen.append(caplog.text)
    assert all(token not in text for token in tokens for text in seen)
    assert ALICE in caplog.text


def test_the_debug_page_shows_no_token(
    signed_in: SignedIn, on_behalf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_behalf.DEBUG = True
    alice = signed_in(ALICE, "SELECT")
    alice.client.raise_request_exception = False
    monkeypatch.setattr("crm.repository.records.accounts.search", None)
    response = alice.get("/accounts/")
    assert response.status_code == 500
    assert "Traceback" in response.content.decode()
    assert alice.token not in response.content.decode()
