"""EDIP_AUTH=user: a token is used for the request that brings it, unless a setting says else."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.files.uploadedfile import SimpleUploadedFile

from crm import warehouse as layer
from crm.identity import vault

from ..pages.html import parsed
from ..patience import seconds
from .conftest import ALICE, Browser, Workspace, jwt

NEW = {"bsnid": "BSN9", "team": "Payments", "business_area": "Finance"}
TYPED = "Typed with care"
SignedIn = Callable[..., Browser]


def test_the_session_keeps_no_token(
    signed_in: SignedIn, workspace: Workspace, account: str
) -> None:
    alice = signed_in(ALICE, "SELECT")
    first = alice.get("/accounts/")
    assert first.status_code == 200
    assert "no-store" in first.headers["Cache-Control"]
    assert "sessionid" not in alice.get("/accounts/").cookies, "the same token changes no cookie"
    kept = vault.load(SessionStore(alice.cookie))
    assert (kept.person, kept.token) == (ALICE, "")
    before, alice.token = workspace.server.last(), ""
    response = alice.get("/accounts/")
    assert "Payments" not in response.content.decode()
    assert response.status_code == 403
    assert not workspace.server.statements(before)


@pytest.mark.parametrize("path", ["/", "/accounts/", "/accounts/new/", "/accounts/x/delete/"])
def test_a_person_without_a_token_reads_what_to_switch_on(on_behalf: Any, path: str) -> None:
    """Signing in again would not help, so that no page asks for it."""
    response = Browser(ALICE).get(path)
    page = response.content.decode()
    assert response.status_code == 403
    assert "user authorization" in page
    assert f"Signed in as {ALICE}" in page
    assert "Sign in again" not in page
    toast = Browser(ALICE).get(path, HTTP_HX_REQUEST="true").content.decode()
    assert "user authorization" in toast
    assert "again to sign in" not in toast


def test_what_was_typed_without_a_token_is_not_lost(on_behalf: Any) -> None:
    response = Browser(ALICE).post("/accounts/new/", NEW | {"team": TYPED})
    assert response.status_code == 403
    assert TYPED in response.content.decode()
    assert "user authorization" in response.content.decode()


def test_a_kept_token_is_dropped_where_the_setting_is(
    signed_in: SignedIn, kept_tokens: None, on_behalf: Any, account: str
) -> None:
    alice = signed_in(ALICE, "SELECT")
    alice.get("/accounts/")
    assert vault.load(SessionStore(alice.cookie)).token == alice.token
    on_behalf.EDIP_SESSION_TOKENS, token = False, alice.token
    alice.token = ""
    assert alice.get("/accounts/").status_code == 403, "the setting counts for old sessions, too"
    alice.token = token
    assert alice.get("/accounts/").status_code == 200
    assert vault.load(SessionStore(alice.cookie)).token == ""
    on_behalf.EDIP_SESSION_TOKENS = True
    assert alice.get("/accounts/").status_code == 200
    alice.token = ""
    assert alice.get("/accounts/").status_code == 200, "it is kept again, without a new sign-in"


def test_with_the_setting_the_session_keeps_the_token(
    signed_in: SignedIn, kept_tokens: None, workspace: Workspace, account: str
) -> None:
    alice = signed_in(ALICE, "SELECT")
    assert alice.get("/accounts/").status_code == 200
    assert "sessionid" not in alice.get("/accounts/").cookies, "the same token changes no cookie"
    token, cookie, alice.token = alice.token, alice.cookie, ""
    assert "Payments" in alice.get("/accounts/").content.decode()
    assert token not in alice.cookie
    # Another process shares only the settings and the browser with this one.
    layer.dispose_all()
    assert alice.get("/accounts/").status_code == 200
    # A new token replaces the old one.
    alice.token = workspace.token(ALICE)
    assert alice.get("/accounts/").status_code == 200
    assert alice.cookie != cookie
    workspace.server._ask("DELETE", "/tokens", {"token": token})
    alice.token = ""
    assert alice.get("/accounts/").status_code == 200


def test_an_import_says_that_the_sign_in_ended(
    signed_in: SignedIn, on_behalf: Any, workspace: Workspace, grant: Callable[..., None]
) -> None:
    """Its thread has the token of the request that started it. *Continue* uses the newer one."""
    on_behalf.EDIP_ADMINS = [ALICE]
    alice = signed_in(ALICE, "SELECT", "MODIFY")
    workspace.server.fault("expired_token", times=None, match="^\\s*WITH")
    file = SimpleUploadedFile("accounts.csv", b"bsnid,team,business_area\nBSN7,Seven,Sales\n")
    job = alice.post("/admin-tools/import/", {"file": file, "on_conflict": "skip"})["Location"]
    assert "Your sign-in to Databricks ended" in _settled(alice, job)
    workspace.server.clear_faults()
    alice.token = workspace.token(ALICE)
    alice.post(job, {"do": "preview"})
    assert "Team becomes Seven" in _settled(alice, job)


def _settled(browser: Browser, job: str) -> str:
    """Return the text of the job's page once nothing works on it any more."""
    ends = time.monotonic() + seconds(20)
    while True:
        page = parsed(browser.get(job))
        if not page.select("#import-job[hx-trigger]"):
            return " ".join(page.select_one("main").get_text(" ").split())
        assert time.monotonic() < ends, page.select_one("main")
        time.sleep(0.05)


def test_a_form_that_is_shown_again_counts_as_refused(
    on_behalf: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    expired, missing = Browser(ALICE, jwt(ALICE, seconds=1)), Browser(ALICE)
    for browser, status in ((expired, 401), (missing, 403)):
        assert browser.post("/accounts/new/", NEW).status_code == status
    lines = [each.fields for each in caplog.records if each.name == "crm.requests"]
    assert [(each["person"], each["refusal"]) for each in lines] == [
        (ALICE, "sign-in"),
        (ALICE, "right"),
    ]


def test_the_connection_check_says_what_to_switch_on(on_behalf: Any) -> None:
    on_behalf.EDIP_ADMINS = [ALICE]
    page = parsed(Browser(ALICE).get("/admin-tools/?check=1"))
    assert "user authorization" in page.select_one(".finding-fail").get_text()
