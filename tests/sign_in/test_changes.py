"""An edit saves only the values that the person changed: a masked value is never written back.

Here without any mask; with one in test_policies.py.
"""

from __future__ import annotations

from collections.abc import Callable

from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..pages.html import filled_in, parsed
from .conftest import BOB, Browser, Workspace


def edit(browser: Browser, bsnid: str, **changes: str) -> int:
    page = parsed(browser.get(f"/accounts/{bsnid}/edit/"))
    data = filled_in(page.select_one("#record form"))
    return browser.post(f"/accounts/{bsnid}/edit/", data | changes).status_code


def test_an_edit_sends_only_what_was_changed(
    signed_in: Callable[..., Browser], workspace: Workspace, warehouse: Warehouse, account: str
) -> None:
    seen = accounts.get(warehouse, account)
    links = {"azure_devops_link": "https://a.example/x\nhttps://a.example/y "}
    accounts.update(warehouse, account, links, seen.updated_at)
    bob = signed_in(BOB, "SELECT", "MODIFY")
    bob.get("/accounts/new/")
    before = workspace.server.last()
    assert edit(bob, account, team="Payments and more") == 303
    texts = [e["text"] for e in workspace.server.statements(before)]
    (update,) = [text for text in texts if "UPDATE" in text]
    assert "`team` = " in update
    assert "`vp` = " not in update
    assert "`azure_devops_link` = " not in update
    assert edit(bob, account, vp="") == 303
    assert accounts.get(warehouse, account).vp is None
