"""When a person was last here, and what changed since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.signing import get_cookie_signer
from django.test import Client

from crm.middleware import visit
from crm.model.as_of_address import address
from crm.repository.records import accounts
from crm.warehouse import Warehouse
from tests.conftest import Statements

from ..patience import next_second
from .html import HTMX, parsed, text, texts

PAGE = {"HTTP_ACCEPT": "text/html,*/*;q=0.8", "HTTP_SEC_FETCH_MODE": "navigate"}
CHOOSE = "/as-of/?next=/since/"
FIRST = "This browser knows of no earlier visit of yours."


def remember(
    client: Client, seen: dt.datetime, before: str = "", person: str = configured.EDIP_USER
) -> None:
    """Give the browser the cookie of a visit."""
    signer = get_cookie_signer(salt=f"{visit.COOKIE}visit of {person}")
    client.cookies[visit.COOKIE] = signer.sign(f"{int(seen.timestamp())}-{before}")


def hours_ago(hours: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(hours=hours)


def since(client: Client, **headers: Any) -> str:
    """Return the address to which the choice of the last visit leads; empty without a choice."""
    page = parsed(client.get(CHOOSE, **(headers or PAGE)))
    button = page.select_one("main [name=ago][value=visit]")
    if button is None:
        return ""
    return client.get(f"{CHOOSE}&ago=visit", **(headers or PAGE))["Location"]


def test_the_first_visit_says_so(client: Client) -> None:
    for _ in range(2):  # the first visit continues
        assert FIRST in text(parsed(client.get(CHOOSE, **PAGE)), ".as-of-choice .quiet")
        assert client.get(f"{CHOOSE}&ago=visit", **PAGE).status_code == 200
    assert visit.COOKIE in client.cookies
    assert not parsed(client.get("/", **PAGE)).select("[value=visit]")


def test_a_later_visit_offers_the_end_of_the_one_before(
    client: Client, statements: Statements
) -> None:
    left = hours_ago(20)
    remember(client, left)
    with statements() as done:
        assert since(client) == address(left, "/since/")
        assert since(client) == address(left, "/since/")  # later in the visit, too
    assert len(done) == 0
    # Another tab, whose request had the earlier cookie, begins the same visit.
    remember(client, left)
    assert since(client) == address(left, "/since/")
    first = parsed(client.get(CHOOSE, **PAGE)).select_one(".as-of-choice form")
    assert text(first, ".button-primary") == "Since I was last here"


def test_a_visit_lasts_while_the_person_asks_for_pages(client: Client) -> None:
    left = hours_ago(20)
    remember(client, hours_ago(0.9), str(int(left.timestamp())))
    client.get("/preferences/theme/", **HTMX)  # refused: this shows nothing
    assert since(client, **HTMX) == address(left, "/since/")
    signed = client.cookies[visit.COOKIE].value
    assert hours_ago(0.1).timestamp() < int(signed.partition("-")[0])
    ended = hours_ago(1.1)
    remember(client, ended, str(int(left.timestamp())))
    assert since(client) == address(ended, "/since/")


SCRIPT = {"HTTP_ACCEPT": "text/html", "HTTP_SEC_FETCH_MODE": "cors"}


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get("/admin-tools/", **SCRIPT),
        lambda client: client.get("/admin-tools/", **HTMX, HTTP_HX_TARGET="import-job"),
        lambda client: client.get("/as-of/", HTTP_ACCEPT="*/*"),
        lambda client: client.get("/nowhere/", **PAGE),
    ],
    ids=["a refresh by a script", "a running import", "a probe", "an error"],
)
def test_what_is_no_visit(client: Client, ask: Callable[[Client], Any]) -> None:
    remember(client, hours_ago(20))
    before = client.cookies[visit.COOKIE].value
    ask(client)
    assert client.cookies[visit.COOKIE].value == before


@pytest.mark.parametrize("forged", ["", "x", "1-2", "5:abc"])
def test_a_cookie_of_somebody_else_counts_as_none(client: Client, forged: str) -> None:
    remember(client, hours_ago(20), person="eve@example.com")
    if forged:
        client.cookies[visit.COOKIE] = forged
    assert since(client) == ""


def test_who_is_not_signed_in_has_no_visits(client: Client, settings: Any) -> None:
    settings.EDIP_USER = ""
    page = parsed(client.get(CHOOSE, **PAGE))
    assert "Nobody is signed in" in text(page, ".as-of-choice .quiet")
    assert visit.COOKIE not in client.cookies


def test_what_changed_since_the_last_visit(
    client: Client, sample: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_second()  # a visit is noted in whole seconds, and the tables are new
    client.get("/as-of/", **PAGE)
    next_second()
    accounts.update(sample, "BSN001", {"team": "Later"}, accounts.get(sample, "BSN001").updated_at)
    monkeypatch.setattr(visit, "AWAY_AFTER", dt.timedelta(seconds=0.5))
    button = parsed(client.get("/activity/?mine=on", **PAGE)).select_one(".page-head form")
    assert text(button, "button") == "Since I was last here"
    assert button.select_one("[name=next]")["value"] == "/since/?mine=on"
    monkeypatch.undo()
    shown = parsed(client.get(client.get(f"{CHOOSE}&ago=visit", **PAGE)["Location"], **PAGE))
    assert "when you were last here in this browser" in text(shown, ".lead")
    assert texts(shown, "h2") == ["Changed since 1"]
