"""Creating a row whose key a row filter hides, and a row that a row filter hides."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES
from crm.repository.records import accounts, platforms
from crm.warehouse import Warehouse, statements
from crm.warehouse.config import WarehouseConfig
from crm.warehouse.credentials import Identity
from crm.warehouse.deadline import limit
from crm.warehouse.sign_in import service_principal

from ..conftest import LocalWarehouse
from ..pages.html import HTMX, parsed
from .conftest import BOB, Browser, Workspace

SignedIn = Callable[..., Browser]
NEW = {"bsnid": "HIDDEN", "team": "Bob's", "business_area": "Finance"}
STATUS = {"platform": "Snowflake", "status": "Requested", "updated_at": ""}
# The read of the rows with a key, and of those of an account; the app reads them first.
ROWS, ROWS_OF_ACCOUNT = r"change_id\W+FROM \S+accounts. AS t WHERE", r"change_id\W+FROM \(SELECT"
# The count of the accounts' children.
COUNTS = r"AS place, COUNT"


@pytest.fixture
def filtered(warehouse: Warehouse) -> Warehouse:
    """Bob does not see the account HIDDEN, statuses of Snowflake, and updates by nobody."""
    for bsnid in ("HIDDEN", "SHOWN"):
        accounts.create(warehouse, {"bsnid": bsnid, "team": "Alice's"})
    platforms.set_status(warehouse, "SHOWN", "Snowflake", "Completed", None)
    home = warehouse.namespace
    for table, column, hidden in (
        (ACCOUNTS, "bsnid", "HIDDEN"),
        (PLATFORMS_STATUS, "platform", "Snowflake"),
        (UPDATES, "author", "Nobody"),
    ):
        function = f"{home.quoted_schema}.`of_{table.name}`"
        condition = f"current_user() <> '{BOB}' OR value <> '{hidden}'"
        for statement in (
            f"CREATE FUNCTION {function}(value STRING) RETURNS BOOLEAN RETURN {condition}",
            f"ALTER TABLE {home.table(table)} SET ROW FILTER {function} ON ({column})",
        ):
            warehouse.execute(statement, repeatable=True)
    return warehouse


def count(wh: Warehouse, table: Any, condition: str) -> int:
    sql = f"SELECT COUNT(*) AS n FROM {wh.namespace.table(table)} WHERE {condition}"
    n: int = wh.query(sql)[0]["n"]
    return n


def config_with_app(workspace: Workspace, client_id: str, secret: str) -> WarehouseConfig:
    """People use their own rights, and the app has some of its own."""
    service_principal.load_sdk()
    return workspace.config(
        auth="user",
        token="",
        client_id=client_id,
        client_secret=secret,
        workspace_url=workspace.origin,
    )


def fail_read(server: LocalWarehouse, match: str, *, sqlstate: str = "57KD0", at: int = 1) -> None:
    """Let the next read that matches fail: it takes too long, unless ``sqlstate`` says why."""
    server.fault("error", match=match, error_class="INJECTED", sqlstate=sqlstate, at=at)


def hidden_update() -> dict[str, str]:
    """Return the form of a new update that Bob will not see."""
    id = str(uuid.uuid4())
    return {"id": id, "author": "Nobody", "date": "2026-03-01", "description": "D"}


def toasts(browser: Browser, path: str) -> str:
    return parsed(browser.get(path)).select_one("#toasts").get_text()


def test_the_app_finds_the_key_with_its_own_rights(
    filtered: Warehouse, signed_in: SignedIn, workspace: Workspace, on_behalf: Any
) -> None:
    client_id = workspace.principal("a-secret", admin=True)
    on_behalf.WAREHOUSE = config_with_app(workspace, client_id, "a-secret")
    bob = signed_in(BOB, "SELECT", "MODIFY")
    require_no_write_while_the_app_cannot_read(bob, filtered, workspace.server)
    answer = bob.post("/accounts/new/", NEW)
    assert (answer.status_code, count(filtered, ACCOUNTS, "bsnid = 'HIDDEN'")) == (422, 1)
    assert "An account with this BSNID exists already." in answer.content.decode()
    answer = bob.post("/accounts/SHOWN/platforms/", STATUS, **HTMX)
    assert (answer.status_code, count(filtered, PLATFORMS_STATUS, "TRUE")) == (409, 1)
    assert "which a row filter hides from you" in answer.content.decode()
    # Somebody has set one meanwhile that no row filter hides.
    platforms.set_status(filtered, "SHOWN", "Databricks", "Completed", None)
    answer = bob.post("/accounts/SHOWN/platforms/", STATUS | {"platform": "Databricks"}, **HTMX)
    assert answer.status_code == 409
    assert "row filter" not in answer.content.decode()
    same = {"platform": "Databricks", "status": "Completed"}
    assert bob.post("/accounts/SHOWN/platforms/", STATUS | same, **HTMX).status_code == 200
    # The person creates rows that nothing hides as usual, and only once if the form is sent twice.
    new = NEW | {"bsnid": "B-NEW", "form_id": uuid.uuid4().hex}
    assert [bob.post("/accounts/new/", new).status_code for _ in "ab"] == [303, 303]
    assert count(filtered, ACCOUNTS, f"bsnid = 'B-NEW' AND created_by = '{BOB}'") == 1
    require_one_row_after_a_lost_answer(bob, filtered, workspace.server)
    # If the app has lost its rights, people continue with theirs.
    fail_read(workspace.server, ROWS, sqlstate="42501")
    assert bob.post("/accounts/new/", NEW | {"bsnid": "B-DENIED"}).status_code == 303
    workspace.set_principal(client_id, "another-secret")
    on_behalf.WAREHOUSE = config_with_app(workspace, client_id, "x")
    assert bob.post("/accounts/new/", NEW | {"bsnid": "B-NEWER"}).status_code == 303


def require_no_write_while_the_app_cannot_read(
    bob: Browser, filtered: Warehouse, server: LocalWarehouse
) -> None:
    """The person sends the form again."""
    fail_read(server, ROWS)
    answer = bob.post("/accounts/new/", NEW)
    assert (answer.status_code, count(filtered, ACCOUNTS, "bsnid = 'HIDDEN'")) == (504, 1)
    assert parsed(answer).select_one("[name=team]")["value"] == NEW["team"]
    fail_read(server, ROWS_OF_ACCOUNT)
    answer = bob.post("/accounts/SHOWN/platforms/", STATUS, **HTMX)
    assert (answer.status_code, count(filtered, PLATFORMS_STATUS, "TRUE")) == (504, 1)


def require_one_row_after_a_lost_answer(
    bob: Browser, filtered: Warehouse, server: LocalWarehouse
) -> None:
    """A row filter hides the row from the person. The app sees that it was saved; if it cannot
    read that now, the row is not inserted again."""
    # The MERGE matches, too.
    for at, expected in ((3, (503, 1)), (4, (303, 2))):
        server.fault("drop_after", match="MERGE INTO .*updates")
        fail_read(server, ROWS_OF_ACCOUNT, at=at)
        answer = bob.post("/accounts/SHOWN/updates/new/", hidden_update())
        assert (answer.status_code, count(filtered, UPDATES, "TRUE")) == expected
    server.clear_faults()


def test_what_is_hidden_from_its_author_is_reported_as_saved(
    filtered: Warehouse, signed_in: SignedIn
) -> None:
    bob = signed_in(BOB, "SELECT", "MODIFY")
    answer = bob.post("/accounts/new/", NEW)
    assert (answer.status_code, answer["Location"]) == (303, "/accounts/")
    assert "The new account was saved, but you do not see it" in toasts(bob, "/accounts/")
    # Without rights of its own, the app cannot find the hidden row: the integrity page does.
    assert count(filtered, ACCOUNTS, "bsnid = 'HIDDEN'") == 2
    answer = bob.post("/accounts/SHOWN/updates/new/", hidden_update())
    assert (answer.status_code, answer["Location"]) == (303, "/accounts/SHOWN/")
    assert "The new update was saved, but you do not see it" in toasts(bob, "/accounts/SHOWN/")
    assert bob.post("/accounts/SHOWN/compose/", hidden_update()).status_code == 303
    assert "The update was saved, but you do not see it" in toasts(bob, "/accounts/SHOWN/")
    assert count(filtered, UPDATES, "TRUE") == 2
    answer = bob.post("/accounts/SHOWN/platforms/", STATUS, **HTMX)
    assert answer.status_code == 200
    assert "was saved, but you do not see it" in answer.content.decode()


def test_a_status_that_was_hidden_meanwhile_gets_no_second_row(
    filtered: Warehouse, signed_in: SignedIn
) -> None:
    bob = signed_in(BOB, "SELECT", "MODIFY")
    seen = platforms.list_for(filtered, "SHOWN")[0].updated_at.isoformat()
    answer = bob.post("/accounts/SHOWN/platforms/", STATUS | {"updated_at": seen}, **HTMX)
    assert answer.status_code == 409
    assert "or a row filter hides it from you now. Nothing was saved" in answer.content.decode()
    assert count(filtered, PLATFORMS_STATUS, "TRUE") == 1
    answer = bob.post("/accounts/HIDDEN/updates/new/", hidden_update())
    assert answer.status_code == 409
    assert "was deleted in the meantime, or a row filter hides it" in answer.content.decode()


def test_deleting_leaves_no_child_that_a_row_filter_hides(
    filtered: Warehouse, signed_in: SignedIn, workspace: Workspace, on_behalf: Any
) -> None:
    bob = signed_in(BOB, "SELECT", "MODIFY")
    platforms.set_status(filtered, "SHOWN", "Databricks", "Completed", None)
    platforms.set_status(filtered, "HIDDEN", "Databricks", "Completed", None)
    # He sees its status, but not the account itself: none of it is deleted.
    answer = bob.post("/accounts/HIDDEN/delete/")
    assert "so nothing was deleted now" in toasts(bob, answer["Location"])
    assert count(filtered, PLATFORMS_STATUS, "account_bsnid = 'HIDDEN'") == 1
    # The app sees the status that he does not: nothing is done.
    config = on_behalf.WAREHOUSE
    on_behalf.WAREHOUSE = config_with_app(
        workspace, workspace.principal("a-secret", admin=True), "a-secret"
    )
    fail_read(workspace.server, COUNTS)
    assert bob.post("/accounts/SHOWN/delete/").status_code == 504
    assert count(filtered, PLATFORMS_STATUS, "account_bsnid = 'SHOWN'") == 2
    answer = bob.post("/accounts/SHOWN/delete/")
    assert answer["Location"] == "/accounts/SHOWN/"
    told = toasts(bob, answer["Location"])
    assert "Nothing was deleted. A row filter hides 1 platform status of this account" in told
    assert count(filtered, PLATFORMS_STATUS, "account_bsnid = 'SHOWN'") == 2
    assert count(filtered, ACCOUNTS, "bsnid = 'SHOWN'") == 1
    # If the app has no rights, the page says what may be left, and offers no Undo that could not
    # work.
    on_behalf.WAREHOUSE = config
    answer = bob.post("/accounts/SHOWN/delete/")
    page = parsed(bob.get(answer["Location"])).select_one("#toasts")
    assert "Its platform statuses and updates that a row filter hides" in page.get_text()
    assert page.select_one("form[action^='/undo/']") is None
    assert count(filtered, PLATFORMS_STATUS, "account_bsnid = 'SHOWN'") == 1


def test_nobody_waits_long_for_a_token_of_the_app(warehouse: Warehouse) -> None:
    waits = []

    class App(Identity):
        def good_until(self) -> float | None:
            waits.append(limit(service_principal.DEADLINE))
            return None

    assert replace(warehouse, app=App("the app")).with_app_rights() is not None
    assert max(waits) <= statements.APP_TOKEN_SECONDS < service_principal.DEADLINE
