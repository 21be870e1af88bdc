"""No import, repair or change of many rows writes what a column mask showed to the person who runs
it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm.importing import copy_tables, importer
from crm.importing.errors import ImportingError
from crm.importing.findings import Findings
from crm.importing.importer import Options
from crm.importing.results import TableResult
from crm.model.schema import ACCOUNTS, TABLES, UPDATES, USE_CASES
from crm.repository.integrity import checks, repairs
from crm.repository.records import accounts, platforms, updates
from crm.repository.transfer.read_all import rows as read_all
from crm.warehouse import Warehouse, open_shared

from ..broken_rows import insert
from ..pages.html import filled_in, parsed, text
from ..schemas import CONTENTS
from .conftest import ACCOUNT as MASKED
from .conftest import ALICE, BOB, Browser, Workspace, hide_vp
from .test_policies import edit

PAGE = "/admin-tools/integrity/"


@pytest.fixture
def as_bob(grant: Callable[..., None], warehouse: Warehouse, workspace: Workspace) -> Warehouse:
    grant(BOB, "SELECT", "MODIFY")
    config = workspace.config(token=workspace.token(BOB))
    return open_shared(config, warehouse.namespace, BOB)


def import_file(wh: Warehouse, path: Path, content: Any) -> tuple[list[TableResult], list[str]]:
    path.write_text(json.dumps({"accounts": content}))
    with Findings() as findings:
        results = importer.run(wh, path, Options(on_conflict="update"), findings)
    return results, [f"{each.column}: {each.reason}" for each in findings.first]


def test_an_import_writes_no_masked_value(
    as_bob: Warehouse, warehouse: Warehouse, masked: str, tmp_path: Path
) -> None:
    """The file is Bob's own export, with one change; and a new account."""
    shown = accounts.get(as_bob, masked)
    assert shown.vp == "***"
    rows = {
        masked: {"bsnid": masked, "team": "Renamed", "business_area": "A", "vp": shown.vp},
        "B-NEW": {"bsnid": "B-NEW", "team": "New", "business_area": "A", "vp": "Somebody"},
    }
    results, remarks = import_file(as_bob, tmp_path / "state.json", rows)
    found = accounts.get(warehouse, masked)
    assert (found.team, found.vp) == ("Renamed", "Vera Lind")
    assert accounts.get(warehouse, "B-NEW").vp is None
    assert results[0].verified
    assert sorted(remarks) == [
        "vp: masked by a policy; left as it is",
        "vp: masked by a policy; stays empty",
    ]
    again, _ = import_file(as_bob, tmp_path / "state.json", rows)
    assert (again[0].written, again[0].states["unchanged"]) == (0, 2)


def test_a_copy_of_tables_writes_no_masked_value(
    as_bob: Warehouse, warehouse: Warehouse, workspace: Workspace, masked: str
) -> None:
    home = warehouse.namespace
    source = home.place("earlier_accounts")
    for statement in (
        f"CREATE TABLE {source} (bsnid STRING, team STRING, vp STRING)",
        f"INSERT INTO {source} VALUES ('{masked}', 'Renamed', '***'), ('B-NEW', 'New', '***')",
        f"GRANT SELECT ON TABLE {source} TO `{BOB}`",
    ):
        warehouse.execute(statement, repeatable=False)
    where = replace(home, prefix="earlier_")
    with Findings() as findings:
        copy_tables.run(as_bob, where, Options(on_conflict="update"), findings)
    found = accounts.get(warehouse, masked)
    assert (found.team, found.vp) == ("Renamed", "Vera Lind")
    assert accounts.get(warehouse, "B-NEW").vp is None
    assert any(each.reason == "masked by a policy; not imported" for each in findings.first)


