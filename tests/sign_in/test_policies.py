"""Row filters and column masks: no page shows, counts or saves values hidden from the person."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from crm.model.schema import ACCOUNTS, TABLES, UPDATES, USE_CASES
from crm.repository.records import accounts
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..pages.html import filled_in, parsed
from ..sizes import size, soak
from .conftest import ALICE, BOB, Browser

SignedIn = Callable[..., Browser]
SHOWN, HIDDEN = "BSN-SHOWN", "BSN-HIDDEN"


@pytest.fixture
def open_and_secret(warehouse: Warehouse) -> dict[str, str]:
    """An account for everybody and one for Alice only; the ids of the second one's children."""
    ids = {"use_case": str(uuid.uuid4()), "update": str(uuid.uuid4())}
    teams = {SHOWN: "Open team", HIDDEN: "Secret team"}
    rows = [{"bsnid": key, "team": t, "business_area": f"Area of {t}"} for key, t in teams.items()]
    insert_missing(warehouse, ACCOUNTS, rows)
    rows = [
        {
            "id": ids["use_case"] if bsnid == HIDDEN else "shown",
            "account_bsnid": bsnid,
            "problem": f"Problem of {team}",
            "status": "Active",
            "leader": f"Lead {team}",
        }
        for bsnid, team in teams.items()
    ]
    insert_missing(warehouse, USE_CASES, rows)
    rows = [
        {
            "id": ids["update"] if bsnid == HIDDEN else "shown",
            "account_bsnid": bsnid,
            "author": f"Author {team}",
            "description": f"RecentChange of {team}",
        }
        for bsnid, team in teams.items()
    ]
    insert_missing(warehouse, UPDATES, rows)
    return ids


@pytest.fixture
def filtered(warehouse: Warehouse, open_and_secret: dict[str, str]) -> dict[str, str]:
    """Bob sees nothing of the hidden account, in no table."""
    home = warehouse.namespace
    function = f"{home.quoted_schema}.`may_see`"
    condition = f"current_user() <> '{BOB}' OR bsnid = '{SHOWN}'"
    statements = [
        f"CREATE FUNCTION {function}(bsnid STRING) RETURNS BOOLEAN RETURN {condition}",
        *(
            f"ALTER TABLE {home.table(table)} SET ROW FILTER {function} "
            f"ON ({table.parent_key or table.key})"
            for table in TABLES
        ),
    ]
    for statement in statements:
        warehouse.execute(statement, repeatable=True)
    return open_and_secret


PAGES = [
    "/",
    "/accounts/",
    "/attention/",
    "/trends/",
    "/search/?q=secret",
    "/people/?q=secret",
    "/areas/?q=secret",
    "/report/",
    "/report/?all=on",
    "/accounts/?q=secret",
    "/accounts/?business_area=Area+of+Secret+team",
    "/use-cases/",
    "/use-cases/?q=secret",
    "/updates/",
    "/updates/?q=secret",
]


def shown(browser: Browser, path: str) -> str:
    response = browser.get(path)
    assert response.status_code == 200, path
    # The page repeats the query: look for the word elsewhere.
    page = parsed(response)
    for chosen in page.select(".facet-option:has(input[checked])"):
        chosen.decompose()
    for echo in page.select("input, option, .chips, #announcement"):
        echo.decompose()
    return page.get_text(" ")


