"""A bulk change by somebody from whom masks hide columns, or row filters rows."""

from __future__ import annotations

from typing import Any

from crm.model.schema import PLATFORMS_STATUS
from crm.repository.records import accounts, platforms
from crm.warehouse import Warehouse

from ..pages.html import filled_in, parsed, texts
from .conftest import BOB, Browser, Workspace
from .test_every_write import bob, protected, stored  # noqa: F401
from .test_hidden_keys import (  # noqa: F401
    COUNTS,
    SignedIn,
    config_with_app,
    count,
    fail_read,
    filtered,
)

CHANGE, PREVIEW = "/accounts/bulk/change/?all=on", "/accounts/bulk/preview/"
STATUS = {"do": "status", "platform": "Snowflake", "status": "Requested"}


def test_no_bulk_change_writes_what_is_masked(bob: Browser, protected: Warehouse) -> None:  # noqa: F811
    """Masks hide the VPs of accounts and all statuses."""
    before = stored(protected)
    page = parsed(bob.get(CHANGE))
    offered = [each["value"] for each in page.select("[name=column] option")]
    assert ("vp" in offered, "team" in offered) == (False, True)
    assert not page.select("[name=do][value=status]")
    vp = {"of": "all=on", "do": "field", "column": "vp", "value": "V"}
    assert bob.post(PREVIEW, vp).status_code == 422
    assert bob.post(PREVIEW, {"of": "all=on", **STATUS}).status_code == 403
    offered = parsed(bob.get("/use-cases/bulk/change/?all=on")).select("[name=column]")
    assert [each.get("value") for each in offered] == ["enablement_tier", "platform", None]
    hold = {"of": "all=on", "do": "choice", "column": "status", "value": "On Hold"}
    assert bob.post("/use-cases/bulk/preview/", hold).status_code == 403
    assert bob.post("/use-cases/u-3/status/", {"status": "On Hold"}).status_code == 403
    assert not parsed(bob.get("/use-cases/")).select("a.set-status")
    assert stored(protected) == before
    # Rows that nothing hides are changed, and the page says that there is no undo.
    team = vp | {"column": "admin", "value": "Ada"}
    preview = parsed(bob.post(PREVIEW, team))
    assert "You cannot undo this here" in preview.select_one(".lead").get_text()
    answer = bob.post("/accounts/bulk/run/", filled_in(preview.select_one(".bulk-confirm")))
    assert answer.status_code == 303
    assert not parsed(bob.get("/accounts/")).select("#toasts form")
    assert stored(protected) == before
    assert accounts.get(protected, "BSN001").value("admin") == "Ada"
    assert accounts.get(protected, "HIDDEN").value("admin") is None


def test_no_bulk_change_doubles_what_is_hidden(
    filtered: Warehouse,  # noqa: F811
    signed_in: SignedIn,
    workspace: Workspace,
    on_behalf: Any,
) -> None:
    """A row filter hides the account HIDDEN, and the status of SHOWN for Snowflake."""
    client_id = workspace.principal("a-secret", admin=True)
    on_behalf.WAREHOUSE = config_with_app(workspace, client_id, "a-secret")
    accounts.create(filtered, {"bsnid": "OTHER", "team": "T"})
    bob = signed_in(BOB, "SELECT", "MODIFY")  # noqa: F811
    keys = "key=SHOWN&key=HIDDEN&key=OTHER"
    preview = parsed(bob.post(PREVIEW, {"of": keys, **STATUS}))
    assert texts(preview, "tbody th") == ["T OTHER"]
    assert texts(preview, ".bulk-reason") == [
        "1 account has a status for this platform that a row filter hides from you:",
        "1 account was deleted, or a row filter hides it from you:",
    ]
    # Somebody sets the status after the preview, and the row filter hides that from Bob, too.
    platforms.set_status(filtered, "OTHER", "Snowflake", "Completed", None)
    form = filled_in(preview.select_one(".bulk-confirm"))
    fail_read(workspace.server, "AS key FROM .*platforms_status")
    assert bob.post("/accounts/bulk/run/", form).status_code == 504
    assert count(filtered, PLATFORMS_STATUS, "TRUE") == 2
    done = bob.post("/accounts/bulk/run/", form)
    assert texts(parsed(done), "main h1") == ["No account was changed."]
    assert count(filtered, PLATFORMS_STATUS, "status = 'Completed'") == 2
    assert count(filtered, PLATFORMS_STATUS, "TRUE") == 2
    # Nor does a deletion leave hidden records without their account.
    deletion = {"of": keys, "do": "delete"}
    fail_read(workspace.server, COUNTS)
    assert bob.post(PREVIEW, deletion).status_code == 504
    assert texts(parsed(bob.post(PREVIEW, deletion)), ".bulk-reason")[0] == (
        "2 accounts have records that a row filter hides from you:"
    )
