"""Rows with the same key, which somebody inserted outside the app, cause no further damage."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path

import pytest
from django.test import Client

from crm.model.as_of_address import address
from crm.model.schema import (
    ACCOUNTS,
    CHANGE_ID,
    PLATFORMS_STATUS,
    TABLES,
    UPDATES,
    USE_CASES,
    Table,
)
from crm.repository import versions
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.warehouse import Warehouse

from ..pages.html import filled_in, parsed, record_form
from ..pages.import_page.using import press, preview, undo
from ..schemas import CONTENTS
from ..test_statement_budget import PAGES, PAST
from .creating import HTMX, words_of

# These pages read no records, or the test reads them elsewhere. Those of the second line need a
# second account, or a person whom the data name.
NOT_CONCERNED = {"account-create", "account-edit", "use-case-list", "update-list"}
NOT_CONCERNED |= {"account-merge", "person", "rename-person"}


IDS = {"use_case": str(uuid.uuid4()), "update": str(uuid.uuid4())}


def write_two_of_each(warehouse: Warehouse) -> None:
    """Write BSN001 with a status, a use case and an update: two different rows of each."""
    accounts.create(warehouse, {"bsnid": "BSN001", "team": "Older", "business_area": "Finance"})
    platforms.set_status(warehouse, "BSN001", "Databricks", "Requested", None)
    use_cases.create(warehouse, "BSN001", IDS["use_case"], {"problem": "P", "status": "Active"})
    values = {"author": "A", "date": dt.date(2026, 3, 1), "description": "D"}
    updates.create(warehouse, "BSN001", IDS["update"], values)
    texts = ("team", "status", "problem", "description")
    for table, text in zip(TABLES, texts, strict=True):
        duplicate(warehouse, table, text)


CONTENTS["two_of_each"] = write_two_of_each


@pytest.fixture
def two_of_each(warehouse: Warehouse) -> Warehouse:
    """The tables after ``write_two_of_each``."""
    return warehouse


@pytest.fixture
def ids(two_of_each: Warehouse) -> dict[str, str]:
    return IDS


def duplicate(wh: Warehouse, table: Table, text: str) -> None:
    """Insert each row of the table once more, as in an SQL editor, with another text."""
    names = [column.name for column in table.stored_columns]
    values = {text: "'Newer'", CHANGE_ID.name: "NULL", "updated_at": "CURRENT_TIMESTAMP()"}
    selected = ", ".join(values.get(name, name) for name in names)
    name = wh.namespace.table(table)
    sql = f"INSERT INTO {name} ({', '.join(names)}) SELECT {selected} FROM {name}"
    wh.execute(sql, repeatable=False)


def count(wh: Warehouse, table: Table) -> int:
    sql = f"SELECT COUNT(*) AS n FROM {wh.namespace.table(table)}"
    [row] = wh.query(sql)
    return row["n"]


def texts(wh: Warehouse, table: Table, text: str) -> list[str]:
    name = wh.namespace.table(table)
    return [row["text"] for row in wh.query(f"SELECT {text} AS text FROM {name} ORDER BY text")]


def test_every_page_opens_and_names_the_integrity_page(
    client: Client, warehouse: Warehouse, ids: dict[str, str]
) -> None:
    edit = record_form(client.get("/accounts/BSN001/edit/"))
    assert client.post("/accounts/BSN001/edit/", edit | {"team": "Newest"}).status_code == 303
    # An edit changes the row that the page shows: the one that was changed last.
    assert texts(warehouse, ACCOUNTS, "team") == ["Newest", "Older"]
    commits = versions.load(warehouse).commits
    fill = ids | {
        "version": str(commits[ACCOUNTS][-1].version),
        "moment": address(max(commits[table][-1].moment for table in TABLES)).rstrip("/"),
    }
    pages = [path.format(**fill) for name, path in PAGES.items() if name not in NOT_CONCERNED]
    pages += [f"{fill['moment']}{path}" for path in ("/accounts/BSN001/", *PAST.values())]
    pages += ["/accounts/?format=csv", "/admin-tools/export/?format=json"]
    answers = {path: client.get(path) for path in pages}
    codes = {path: answer.status_code for path, answer in answers.items()}
    assert {path: code for path, code in codes.items() if code != 200} == {}
    for path in ("/accounts/", "/accounts/BSN001/", "/use-cases/", "/updates/"):
        assert "The page Integrity shows and repairs them" in words_of(client.get(path)), path
    # A child comes once for each of its rows, and not for each row of its account.
    for path in ("/use-cases/", "/updates/"):
        assert client.get(path).context["page"].total == 2
    assert [u.team for u in client.get("/").context["figures"].updates] == ["Older", "Older"]


def test_writing_adds_no_more_and_loses_none(
    client: Client, warehouse: Warehouse, ids: dict[str, str]
) -> None:
    new = {"id": str(uuid.uuid4()), "author": "A", "date": "2026-03-02", "description": "New"}
    assert client.post("/accounts/BSN001/updates/new/", new).status_code == 303
    assert texts(warehouse, UPDATES, "description") == ["D", "New", "Newer"]
    new = {"id": str(uuid.uuid4()), "problem": "New", "status": "Active"}
    assert client.post("/accounts/BSN001/use-cases/new/", new).status_code == 303
    assert texts(warehouse, USE_CASES, "problem") == ["New", "Newer", "P"]
    path = "/accounts/BSN001/platforms/"
    new = {"platform": "Snowflake", "status": "Requested", "updated_at": ""}
    assert client.post(path, new, **HTMX).status_code == 200
    # The card shows the row of the platform that was set last, and setting it changes that one.
    assert texts(warehouse, PLATFORMS_STATUS, "status") == ["Newer", "Requested", "Requested"]
    seen = platforms.list_for(warehouse, "BSN001")
    latest = max(row.updated_at for row in seen if row.platform == "Databricks")
    new = {"platform": "Databricks", "status": "Completed", "updated_at": latest.isoformat()}
    assert client.post(path, new, **HTMX).status_code == 200
    assert texts(warehouse, PLATFORMS_STATUS, "status") == ["Completed", "Requested", "Requested"]
    seen = platforms.list_for(warehouse, "BSN001")
    latest = max(row.updated_at for row in seen if row.platform == "Databricks")
    new = {"id": str(uuid.uuid4()), "author": "A", "date": "2026-03-02", "description": "More"}
    new |= {"platform": "Databricks", "status": "In Progress"}
    new |= {"seen-Databricks": latest.isoformat()}
    assert client.post("/accounts/BSN001/compose/", new).status_code == 303
    statuses = texts(warehouse, PLATFORMS_STATUS, "status")
    assert statuses == ["In Progress", "Requested", "Requested"]
    assert texts(warehouse, UPDATES, "description") == ["D", "More", "New", "Newer"]
    edit = record_form(client.get(f"/updates/{ids['update']}/edit/"))
    assert edit["description"] == "Newer"
    path = f"/updates/{ids['update']}/edit/"
    assert client.post(path, edit | {"description": "Newest"}).status_code == 303
    assert texts(warehouse, UPDATES, "description") == ["D", "More", "New", "Newest"]
    # The key is taken, and a deletion deletes all rows that have it.
    taken = {"bsnid": "BSN001", "team": "Third", "business_area": "Finance"}
    assert client.post("/accounts/new/", taken).status_code == 422
    assert client.post("/accounts/BSN001/delete/").status_code == 303
    assert [count(warehouse, table) for table in TABLES] == [0, 0, 0, 0]


def test_reverting_and_undoing_add_no_more_and_lose_none(
    client: Client,
    warehouse: Warehouse,
    ids: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A field of one of two accounts.
    seen = accounts.get(warehouse, "BSN001").updated_at
    accounts.update(warehouse, "BSN001", {"vp": "Vera"}, seen)
    history = parsed(client.get("/accounts/BSN001/history/"))
    link = history.select_one("a[href^='/put-back/'][href*='field=vp']")["href"]
    form = parsed(client.get(link)).select_one(".ask form")
    assert client.post(form["action"], filled_in(form)).status_code == 303
    assert texts(warehouse, ACCOUNTS, "team") == ["Newer", "Older"]
    assert accounts.get(warehouse, "BSN001").vp is None
    # The deletion of both updates.
    assert client.post(f"/updates/{ids['update']}/delete/").status_code == 303
    assert client.post(f"/undo/updates/{ids['update']}/").status_code == 303
    assert [count(warehouse, table) for table in TABLES] == [2, 2, 2, 1]
    # An import of both accounts.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    line = "BSNID,Team,Business Area\nBSN001,Imported,Finance\n"
    url, _ = preview(client, line, "a.csv", on_conflict="update")
    page = press(client, url)
    assert [count(warehouse, table) for table in TABLES] == [2, 2, 2, 1]
    assert texts(warehouse, ACCOUNTS, "team") == ["Imported"] * 2
    undo(client, page)
    assert texts(warehouse, ACCOUNTS, "team") == ["Newer", "Older"]
