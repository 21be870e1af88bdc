"""A mask hides a column from Bob, and a row filter an account: no page writes or doubles them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository.errors import Doubtful
from crm.repository.integrity import checks, repairs
from crm.repository.records import accounts, platforms, use_cases
from crm.warehouse import Warehouse
from crm.warehouse.sign_in.service_principal import load_sdk

from ..broken_rows import insert
from ..conftest import LocalWarehouse
from ..contract.creating import words_of
from ..pages.html import HTMX
from ..pages.import_page.using import seen, settled
from .conftest import BOB, Browser, Workspace
from .test_hidden_keys import config_with_app, fail_read

ORPHANS = "/admin-tools/integrity/orphans/"
SignedIn = Callable[..., Browser]
TEAMS = {"BSN001": "Renamed", "HIDDEN": "Bob's", "B-NEW": "New"}
FILE = {
    "accounts": [
        {"bsnid": bsnid, "team": team, "business_area": "Finance", "vp": "***"}
        for bsnid, team in TEAMS.items()
    ],
    "use_cases": [{"id": "u-9", "account_bsnid": "HIDDEN", "problem": "U"}],
}


@pytest.fixture
def protected(warehouse: Warehouse, masked: str) -> Warehouse:
    """Masks hide the VPs of accounts and all statuses from Bob; a row filter, one account.

    The use case of that account is shown: to Bob, it is without an account.
    """
    accounts.create(warehouse, {"bsnid": "HIDDEN", "team": "Alice's"})
    seen = accounts.get(warehouse, masked).updated_at
    accounts.update(warehouse, masked, {"team": "Later"}, seen)
    platforms.set_status(warehouse, masked, "Databricks", "Requested", None)
    use_cases.create(warehouse, "HIDDEN", "u-1", {"problem": "P"})
    use_cases.create(warehouse, masked, "u-2", {"problem": "Q"})
    use_cases.delete(warehouse, "u-2")
    insert(warehouse, USE_CASES, id="u-3", account_bsnid=masked, problem="R", status="active")
    home = warehouse.namespace
    schema = home.quoted_schema
    condition = f"current_user() <> '{BOB}' OR value <> 'HIDDEN'"
    for statement in (
        f"ALTER TABLE {home.table(PLATFORMS_STATUS)} ALTER COLUMN status "
        f"SET MASK {schema}.`hide_vp`",
        f"ALTER TABLE {home.table(USE_CASES)} ALTER COLUMN status SET MASK {schema}.`hide_vp`",
        f"CREATE FUNCTION {schema}.`seen`(value STRING) RETURNS BOOLEAN RETURN {condition}",
        f"ALTER TABLE {home.table(ACCOUNTS)} SET ROW FILTER {schema}.`seen` ON (bsnid)",
    ):
        warehouse.execute(statement, repeatable=True)
    return warehouse


@pytest.fixture
def bob(
    protected: Warehouse,
    signed_in: SignedIn,
    workspace: Workspace,
    on_behalf: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Browser:
    """Bob may change everything that he sees, and the app sees all."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    # On a busy machine, importing it takes longer than a statement waits for the app's token.
    load_sdk()
    client_id = workspace.principal("a-secret", admin=True)
    on_behalf.WAREHOUSE = config_with_app(workspace, client_id, "a-secret")
    return signed_in(BOB, "SELECT", "MODIFY")


def stored(wh: Warehouse) -> list[tuple[str, ...]]:
    """Return what policies hide from Bob, as it is stored."""
    home = wh.namespace
    rows = wh.query(
        f"SELECT bsnid AS key, team AS text, vp AS hidden FROM {home.table(ACCOUNTS)} UNION ALL "
        f"SELECT platform, '', status FROM {home.table(PLATFORMS_STATUS)} UNION ALL "
        f"SELECT id, problem, status FROM {home.table(USE_CASES)} ORDER BY key"
    )
    return [(row["key"], row["text"], row["hidden"]) for row in rows]


