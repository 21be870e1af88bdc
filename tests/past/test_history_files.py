"""The history as a CSV or XLSX file."""

from __future__ import annotations

import csv
import io
import re

import openpyxl
import pytest
from django.test import Client

from crm.model.as_of_address import address
from crm.model.schema import ACCOUNTS
from crm.repository.past import history as repository
from crm.repository.past.history import History, Wanted
from crm.repository.records import accounts
from crm.views import history as views
from crm.warehouse import Warehouse

from ..patience import next_second
from .conftest import BOB


def test_a_file_holds_the_changes_that_the_filters_leave(
    sample_history: None, client: Client
) -> None:
    wanted = {"person": BOB, "kind": "changed"}
    answer = client.get("/activity/", wanted | {"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    told_of = {(row["table"], row["field"], row["old"], row["new"]) for row in rows}
    assert told_of == {
        ("accounts", "team", "Claims", "Claims & more"),
        ("accounts", "vp", "", "Vera"),
        ("use_cases", "status", "Planning", "Active"),
        ("platforms_status", "status", "Requested", "In Progress"),
    }
    assert {row["person"] for row in rows} == {BOB}
    answer = client.get("/activity/", wanted | {"format": "xlsx"})
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(answer))).active
    assert sheet.max_row == len(rows) + 1


def test_files_are_safe_for_spreadsheets(ana: Warehouse, client: Client) -> None:
    accounts.create(ana, {"bsnid": "B1", "team": "=1+1"})
    answer = client.get("/activity/", {"format": "csv"})
    assert not re.search(r"(^|,)\"?=1", b"".join(answer).decode("utf-8-sig"), re.M)


def test_files_name_who_was_outside_and_the_moment(
    sample_history: None, ana: Warehouse, client: Client
) -> None:
    sql = f"UPDATE {ana.namespace.table(ACCOUNTS)} SET vp = 'SQL' WHERE bsnid = 'B1'"
    ana.execute(sql, repeatable=True)
    answer = client.get("/accounts/B1/history/?format=csv&person=(outside)")
    (row,) = csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig")))
    assert (row["outside"], row["new"]) == ("yes", "SQL")
    assert row["person"]
    moment = next_second()
    for path, stem in (("/accounts/", "accounts"), ("/accounts/B1/history/", "history")):
        answer = client.get(address(moment, f"{path}?format=csv"))
        name = f"{stem}-as-of-{moment:%Y%m%dT%H%M%SZ}.csv"
        assert name in answer["Content-Disposition"]


def test_a_change_meanwhile_neither_doubles_nor_loses_a_row(
    sample_history: None, ana: Warehouse, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows() -> list[dict[str, str]]:
        answer = client.get("/activity/?format=csv")
        return list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))

    before = rows()
    monkeypatch.setattr(views, "ROWS_PER_STATEMENT", 3)
    original = repository.load
    pages: list[int] = []

    def load(wh: Warehouse, wanted: Wanted) -> History:
        found = original(wh, wanted)
        pages.append(found.page)
        if len(pages) == 2:  # the first one is the page's own
            for n in range(4):
                accounts.create(ana, {"bsnid": f"NEW{n}", "team": "New"})
        return found

    monkeypatch.setattr(repository, "load", load)
    assert rows() == before
    assert pages[:3] == [1, 1, 2]
