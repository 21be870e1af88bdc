"""Merging, moving and onboarding where policies hide something: it is not written, lost or claimed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bs4 import BeautifulSoup

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse

from ..pages.html import filled_in, parsed, record_form, text, texts
from .conftest import BOB, Browser, Workspace
from .test_hidden_keys import NEW, config_with_app, count, filtered, toasts  # noqa: F401

SignedIn = Callable[..., Browser]
MERGE = "/accounts/SHOWN/merge/OTHER/"


def mask(wh: Warehouse, table: Any, column: str) -> None:
    """Show Bob stars instead of the column's values."""
    function = f"{wh.namespace.quoted_schema}.`hide_{table.name}_{column}`"
    value = f"CASE WHEN current_user() = '{BOB}' THEN '***' ELSE value END"
    for statement in (
        f"CREATE FUNCTION {function}(value STRING) RETURNS STRING RETURN {value}",
        f"ALTER TABLE {wh.namespace.table(table)} ALTER COLUMN {column} SET MASK {function}",
    ):
        wh.execute(statement, repeatable=True)


def merge(bob: Browser, **chosen: str) -> Any:
    return bob.post(MERGE, filled_in(parsed(bob.get(MERGE)).select_one("form.merge")) | chosen)


def test_a_merge_neither_loses_nor_overwrites_what_is_hidden(
    filtered: Warehouse,  # noqa: F811
    signed_in: SignedIn,
    workspace: Workspace,
    on_behalf: Any,
) -> None:
    wh = filtered
    hide_rows_and_a_column(wh)
    bob, config = signed_in(BOB, "SELECT", "MODIFY"), on_behalf.WAREHOUSE
    assert bob.get("/accounts/SHOWN/merge/HIDDEN/").status_code == 404
    # The app sees the update that he does not: nothing is done.
    on_behalf.WAREHOUSE = config_with_app(
        workspace, workspace.principal("a-secret", admin=True), "a-secret"
    )
    for table, hidden in ((PLATFORMS_STATUS, "1 platform status"), (UPDATES, "1 update")):
        refused = merge(bob)
        assert refused.status_code == 409
        assert f"a row filter hides {hidden} of these accounts" in text(parsed(refused), ".banner")
        if table is PLATFORMS_STATUS:
            wh.execute(f"DELETE FROM {wh.namespace.table(table)}", repeatable=True)
    assert count(wh, ACCOUNTS, "bsnid = 'OTHER' AND vp = 'Hidden VP'") == 1
    assert count(wh, UPDATES, "account_bsnid = 'OTHER'") == 2
    # If the app has no rights, the page says before and after the merge what may be left.
    on_behalf.WAREHOUSE = config
    require_what_may_be_left(parsed(bob.get(MERGE)))
    told = toasts(bob, merge(bob, team="other", vp="other")["Location"])
    assert (
        "Platform statuses and updates that a row filter hides from you, if any, did not" in told
    )
    assert count(wh, ACCOUNTS, "bsnid = 'SHOWN' AND vp = 'Kept VP' AND team = 'Other'") == 1
    assert count(wh, UPDATES, "account_bsnid = 'OTHER' AND author = 'Nobody'") == 1
    assert count(wh, USE_CASES, "account_bsnid = 'SHOWN'") == 1
    mask(wh, USE_CASES, "account_bsnid")
    accounts.create(wh, {"bsnid": "OTHER", "team": "Other"})
    require_no_change_of_a_hidden_account(signed_in(BOB, "SELECT", "MODIFY"))
    assert count(wh, USE_CASES, "account_bsnid = 'SHOWN'") == 1


def hide_rows_and_a_column(wh: Warehouse) -> None:
    """Make two accounts of which Bob sees neither updates by nobody nor the VP."""
    accounts.create(wh, {"bsnid": "OTHER", "team": "Other", "vp": "Hidden VP"})
    use_cases.create(wh, "OTHER", "u-1", {"problem": "P"})
    updates.create(wh, "OTHER", "n-1", {"author": "Nobody", "description": "D"})
    updates.create(wh, "OTHER", "n-2", {"author": "Ana", "description": "D"})
    seen = accounts.get(wh, "SHOWN").updated_at
    accounts.update(wh, "SHOWN", {"vp": "Kept VP"}, seen)
    mask(wh, ACCOUNTS, "vp")


def require_what_may_be_left(page: BeautifulSoup) -> None:
    assert not page.select("[name=vp]")
    assert "masks VP: SHOWN keeps its own" in page.select_one("form.merge").get_text()
    lead = text(page, ".lead")
    assert "and updates of OTHER that a row filter hides from you do not move" in lead
    assert "You cannot undo this here" in lead


def require_no_change_of_a_hidden_account(bob: Browser) -> None:
    """A use case of which he cannot see the account neither moves nor is merged."""
    page = parsed(bob.get(MERGE))
    assert "so accounts cannot be merged here" in text(page, "main")
    assert not page.select(".lead")
    assert "cannot be merged" in text(parsed(bob.post(MERGE, {"plan": "x"})), "main")
    page = parsed(bob.get("/use-cases/bulk/change/?key=u-1"))
    assert not page.select("[name=account]")
    sent = {"of": "key=u-1", "do": "move", "account": "OTHER"}
    assert bob.post("/use-cases/bulk/preview/", sent).status_code == 403


def test_onboarding_claims_no_key_and_writes_no_column_that_is_hidden(
    filtered: Warehouse,  # noqa: F811
    signed_in: SignedIn,
    workspace: Workspace,
    on_behalf: Any,
) -> None:
    wh = filtered
    accounts.create(wh, {"bsnid": "BSN007", "team": "Alice's"})
    mask(wh, USE_CASES, "problem")
    mask(wh, ACCOUNTS, "vp")
    bob, config = signed_in(BOB, "SELECT", "MODIFY"), on_behalf.WAREHOUSE
    on_behalf.WAREHOUSE = config_with_app(
        workspace, workspace.principal("a-secret", admin=True), "a-secret"
    )
    form = record_form(bob.get("/accounts/new/"))
    form.pop("check")
    assert "first_update" in form
    assert "first_problem" not in form
    begun = {"first_status_0": "Requested", "first_problem": "P", "first_update": "D", "vp": "V"}
    sent = form | NEW | begun
    taken = bob.post("/accounts/new/", sent)
    assert taken.status_code == 422
    assert texts(parsed(taken), "#record .field-errors li") == [
        "An account with this BSNID exists already."
    ]
    done = bob.post("/accounts/new/", sent | {"bsnid": "BSN008"})
    assert done["Location"] == "/accounts/BSN008/"
    assert count(wh, ACCOUNTS, "bsnid = 'BSN008' AND vp IS NULL") == 1
    assert count(wh, UPDATES, "account_bsnid = 'BSN008'") == 1
    assert count(wh, USE_CASES, "TRUE") == 0
    # Without the app's rights, the account is saved a second time, and nobody sees what is added.
    on_behalf.WAREHOUSE = config
    saved = bob.post("/accounts/new/", sent | {"form_id": "another"})
    told = " ".join(texts(parsed(saved), "#toasts p"))
    assert record_form(saved)["first_update"] == "D"
    assert "The new account was saved, but you do not see it" in told
    assert "Not all of this was added to the new account: Databricks: Requested; “D”" in told
    assert count(wh, ACCOUNTS, "bsnid = 'HIDDEN'") == 2
    assert count(wh, PLATFORMS_STATUS, "account_bsnid = 'HIDDEN'") == 0
    assert count(wh, UPDATES, "account_bsnid = 'HIDDEN'") == 0