@soak
def test_hidden_rows_are_not_shown_counted_or_found(
    signed_in: SignedIn, filtered: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = signed_in(ALICE, "SELECT"), signed_in(BOB, "SELECT", "MODIFY")
    assert "Secret" in shown(alice, "/accounts/")
    for path in PAGES:
        text = shown(bob, path)
        assert "Open team" in text or "secret" in path.lower(), path
        assert "Secret" not in text, path
        assert HIDDEN not in text, path
    assert "This is unknown" in shown(bob, "/digest/")
    figures = parsed(bob.get("/")).select(".figures b")
    assert [figure.get_text() for figure in figures[:3]] == ["1", "1", "1"]
    _read_at_once(alice, bob)
    assert "Secret" not in caplog.text


def _read_at_once(alice: Browser, bob: Browser) -> None:
    """Two people who read at the same time never get each other's rows."""
    wrong: list[str] = []

    def read(browser: Browser, expected: bool) -> None:
        for _ in range(size(1, 4)):
            for path in ("/accounts/", "/use-cases/", "/"):
                if ("Secret" in shown(browser, path)) is not expected:
                    wrong.append(f"{browser.email} {path}")

    people = [(alice, True), (bob, False)]
    copies = [(Browser(b.email, b.token), seen) for b, seen in people for _ in range(size(2, 3))]
    threads = [threading.Thread(target=read, args=each) for each in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_pages_of_the_change_feed_under_a_row_filter(
    signed_in: SignedIn, filtered: dict[str, str]
) -> None:
    """Change feeds are refused, so there are no earlier statuses."""
    bob = signed_in(BOB, "SELECT")
    text = shown(bob, "/use-cases/?in-status-since=2026-01-01")
    assert "Use cases that were changed since may be missing here" in text
    assert "may be missing here" not in shown(bob, "/accounts/?in-status-since=2026-01-01")
    text = shown(bob, "/trends/")
    assert "keeps earlier statuses from you" in text
    assert "Area of Open team" in text
    assert "Secret" not in text


def test_what_is_empty_names_the_row_filter(
    signed_in: SignedIn, warehouse: Warehouse, filtered: dict[str, str]
) -> None:
    bob = signed_in(BOB, "SELECT")
    for path, words in {
        "/accounts/?q=zzz": "A row filter may hide matching accounts from you.",
        "/updates/?q=zzz": "A row filter may hide matching updates from you.",
    }.items():
        assert words in shown(bob, path), path
    for table in (USE_CASES, UPDATES, ACCOUNTS):
        if table is ACCOUNTS:
            text = " ".join((shown(bob, f"/accounts/{SHOWN}/") + shown(bob, "/")).split())
            for plural in ("use cases", "updates", "updates"):
                assert f"You see no {plural}: there are none yet, or a row" in text
        sql = f"DELETE FROM {warehouse.namespace.table(table)} WHERE {table.owner} = '{SHOWN}'"
        warehouse.execute(sql, repeatable=True)
    for path, plural in (("/accounts/", "accounts"), ("/use-cases/", "use cases")):
        text = " ".join(shown(bob, path).split())
        assert f"You see no {plural} There are none yet, or a row filter hides" in text, path
        assert f"No {plural} yet" not in text
    overview = " ".join(shown(bob, "/").split())
    assert "You see no accounts: there are none yet, or a row filter hides them" in overview
    assert "first account" not in overview
    assert shown(bob, "/attention/")


def test_what_is_empty_names_the_mask(signed_in: SignedIn, masked: str) -> None:
    bob = signed_in(BOB, "SELECT")
    text = shown(bob, "/accounts/?vp=Vera+Lind")
    assert "A policy may hide VP from you. Filters and the search compare what you see." in text
    assert "row filter" not in text


def test_a_hidden_account_is_not_found(
    signed_in: SignedIn, filtered: dict[str, str], warehouse: Warehouse
) -> None:
    bob = signed_in(BOB, "SELECT", "MODIFY")
    for path, absent in (
        (f"/accounts/{HIDDEN}/", "/accounts/BSN-NOWHERE/"),
        (f"/accounts/{HIDDEN}/edit/", "/accounts/BSN-NOWHERE/edit/"),
        (f"/use-cases/{filtered['use_case']}/edit/", "/use-cases/nothing/edit/"),
        (f"/updates/{filtered['update']}/edit/", "/updates/nothing/edit/"),
    ):
        assert bob.get(path).status_code == bob.get(absent).status_code == 404, path
        assert "Secret" not in bob.get(path).content.decode()
    before = accounts.get_detail(warehouse, HIDDEN)
    data = {"team": "Mine now", "business_area": "x", "updated_at": "2026-01-01T00:00:00+00:00"}
    response = bob.post(f"/accounts/{HIDDEN}/edit/", data)
    assert response.status_code == 409
    assert "Secret" not in response.content.decode()
    bob.post(f"/accounts/{HIDDEN}/delete/")
    bob.post(f"/accounts/{HIDDEN}/platforms/", {"platform": "Databricks", "status": "Requested"})
    assert accounts.get_detail(warehouse, HIDDEN) == before


# --- masks ---
def edit(browser: Browser, bsnid: str, **changes: str) -> Any:
    page = parsed(browser.get(f"/accounts/{bsnid}/edit/"))
    data = filled_in(page.select_one("#record form"))
    return browser.post(f"/accounts/{bsnid}/edit/", data | changes)


def test_a_masked_column_is_shown_as_masked(signed_in: SignedIn, masked: str) -> None:
    bob = signed_in(BOB, "SELECT", "MODIFY")
    for path in (f"/accounts/{masked}/", "/accounts/"):
        page = bob.get(path).content.decode()
        assert "***" in page
        assert "Vera Lind" not in page
    about = parsed(bob.get(f"/accounts/{masked}/")).select_one(".about .masked")
    assert "masked by a policy" in about.get_text()
    field = parsed(bob.get(f"/accounts/{masked}/edit/")).select_one("#id_vp")
    assert field.has_attr("disabled")
    assert field["value"] == "***"


def test_no_edit_writes_a_masked_value(
    signed_in: SignedIn, warehouse: Warehouse, masked: str
) -> None:
    bob = signed_in(BOB, "SELECT", "MODIFY")
    assert edit(bob, masked, team="Payments and more").status_code == 303
    account = accounts.get(warehouse, masked)
    assert (account.team, account.updated_by) == ("Payments and more", BOB)
    assert account.vp == "Vera Lind", "another field was edited"
    edit(bob, masked, vp="***", team="x")
    edit(bob, masked, vp="Mallory", shown="")
    assert accounts.get(warehouse, masked).vp == "Vera Lind", "the form was forged"


def test_a_conflict_does_not_write_a_masked_value(
    signed_in: SignedIn, warehouse: Warehouse, masked: str
) -> None:
    bob = signed_in(BOB, "SELECT", "MODIFY")
    page = parsed(bob.get(f"/accounts/{masked}/edit/"))
    data = filled_in(page.select_one("#record form")) | {"admin": "Bob"}
    seen = accounts.get(warehouse, masked)
    accounts.update(warehouse, masked, {"team": "Theirs"}, seen.updated_at)
    conflict = bob.post(f"/accounts/{masked}/edit/", data | {"team": "Mine"})
    assert conflict.status_code == 409
    assert "Vera" not in conflict.content.decode()
    again = filled_in(parsed(conflict).select_one("#record form"))
    assert bob.post(f"/accounts/{masked}/edit/", again).status_code == 303
    account = accounts.get(warehouse, masked)
    assert (account.vp, account.admin, account.team) == ("Vera Lind", "Bob", "Mine")
