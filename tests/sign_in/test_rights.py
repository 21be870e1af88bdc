"""The pages offer and allow exactly the actions that Unity Catalog's grants allow."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from crm.identity import rights
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.repository.records import accounts, updates
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..pages.html import HTMX, filled_in, parsed, text, texts
from .conftest import ALICE, BOB, Browser, Workspace

SignedIn = Callable[..., Browser]
NEW = {"bsnid": "BSN9", "team": "Payments", "business_area": "Finance"}


@pytest.fixture
def full(warehouse: Warehouse, account: str) -> dict[str, str]:
    """Create an account with children of each kind; return the children's ids."""
    use_case, update = str(uuid.uuid4()), str(uuid.uuid4())
    of_account = {"account_bsnid": account}
    case = {"id": use_case, "problem": "Too slow", "status": "Active"}
    insert_missing(warehouse, USE_CASES, [of_account | case])
    values = {"author": "Al", "date": dt.date(2026, 3, 31), "description": "Kick-off"}
    insert_missing(warehouse, UPDATES, [of_account | values | {"id": update}])
    status = {"id": "status", "platform": "Databricks", "status": "Completed"}
    insert_missing(warehouse, PLATFORMS_STATUS, [of_account | status])
    return {"use_case": use_case, "update": update}


def writing_paths(full: dict[str, str]) -> list[str]:
    return [
        "/accounts/new/",
        "/accounts/BSN001/edit/",
        "/accounts/BSN001/delete/",
        "/accounts/BSN001/use-cases/new/",
        "/accounts/BSN001/updates/new/",
        f"/use-cases/{full['use_case']}/edit/",
        f"/use-cases/{full['use_case']}/delete/",
        f"/updates/{full['update']}/edit/",
        f"/updates/{full['update']}/delete/",
    ]


READING = ["/", "/accounts/", "/accounts/BSN001/", "/use-cases/", "/updates/", "/accounts/?q=zz"]


def test_a_reader_sees_no_edit_controls(signed_in: SignedIn, full: dict[str, str]) -> None:
    alice = signed_in(ALICE, "SELECT")
    for path in READING:
        response = alice.get(path)
        assert response.status_code == 200, path
        page = parsed(response)
        links = {link["href"].split("?")[0] for link in page.select("a[href]")}
        assert links.isdisjoint(writing_paths(full)), path
        # A preference of their own.
        own = {"/preferences/theme/"}
        posts = {form["action"] for form in page.select("form[method=post]")}
        assert posts <= own, path
        assert {each["hx-post"] for each in page.select("[hx-post]")} <= own, path


def test_a_reader_without_the_right_to_follow_reads_so(
    signed_in: SignedIn, full: dict[str, str]
) -> None:
    alice = signed_in(ALICE, "SELECT")
    assert not parsed(alice.get("/accounts/BSN001/")).select("#follow")
    assert "Follow" not in parsed(alice.get("/preferences/me/")).select_one("main").get_text()
    answer = alice.post("/accounts/BSN001/follow/", {"follow": "on"}, **HTMX)
    part = parsed(answer)
    assert not part.select("#follow-button")
    assert "you may not write to the table “follows”" in text(part, ".toast-error")
    page = parsed(alice.post("/preferences/me/", {"names": "Alice A."}))
    assert page.select_one("#names").get_text().strip() == "Alice A."
    assert "“people”" in text(page, "#toasts")


def test_an_editor_sees_them(signed_in: SignedIn, full: dict[str, str]) -> None:
    bob = signed_in(BOB, "SELECT", "MODIFY")
    page = parsed(bob.get("/accounts/BSN001/"))
    links = {link["href"] for link in page.select("a[href]")}
    assert {"/accounts/BSN001/edit/", "/accounts/BSN001/use-cases/new/"} <= links
    assert page.select('form[action="/accounts/BSN001/compose/"]')
    assert text(page, "#follow-button") == "Follow"
    assert page.select('form[action="/accounts/BSN001/platforms/"]')


def test_a_reader_is_refused_whatever_they_forge(
    signed_in: SignedIn, workspace: Workspace, warehouse: Warehouse, full: dict[str, str]
) -> None:
    seen = accounts.get_detail(warehouse, "BSN001")
    alice = signed_in(ALICE, "SELECT")
    alice.get("/")
    before = workspace.server.last()
    for how in ({}, HTMX):
        for path in [*writing_paths(full), "/accounts/BSN001/platforms/"]:
            data = NEW | {"platform": "Databricks", "status": "Requested"}
            response = alice.post(path, data, **how)
            assert response.status_code == 403, path
            page = response.content.decode()
            assert "You can read everything here, but change nothing" in page, path
        for path in writing_paths(full):
            assert alice.get(path, **how).status_code == 403, path
    ran = [e["text"].split()[0] for e in workspace.server.statements(before)]
    assert ran in ([], ["UPDATE"])
    assert accounts.get_detail(warehouse, "BSN001") == seen
    assert accounts.get(warehouse, "BSN9") is None


