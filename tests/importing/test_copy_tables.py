"""Tables of the earlier version are copied by the warehouse: cleaned, reported, verified."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from crm.importing import copy_tables, importer
from crm.importing.findings import Findings
from crm.importing.importer import Options
from crm.importing.results import TableResult
from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES, Table
from crm.repository.records import accounts, updates, use_cases
from crm.repository.transfer.copy_tables import Copy
from crm.repository.transfer.matching.fold import DIFFERENCES
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..schemas import EMPTY, Schemas

OLD = "edip_old"


def statements_of_old_tables(home: str) -> tuple[str, ...]:
    return (
        f"CREATE SCHEMA {home}",
        f"CREATE TABLE {home}.`crm_accounts` (`BSNID (UID)` STRING, Team STRING, "
        "`Business Area` STRING, azure_devops_links STRING, created_at STRING, secret STRING)",
        f"CREATE TABLE {home}.crm_platforms_status (account_bsnid STRING, platform STRING, "
        "status STRING)",
        f"CREATE TABLE {home}.crm_use_cases (use_case_id STRING, account_bsnid STRING, "
        "problem STRING, status STRING)",
        f"CREATE TABLE {home}.crm_updates (account_bsnid STRING, author STRING, "
        "update_date STRING, description STRING)",
        f"CREATE TABLE {home}.other_things (id STRING)",
        f"""INSERT INTO {home}.crm_accounts VALUES
        (' BSN001 ', 'Data\nPlatform', 'Finance',
         'https://a.example/x,y , https://b.example;https://c.example',
         '2025-06-27 14:03:11.123456', 'x'),
        ('BSN002', 'Risk', '', NULL, NULL, 'y'),
        (NULL, 'Nameless', 'Finance', NULL, NULL, 'z'),
        ('a/b', 'Slash', 'Finance', NULL, NULL, 'z'),
        ('BSN003', 'risk ', 'Finance', NULL, 'yesterday', 'z')""",
        f"""INSERT INTO {home}.crm_platforms_status VALUES
        ('BSN001', 'Databricks', 'Completed'), ('BSN001', 'Databricks', 'Completed'),
        ('BSN002', 'Snowflake', 'Requested'), ('BSN002', 'Snowflake', 'Paused'),
        ('DATA platform', 'Snowflake', 'Requested'), ('Risk', 'Snowflake', 'Requested'),
        ('bsn003', 'Snowflake', 'Requested')""",
        f"""INSERT INTO {home}.crm_use_cases VALUES
        ('u1', 'BSN001', 'Line one\nLine two', 'active'), ('u2', 'BSN002', '{"x" * 20001}', 'n/a'),
        ('u3', 'null', 'Nobody', 'Active')""",
        f"""INSERT INTO {home}.crm_updates VALUES
        ('BSN001', 'Ana', '2025-06-27 10:00:00', 'Kick-off'), ('BSN\u200b001', 'nan', 'soon', 'Never')
        """,
    )


@contextmanager
def old_tables(wh: Warehouse) -> Iterator[Namespace]:
    """An earlier deployment: plain tables, without audit columns, some with other headings."""
    where = Namespace(wh.namespace.catalog, f"{OLD}_{wh.namespace.schema}", "crm_")
    for sql in statements_of_old_tables(where.quoted_schema):
        wh.execute(sql, repeatable=False)
    yield where
    wh.execute(f"DROP SCHEMA {where.quoted_schema} CASCADE", repeatable=True)


def old_table(wh: Warehouse, table: Table, columns: str, rows: str) -> Namespace:
    """Make an earlier table beside the present ones, with another prefix."""
    old = Namespace(wh.namespace.catalog, wh.namespace.schema, "old_")
    wh.execute(f"CREATE TABLE {old.table(table)} ({columns})", repeatable=False)
    wh.execute(f"INSERT INTO {old.table(table)} VALUES {rows}", repeatable=False)
    return old


@dataclass(frozen=True)
class Copied:
    """A copy of the tables ``old``: how many rows it was to write, as a dry run says, and how many
    it wrote; its findings, and its statements."""

    warehouse: Warehouse
    old: Namespace
    foreseen: list[int]
    written: dict[str, int]
    remarks: list[str]
    statements: int


@pytest.fixture(scope="module")
def copied(schemas: Schemas) -> Iterator[Copied]:
    """One copy for all tests that change no table."""
    with schemas.lend(EMPTY) as namespace:
        wh = schemas.open(namespace)
        with old_tables(wh) as old:
            accounts.create(wh, {"bsnid": "bsn002", "team": "Other"})
            before = schemas.server.last()
            with Findings() as findings:
                results = copy_tables.run(wh, old, Options(), findings, accepts_doubts=True)
            statements = schemas.server.last() - before
            foreseen = [result.states["new"] for result in results]
            yield Copied(wh, old, foreseen, *_told(results, findings), statements)


def copy(
    wh: Warehouse, where: Namespace, *, accepts_doubts: bool = False, **options
) -> tuple[dict[str, int], list[str]]:
    with Findings() as findings:
        outcomes = copy_tables.run(
            wh, where, Options(**options), findings, accepts_doubts=accepts_doubts
        )
    return _told(outcomes, findings)


def _told(outcomes: list[TableResult], findings: Findings) -> tuple[dict[str, int], list[str]]:
    """Return how many rows each table got, and the remarks."""
    assert all(outcome.verified for outcome in outcomes)
    return {o.table.name: o.written for o in outcomes}, [str(f) for f in findings.first]


def test_rows_are_cleaned_copied_and_verified(copied: Copied) -> None:
    # Only one of BSN002's two statuses for Snowflake is imported; it is unknown which is right.
    assert copied.written == {"accounts": 3, "platforms_status": 3, "use_cases": 2, "updates": 2}
    # A copy compares all rows first, as a dry run does, which counts children of accounts to come.
    assert copied.foreseen == list(copied.written.values())
    # Among them one that reads the masks and two that note the operation.
    assert copied.statements <= 23
    warehouse = copied.warehouse
    first = accounts.get_detail(warehouse, "BSN001")
    assert first.account.team == "Data Platform"
    links = "https://a.example/x,y\nhttps://b.example\nhttps://c.example"
    assert first.account.azure_devops_link == links
    assert first.account.created_at == dt.datetime(2025, 6, 27, 14, 3, 11, 123456, dt.UTC)
    assert first.account.updated_by == warehouse.actor
    assert first.use_cases[0].problem == "Line one\nLine two"
    # Values that cannot be read are left empty.
    assert [update.author for update in first.updates if update.date is None] == [None]
    assert {each.platform for each in first.platforms} == {"Databricks", "Snowflake"}
    second = accounts.get_detail(warehouse, "BSN002")
    assert (second.account.business_area, second.account.created_at is None) == (None, False)


def test_every_row_that_is_changed_or_not_copied_is_named(copied: Copied) -> None:
    home, remarks = f"{copied.old.catalog}.{copied.old.schema}", copied.remarks
    for expected in (
        f"skipped: {home}.crm_accounts, secret: “secret” is not a column of accounts; not imported",
        f"refused: {home}.crm_accounts, row (no key), BSNID: BSNID is missing",
        f"refused: {home}.crm_accounts, row a/b, BSNID: BSNID cannot be used: no address can "
        "hold it",
        f"noted: {home}.crm_accounts, row BSN003, Created: Created is not a date; it should "
        "read like 2025-06-27; left empty",
        f"changed: {home}.crm_platforms_status, row BSN001, Account: “DATA platform” is the team "
        "of account BSN001",
        f"refused: {home}.crm_platforms_status, row Risk, Account: “Risk” is the team of several "
        "accounts; write the BSNID: BSN002, BSN003",
        f"changed: {home}.crm_accounts, row BSN001, Azure DevOps: 3 links, one per line",
        f"changed: {home}.crm_accounts, row BSN001, Team: line breaks became spaces",
        f"skipped: {home}.crm_platforms_status, row BSN001: repeats another row",
        f"refused: {home}.crm_platforms_status, row BSN002, Platform: has the same key as "
        "another row, but different values",
        f"refused: {home}.crm_platforms_status, row bsn003, Account: its account bsn003 does "
        f"not exist, but there is BSN003, which differs only in {DIFFERENCES}",
        f"noted: {home}.crm_accounts, row BSN002, BSNID: is new, but its key differs from that "
        f"of account bsn002 only in {DIFFERENCES}",
        f"noted: {home}.crm_use_cases, row u2, Problem: Problem is too long; at most 20,000 "
        "characters fit; left empty",
        f"changed: {home}.crm_use_cases, row u1, Status: “active” was read as “Active”",
        f"changed: {home}.crm_use_cases, row u2, Status: “n/a” stands for a missing value",
        f"refused: {home}.crm_use_cases, row u3, Account: Account is missing",
    ):
        assert expected in remarks
    assert not any("other_things" in line for line in remarks)
    assert any("the time of day was left out" in line for line in remarks)
    for reason in ("Date is not a date", "“nan” stands for", "invisible characters were removed"):
        assert any(reason in line for line in remarks)


def test_a_file_of_the_same_content_is_the_same_rows(copied: Copied, tmp_path: Path) -> None:
    """Missing ids are made from the content, in the same way for files and tables."""
    update = {
        "account_bsnid": "BSN001",
        "author": "Ana",
        "date": "2025-06-27",
        "description": "Kick-off",
    }
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"updates": [update]}))
    with Findings() as findings:
        outcomes = importer.run(copied.warehouse, path, Options(dry_run=True), findings)
    assert {o.table.name: dict(o.states) for o in outcomes}["updates"] == {"unchanged": 1}


def test_rows_that_differ(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "('B1', 'Old\\nteam'), ('B2', 'T')"
    old = old_table(warehouse, ACCOUNTS, "bsnid STRING, team STRING", rows)
    accounts.create(warehouse, {"bsnid": "B1", "team": "Another"})
    with pytest.raises(importer.ImportingError, match="1 row already exists"):
        copy(warehouse, old, on_conflict="fail")
    assert accounts.get(warehouse, "B2") is None
    written, remarks = copy(warehouse, old)
    assert written["accounts"] == 1
    assert any("B1: already exists with different values" in line for line in remarks)
    assert accounts.get(warehouse, "B1").team == "Another"
    write = Copy.upsert

    def write_after_others(self: Copy, *args: int, **options: bool) -> int:
        accounts.update(warehouse, "B2", {"team": "L"}, accounts.get(warehouse, "B2").updated_at)
        return write(self, *args, **options)

    monkeypatch.setattr(Copy, "upsert", write_after_others)
    written, remarks = copy(warehouse, old, on_conflict="update")
    assert written["accounts"] == 1
    assert not any("different values" in line and "B1" in line for line in remarks)
    assert [accounts.get(warehouse, bsnid).team for bsnid in ("B1", "B2")] == ["Old team", "L"]
    stays = "somebody changed it here while the import ran; it stays as they left it"
    assert any(f"row B2: {stays}" in line for line in remarks)


def test_an_account_that_may_be_a_stored_one_needs_acceptance(warehouse: Warehouse) -> None:
    old = old_table(warehouse, ACCOUNTS, "bsnid STRING, team STRING", "('B1', 'Risk')")
    accounts.create(warehouse, {"bsnid": "b1", "team": "Other"})
    with pytest.raises(importer.ImportingError, match="1 of its accounts may be stored"):
        copy(warehouse, old)
    assert accounts.get(warehouse, "B1") is None


def test_children_without_ids_mean_stored_ones(warehouse: Warehouse) -> None:
    """Where it is not clear which, they are only added if that is accepted."""
    columns = "account_bsnid STRING, problem STRING, status STRING"
    old_table(warehouse, USE_CASES, columns, "('Claims', 'CAFÉ\u00a0x', 'Completed')")
    columns = "account_bsnid STRING, author STRING, date STRING, description STRING"
    rows = "('B1', 'ANA', '2025-06-27', 'One'), ('B1', 'Ana', '2025-06-27', 'Two')"
    old = old_table(warehouse, UPDATES, columns, rows)
    accounts.create(warehouse, {"bsnid": "B1", "team": "Claims"})
    use_cases.create(warehouse, "B1", "u1", {"problem": "Cafe\u0301 x", "status": "Active"})
    day = dt.date(2025, 6, 27)
    updates.create(warehouse, "B1", "n1", {"author": "ana", "date": day, "description": "None"})
    doubt = "2 of its updates may be stored ones, or new"
    with pytest.raises(importer.ImportingError, match=doubt):
        copy(warehouse, old)
    written, remarks = copy(warehouse, old, on_conflict="update", accepts_doubts=True)
    assert written == {"use_cases": 1, "updates": 2}
    found = accounts.get_detail(warehouse, "B1")
    assert [(case.id, case.status) for case in found.use_cases] == [("u1", "Completed")]
    matched = "row u1, Id: matches the stored use case with the same Account and Problem"
    assert any(matched in remark for remark in remarks), remarks
    # Copied once more, the rows match those that were stored.
    written, _ = copy(warehouse, old, on_conflict="update")
    assert written == {"use_cases": 0, "updates": 0}


def test_an_older_row_takes_no_later_edit_back(warehouse: Warehouse) -> None:
    columns = "bsnid STRING, team STRING, updated_at TIMESTAMP"
    rows = """('B1', 'Old', TIMESTAMP '2020-01-01'), ('B2', 'Newer', TIMESTAMP '2199-01-01'),
    ('B3', 'Of no time', NULL)"""
    old = old_table(warehouse, ACCOUNTS, columns, rows)
    for bsnid in ("B1", "B2", "B3"):
        accounts.create(warehouse, {"bsnid": bsnid, "team": "Here"})
    with pytest.raises(importer.ImportingError, match="3 rows already exist"):
        copy(warehouse, old, on_conflict="fail")
    written, remarks = copy(warehouse, old, on_conflict="update")
    assert written["accounts"] == 2
    assert [line for line in remarks if "is older than the stored row" in line] == [
        f"skipped: {old.catalog}.{old.schema}.old_accounts, row B1: is older than the stored row; "
        "left as it is"
    ]
    teams = [accounts.get(warehouse, bsnid).team for bsnid in ("B1", "B2", "B3")]
    assert teams == ["Here", "Newer", "Of no time"]


def test_the_command_copies_tables_again_and_changes_nothing(
    copied: Copied, local_warehouse: LocalWarehouse, settings: Any, tmp_path: Path
) -> None:
    settings.WAREHOUSE, settings.NAMESPACE = local_warehouse.config(), copied.warehouse.namespace
    report, output = tmp_path / "report.csv", io.StringIO()
    source = f"{copied.old.catalog}.{copied.old.schema}"
    options = {"from_tables": source, "prefix": copied.old.prefix, "report": report}
    call_command("import_legacy", **options, on_conflict="update", stdout=output)
    assert output.getvalue().count(": 0 added") == 4
    assert output.getvalue().count(" 0 differ (update)") == 4
    assert output.getvalue().count("verified") == 4
    with report.open() as file:
        assert sum(row["outcome"] == "refused" for row in csv.DictReader(file)) == 6
    with pytest.raises(CommandError, match="Nothing to import"):
        call_command("import_legacy", **{**options, "prefix": "no_such_"})
    with pytest.raises(CommandError, match="takes CATALOG.SCHEMA"):
        call_command("import_legacy", **{**options, "from_tables": "x"})
    with pytest.raises(CommandError, match="either a file or"):
        call_command("import_legacy")