def test_a_copy_of_tables_copies_nothing_that_a_mask_of_the_source_shows(
    as_bob: Warehouse, warehouse: Warehouse, account: str
) -> None:
    home = warehouse.namespace
    source, mask = home.place("earlier_accounts"), f"{home.quoted_schema}.`hide`"
    for statement in (
        f"CREATE TABLE {source} (bsnid STRING, team STRING, VP STRING)",
        f"INSERT INTO {source} VALUES ('{account}', 'Renamed', 'V'), ('B-NEW', 'New', 'V')",
        f"CREATE FUNCTION {mask}(value STRING) RETURNS STRING RETURN "
        f"CASE WHEN current_user() = '{BOB}' THEN '***' ELSE value END",
        f"ALTER TABLE {source} ALTER COLUMN VP SET MASK {mask}",
    ):
        warehouse.execute(statement, repeatable=False)
    where = replace(home, prefix="earlier_")
    with Findings() as findings:
        copy_tables.run(as_bob, where, Options(on_conflict="update"), findings)
    found = [accounts.get(warehouse, bsnid) for bsnid in (account, "B-NEW")]
    assert [(each.team, each.vp) for each in found] == [("Renamed", "Vera Lind"), ("New", None)]
    assert [each.reason for each in findings.first] == ["masked by a policy; not imported"]
    warehouse.execute(f"ALTER TABLE {source} ALTER COLUMN bsnid SET MASK {mask}", repeatable=False)
    with Findings() as findings, pytest.raises(ImportingError, match="masks BSNID of accounts in"):
        copy_tables.run(as_bob, where, Options(on_conflict="update"), findings)


def test_nothing_is_imported_where_a_key_is_masked(
    as_bob: Warehouse, warehouse: Warehouse, masked: str, tmp_path: Path
) -> None:
    home = warehouse.namespace
    mask = f"{home.quoted_schema}.`hide_vp`"
    sql = f"ALTER TABLE {home.table(ACCOUNTS)} ALTER COLUMN bsnid SET MASK {mask}"
    warehouse.execute(sql, repeatable=True)
    rows = {"B-NEW": {"bsnid": "B-NEW", "team": "New", "business_area": "A"}}
    with pytest.raises(ImportingError, match="A policy masks BSNID of accounts"):
        import_file(as_bob, tmp_path / "state.json", rows)


def write_faulty_rows(wh: Warehouse) -> None:
    """Write statuses, rows without ids and rows without an account, besides the account."""
    CONTENTS["account_of_payments"](wh)
    for platform in ("Databricks", "Snowflake"):
        platforms.set_status(wh, MASKED, platform, "Requested", None)
    accounts.create(wh, {"bsnid": "B-NEW", "team": "New", "business_area": "A"})
    platforms.set_status(wh, "B-NEW", "Snowflake", "Requested", None)
    late = {"created_at": "2026-03-02 00:00:00", "updated_at": "2026-03-01 00:00:00"}
    insert(wh, USE_CASES, id="", account_bsnid=MASKED, problem="P", **late)
    insert(wh, USE_CASES, id="", account_bsnid="GONE", problem="P", status="Active")


CONTENTS["faulty_rows"] = write_faulty_rows


@pytest.fixture
def faulty_rows(warehouse: Warehouse) -> None:
    """The tables after ``write_faulty_rows``; the VP's name is for Alice only."""
    hide_vp(warehouse)


@pytest.mark.usefixtures("faulty_rows")
@pytest.mark.parametrize(
    ("column", "check"),
    [
        ("platforms_status.platform", "double-statuses"),
        ("platforms_status.account_bsnid", "double-statuses"),
        ("accounts.bsnid", "orphans"),
        ("use_cases.account_bsnid", "orphans"),
        ("use_cases.status", "missing-ids"),
        ("use_cases.created_at", "times"),
    ],
)
def test_no_repair_decides_by_a_masked_value(
    signed_in: Callable[..., Browser],
    warehouse: Warehouse,
    column: str,
    check: str,
) -> None:
    """To Bob, statuses for two platforms look like two for one; accounts seem to be missing."""
    home = warehouse.namespace
    table, _, name = column.partition(".")
    kind = "TIMESTAMP" if name == "created_at" else "STRING"
    mask = f"{home.quoted_schema}.`hide`"
    for sql in (
        f"CREATE FUNCTION {mask}(value {kind}) RETURNS {kind} RETURN "
        f"CASE WHEN current_user() = '{BOB}' THEN CAST('2026-04-01' AS {kind}) ELSE value END",
        f"ALTER TABLE {home.quoted_schema}.`{table}` ALTER COLUMN {name} SET MASK {mask}",
    ):
        warehouse.execute(sql, repeatable=True)
    before = everything(warehouse)
    bob = signed_in(BOB, "SELECT", "MODIFY")
    assert bob.post(f"{PAGE}{check}/").status_code == 303
    assert everything(warehouse) == before
    for path in (PAGE, f"{PAGE}{check}/"):
        page = parsed(bob.get(path))
        closed = "A column mask hides what some repairs depend on"
        assert closed in page.select_one("main").get_text()
        assert f"{PAGE}{check}/" not in [each["href"] for each in page.select("main a[href]")]
        assert not page.select("main form")