def import_file(bob: Browser, protected: Warehouse, server: LocalWarehouse) -> Any:
    """Import the file through the page, and return the page that tells what was done."""
    before = stored(protected)
    file = SimpleUploadedFile("a.json", json.dumps(FILE).encode())
    answer = bob.post("/admin-tools/import/", {"on_conflict": "update", "file": file})
    preview = settled(bob, answer["Location"])  # type: ignore[arg-type]
    assert "a row filter hides it from you" in preview.get_text()
    assert "a row filter hides its account HIDDEN from you" in preview.get_text()
    assert "does not exist" not in preview.get_text()
    # If the app's own read fails, nothing is written, and the person imports the file again.
    sent = {"do": "import"} | seen(answer["Location"])
    fail_read(server, "is_orphan", at=2)
    assert bob.post(answer["Location"], sent).status_code == 303
    failed = settled(bob, answer["Location"])  # type: ignore[arg-type]
    assert "The statement took too long" in failed.get_text()
    assert stored(protected) == before
    assert bob.post(answer["Location"], sent).status_code == 303
    return settled(bob, answer["Location"])  # type: ignore[arg-type]


def test_nothing_writes_what_is_hidden(
    bob: Browser, protected: Warehouse, workspace: Workspace, on_behalf: Any
) -> None:
    before = stored(protected)
    # The past of protected tables cannot be read, so nothing can be reverted, and the page says
    # so.
    for path in (
        "/put-back/accounts/BSN001/2/?field=team",
        "/undo/use_cases/u-2/",
    ):
        answer = bob.post(path)
        assert answer.status_code == 501, path
        assert "past of protected tables cannot be read" in answer.content.decode()
    card = {"platform": "Databricks", "status": "Completed", "updated_at": ""}
    assert bob.post("/accounts/BSN001/platforms/", card, **HTMX).status_code == 403
    new = {"id": str(uuid.uuid4()), "author": "Bob", "date": "2026-03-31", "description": "U"}
    answer = bob.post("/accounts/BSN001/compose/", new | card | {"reason": "R"})
    assert answer.status_code == 422
    assert "a policy masks statuses" in answer.content.decode()
    assert bob.post("/accounts/HIDDEN/compose/", new).status_code == 409
    assert protected.query(f"SELECT id FROM {protected.namespace.table(UPDATES)}") == []
    # A repair corrects no word that a mask hides.
    assert bob.post("/admin-tools/integrity/unknown-words/").status_code == 303
    assert stored(protected) == before
    page = import_file(bob, protected, workspace.server)
    changed = [
        ("BSN001", "Renamed", "Vera Lind"),
        *(each for each in before if each[0] != "BSN001"),
    ]
    assert stored(protected) == sorted([*changed, ("B-NEW", "New", None)])
    # The history of protected tables cannot be read, so there is no Undo that could not work.
    assert page.select_one("form[action^='/undo/bulk/']") is None
    assert stored(protected) == sorted([*changed, ("B-NEW", "New", None)])
    assert_a_repair_creates_missing_accounts_only(bob, protected, workspace.server)
    # Without the app's rights, it creates none.
    on_behalf.WAREHOUSE = workspace.config(auth="user", token="")
    insert(protected, USE_CASES, id="u-5", account_bsnid="LOST", problem="T", status="Active")
    assert bob.post(ORPHANS)["Location"] == ORPHANS
    assert "EDIP CRM does not know whether the filter hides" in words_of(bob.get(ORPHANS))
    assert not [each for each in stored(protected) if each[0] == "LOST"]


def assert_a_repair_creates_missing_accounts_only(
    bob: Browser, protected: Warehouse, server: LocalWarehouse
) -> None:
    insert(protected, USE_CASES, id="u-4", account_bsnid="GONE", problem="S", status="Active")
    [orphans] = [check for check in checks.CHECKS if check.name == "orphans"]
    # One sign-in without rights beside its own cannot tell whether the filter hides GONE.
    found = checks.run_checks(protected, (orphans,))[orphans]
    assert [(each.key, each.detail, each.repair) for each in found.problems] == [
        ("u-4", "the account GONE does not exist, or a row filter hides it", "")
    ]
    assert (found.is_doubtful, found.total, found.repairable) == (True, 1, 0)
    with pytest.raises(Doubtful):
        repairs.repair(protected, orphans)
    # The app has rights of its own, and sees that HIDDEN exists.
    page = words_of(bob.get(ORPHANS))
    assert ("u-4" in page, "u-1" in page, "row filter" in page) == (True, False, False)
    # It creates none while it cannot see that.
    fail_read(server, "FROM_JSON.:bsnids")
    assert bob.post(ORPHANS).status_code == 504
    assert not [each for each in stored(protected) if each[0] == "GONE"]
    assert bob.post(ORPHANS).status_code == 303
    new = [each for each in stored(protected) if each[0] in ("GONE", "HIDDEN")]
    assert new == [("GONE", "GONE", None), ("HIDDEN", "Alice's", None)]