def test_rights_are_asked_for_once(
    signed_in: SignedIn, workspace: Workspace, account: str
) -> None:
    alice = signed_in(ALICE, "SELECT")
    alice.get("/accounts/BSN001/")
    for _ in range(3):
        before = workspace.server.last()
        alice.get("/accounts/BSN001/")
        assert len(workspace.server.statements(before)) == 1


def test_asking_changes_nothing(signed_in: SignedIn, warehouse: Warehouse, account: str) -> None:
    seen = accounts.get(warehouse, "BSN001")
    signed_in(BOB, "SELECT", "MODIFY").get("/accounts/BSN001/")
    assert accounts.get(warehouse, "BSN001") == seen


def test_through_a_group(
    signed_in: SignedIn, workspace: Workspace, grant: Callable[..., None], account: str
) -> None:
    group = f"editors-{uuid.uuid4().hex[:8]}"
    workspace.control("/groups", group=group, members=[ALICE])
    grant(group, "SELECT", "MODIFY")
    assert signed_in(ALICE).post("/accounts/new/", NEW).status_code == 303


def test_a_right_taken_away_is_refused_by_the_warehouse_first(
    signed_in: SignedIn, warehouse: Warehouse, account: str
) -> None:
    bob = signed_in(BOB, "SELECT", "MODIFY")
    assert bob.get("/accounts/new/").status_code == 200
    home = warehouse.namespace.quoted_schema
    warehouse.execute(f"REVOKE MODIFY ON SCHEMA {home} FROM `{BOB}`", repeatable=True)
    # The app remembers an editor for ten minutes; Unity Catalog refuses the write at once.
    response = bob.post("/accounts/new/", NEW | {"team": "Typed with care"})
    assert response.status_code == 403
    assert "Typed with care" in response.content.decode()
    assert accounts.get(warehouse, "BSN9") is None
    assert bob.get("/accounts/new/").status_code == 200
    rights._writers.expire(time.monotonic() + rights.REMEMBERED)
    assert bob.get("/accounts/new/").status_code == 403


def test_no_grant_no_page(signed_in: SignedIn, account: str) -> None:
    response = signed_in(ALICE).get("/accounts/")
    assert response.status_code == 403
    assert "Payments" not in response.content.decode()


def test_editors_of_the_settings_do_not_count(
    signed_in: SignedIn, on_behalf: Any, account: str
) -> None:
    on_behalf.EDIP_EDITORS = [ALICE]
    assert signed_in(ALICE, "SELECT").post("/accounts/new/", NEW).status_code == 403
    assert signed_in(BOB, "SELECT", "MODIFY").post("/accounts/new/", NEW).status_code == 303


def test_a_right_that_one_table_lacks_leaves_a_deletion_half_done(
    signed_in: SignedIn, full: dict[str, str], warehouse: Warehouse
) -> None:
    """The page says what is done, also by steps that ran at the same time as the failed one; with
    the right, its button goes on."""
    alice = signed_in(ALICE, "SELECT", "MODIFY")
    alice.get("/accounts/BSN001/")
    home = warehouse.namespace
    revoke = f"REVOKE MODIFY ON SCHEMA {home.quoted_schema} FROM `{ALICE}`"
    warehouse.execute(revoke, repeatable=True)

    def grant(table: Table) -> None:
        sql = f"GRANT MODIFY ON TABLE {home.table(table)} TO `{ALICE}`"
        warehouse.execute(sql, repeatable=True)

    for table in (ACCOUNTS, PLATFORMS_STATUS, UPDATES):
        grant(table)
    response = alice.post("/accounts/BSN001/delete/")
    assert response.status_code == 403
    page = parsed(response)
    done, left = texts(page, "main ul")[:2]
    assert done.endswith("Delete its platform statusesDelete its updates")
    assert left.startswith("Delete its use cases")
    assert "MODIFY" in text(page, ".lead")
    grant(USE_CASES)
    go_on = page.select_one("main form")
    assert alice.post(go_on["action"], filled_in(go_on)).status_code == 303
    assert accounts.get(warehouse, "BSN001") is None
    assert updates.get(warehouse, full["update"]) is None