def everything(wh: Warehouse) -> list[str]:
    return sorted(str(row) for table in TABLES for row in read_all(wh, table))


def test_a_repair_writes_no_masked_value(
    as_bob: Warehouse, warehouse: Warehouse, masked: str
) -> None:
    """Keeping one of two rows with a key would write what Bob sees of it."""
    columns = "bsnid, team, business_area, vp, created_at, updated_at"
    values = f"'{masked}', 'Old', 'A', 'Vera Lind', CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP()"
    sql = f"INSERT INTO {warehouse.namespace.table(ACCOUNTS)} ({columns}) VALUES ({values})"
    warehouse.execute(sql, repeatable=False)
    assert repairs.repair(as_bob, checks.DUPLICATES) == 0
    rows = warehouse.query(f"SELECT vp FROM {warehouse.namespace.table(ACCOUNTS)}")
    assert [row["vp"] for row in rows] == ["Vera Lind"] * 2


def hide_drafts(wh: Warehouse) -> None:
    hide = f"{wh.namespace.quoted_schema}.`hide_drafts`"
    for statement in (
        f"CREATE FUNCTION {hide}(value STRING) RETURNS BOOLEAN RETURN value <> 'draft'",
        f"ALTER TABLE {wh.namespace.table(UPDATES)} SET ROW FILTER {hide} ON (description)",
    ):
        wh.execute(statement, repeatable=True)


def test_under_a_shared_sign_in_nothing_masked_is_written_either(
    on_behalf: Any,
    grant: Callable[..., None],
    warehouse: Warehouse,
    workspace: Workspace,
    masked: str,
) -> None:
    """An edit sends only changed fields. Changes of many rows ask for the masks, and say which
    rows a filter may hide."""
    grant(BOB, "SELECT", "MODIFY")
    hide_drafts(warehouse)
    on_behalf.WAREHOUSE = workspace.config(token=workspace.token(BOB))
    browser = Browser(ALICE)
    assert "***" in browser.get(f"/accounts/{masked}/").content.decode()
    assert edit(browser, masked, team="Payments and more").status_code == 303
    account = accounts.get(warehouse, masked)
    assert (account.team, account.vp) == ("Payments and more", "Vera Lind")
    accounts.create(warehouse, {"bsnid": "B-2", "team": "T", "vp": "Zoe", "admin": "***"})
    compared = browser.get(f"/accounts/{masked}/merge/B-2/").content.decode()
    assert "A policy masks VP: " in compared
    assert "Updates of B-2 that a row filter hides from you do not move" in compared
    path = "/people/***/rename/"
    preview = parsed(browser.post(path, {"old": "***", "new": "Ada"}))
    assert browser.post(path, filled_in(preview.select_one(".bulk-confirm"))).status_code == 303
    assert accounts.get(warehouse, masked).vp == "Vera Lind"
    account = accounts.get(warehouse, "B-2")
    assert (account.vp, account.value("admin")) == ("Zoe", "Ada")
    preview = browser.post(path, {"old": "***", "new": "Ada"}).content.decode()
    assert "no row that you see has the name any more in a column that no policy" in preview
    change = {"of": f"key={masked}", "do": "field", "column": "vp", "value": "Ada"}
    assert browser.post("/accounts/bulk/preview/", change).status_code == 422
    preview = browser.post("/accounts/bulk/preview/", change | {"column": "admin"})
    assert "1 account changes." in preview.content.decode()
    assert "You cannot undo this here" in preview.content.decode()
    deleted = parsed(browser.post("/accounts/B-2/delete/", follow=True))
    told = text(deleted, "#toasts p")
    assert "Its updates that a row filter hides from you, if any, are still there" in told
    assert "You cannot undo this here" in told
    assert not deleted.select("#toasts form")


def test_a_row_filter_without_a_mask_prevents_the_undo(
    on_behalf: Any,
    grant: Callable[..., None],
    warehouse: Warehouse,
    workspace: Workspace,
    account: str,
) -> None:
    grant(BOB, "SELECT", "MODIFY")
    hide_drafts(warehouse)
    updates.create(warehouse, account, "u-1", {"description": "D"})
    on_behalf.WAREHOUSE = workspace.config(token=workspace.token(BOB))
    deleted = parsed(Browser(ALICE).post("/updates/u-1/delete/", follow=True))
    assert "You cannot undo this here" in text(deleted, "#toasts p")
