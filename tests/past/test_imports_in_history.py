"""An import is one entry of the activity: by who ran it, with its changes and its undo."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import Client

from crm.importing import importer
from crm.importing.findings import Findings
from crm.importing.importer import Options
from crm.model.as_of_address import address
from crm.model.own_tables import OPERATIONS
from crm.model.schema import ACCOUNTS
from crm.repository import operations
from crm.repository.past import history
from crm.repository.past.history import Wanted
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..pages.html import filled_in, text, texts
from .conftest import ANA, CSV, ME, GetPage, summaries


def test_it_is_one_entry_with_its_changes_behind_it(
    imported_rows: str, get_page: GetPage, settings: Any
) -> None:
    page = get_page("/activity/")
    entries = [" ".join(head.split()) for head in texts(page, ".moment-head p")]
    assert len(entries) == 2
    assert entries[0].startswith(f"{ME} imported 3 rows from accounts.csv")
    assert text(page, ".count-line p[role=status]").startswith("2 changes, counting an import")
    assert summaries(page) == ["Created the account As it was"]
    link = page.select_one(".moment .change-actions a")["href"]
    behind = get_page(link)
    assert sorted(summaries(behind)) == [
        "Changed Team and Business area of the account Changed",
        "Created the account One",
        "Created the account Two",
    ]
    assert len(behind.select(".moment form[action^='/undo/bulk/']")) == 1
    # A filter keeps to the import.
    operation = filled_in(behind.select_one(".history-fields"))["operation"]
    assert link.endswith(f"?operation={operation}")
    # In an account's history the import shows what it changed there.
    own = get_page("/accounts/OLD/history/")
    assert summaries(own)[0] == "Changed Team and Business area of the account Changed"
    assert "imported 3 rows" in texts(own, ".moment-head p")[0]
    settings.EDIP_USER = ANA
    assert not get_page("/activity/").select(".moment form"), "others are offered no undo"


def test_loading_the_sample_data_is_one_entry(warehouse: Warehouse, get_page: GetPage) -> None:
    call_command("seed_data", stdout=StringIO())
    page = get_page("/activity/")
    assert text(page, ".count-line p[role=status]").startswith("1 change,")
    [entry] = texts(page, ".moment-head p")
    assert " ".join(entry.split()).startswith(f"{ME} loaded the sample data")
    # Only an import can be undone as a whole.
    assert not page.select(".moment form")


def test_two_notes_of_one_operation_do_not_double_its_changes(
    imported_rows: str, ana: Warehouse, get_page: GetPage
) -> None:
    notes = ana.namespace.table(OPERATIONS)
    ana.execute(f"INSERT INTO {notes} SELECT * FROM {notes}", repeatable=False)
    page = get_page("/activity/")
    assert text(page, ".count-line p[role=status]").startswith("2 changes, counting an import")
    assert "Show the 3 changes" in page.text


def test_undo_is_beside_it(imported_rows: str, get_page: GetPage, client: Client) -> None:
    form = get_page("/activity/").select_one(".moment form")
    assert client.post(form["action"], filled_in(form)).status_code == 303
    page = get_page("/accounts/OLD/history/")
    assert summaries(page)[0].startswith("Changed Team and Business area of the account As it was")


def test_an_undone_import_says_by_whom(
    imported_rows: str, get_page: GetPage, client: Client, ana: Warehouse
) -> None:
    """Instead of offering Undo again. What was left alone is counted."""
    accounts.update(ana, "NEW1", {"vp": "Vera"}, accounts.get(ana, "NEW1").updated_at)
    form = get_page("/activity/").select_one(".moment form")
    assert client.post(form["action"], filled_in(form)).status_code == 200
    undone = "undid the import of accounts.csv, except for 1 of its records"
    page = get_page("/activity/")
    entries = [" ".join(head.split()) for head in texts(page, ".moment-head p")]
    assert entries[0].startswith(f"{ME} {undone}")
    assert not page.select(".moment form")
    assert " ".join(text(page, ".moment-undone").split()).startswith(f"{ME} {undone}")
    # The list of the import's changes, of several accounts, says this once.
    behind = get_page(page.select(".moment .change-actions a")[-1]["href"])
    assert len(behind.select(".moment")) == 3
    assert len(behind.select(".moment-undone")) == 1
    # At the moment of the import nobody had undone it.
    *_, change = history.load(ana, Wanted(person=ME, kind="changed")).changes
    assert not get_page(address(change.moment, "/activity/")).select(".moment-undone")
    # A second undo has nothing to do: OLD, too, has changed since. The entry stays as it was.
    accounts.update(ana, "OLD", {"vp": "Vera"}, accounts.get(ana, "OLD").updated_at)
    client.post(form["action"], filled_in(form))
    assert undone in " ".join(text(get_page("/activity/"), ".moment-undone").split())


def test_an_undo_that_failed_half_way_is_offered_again(
    imported_rows: str, get_page: GetPage, client: Client, server: LocalWarehouse
) -> None:
    form = get_page("/activity/").select_one(".moment form")
    server.fault("http_status", times=None, status=500, match="THEN DELETE")
    assert client.post(form["action"], filled_in(form)).status_code >= 500
    server.clear_faults()
    page = get_page("/activity/")
    assert "began to undo the import of accounts.csv" in text(page, ".moment-undone")
    assert page.select_one(".moment form")["action"].startswith("/undo/bulk/")


def test_an_import_of_an_export_is_by_who_ran_it(
    ana: Warehouse, bob: Warehouse, tmp_path: Path
) -> None:
    """Its rows keep the persons and times of the export."""
    accounts.create(bob, {"bsnid": "A", "team": "T"})
    path = tmp_path / "export.json"
    call_command("export_data", output=path, stdout=StringIO())
    table = ana.namespace.table(ACCOUNTS)
    ana.execute(f"DELETE FROM {table}", repeatable=True)
    with Findings() as findings:
        importer.run(ana, path, Options(), findings)
    assert accounts.get(ana, "A").updated_by == bob.actor
    latest = history.load(ana, Wanted()).changes[0]
    assert (latest.person, latest.summary) == (ANA, "imported 1 row from export.json")


def test_without_the_table_every_row_is_an_entry(imported_rows: str, ana: Warehouse) -> None:
    ana.execute(f"DROP TABLE {ana.namespace.table(OPERATIONS)}", repeatable=True)
    for _ in range(2):
        found = history.load(ana, Wanted(is_gathered=True))
        assert (found.total, len(found.changes)) == (4, 4)
    accounts.create(ana, {"bsnid": "Z", "team": "T"})


UPSERT = r"^\s*MERGE INTO .*`accounts` AS t\s+USING \(\s*SELECT g\."


def test_a_lost_answer_changes_no_number(
    ana: Warehouse, bob: Warehouse, server: LocalWarehouse, tmp_path: Path
) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text(CSV)
    server.fault("drop_after", match=UPSERT)
    with Findings() as findings:
        result, *_ = importer.run(ana, path, Options(), findings)
    assert (result.written, result.verified) == (3, True)
    assert history.load(ana, Wanted()).changes[0].summary == "imported 3 rows from accounts.csv"
    # Rows that somebody else wrote first do not count.
    with Findings() as findings:
        operation = operations.of_many(bob, operations.IMPORT)
        importer.run(bob, path, Options(), findings, operation=operation)
    assert operations.written_rows(bob, operation, ACCOUNTS, 0, 3) == 0


def test_an_import_without_its_end_names_no_number(
    ana: Warehouse, server: LocalWarehouse, tmp_path: Path
) -> None:
    """As after a kill of the process."""
    path = tmp_path / "accounts.csv"
    path.write_text(CSV)
    server.fault("http_status", times=None, status=400, match="SET ended_at")
    with Findings() as findings:
        importer.run(ana, path, Options(), findings)
    assert history.load(ana, Wanted()).changes[0].summary == "imported rows from accounts.csv"
