"""The integrity page shows problems and repairs them; all data can be exported."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from bs4 import Tag
from django.core.management import call_command
from django.test import Client

from crm.model.schema import USE_CASES
from crm.repository.integrity import checks
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..broken_rows import broken, insert  # noqa: F401
from ..conftest import LocalWarehouse, Statements
from .html import filled_in, parsed, text, texts

PAGE = "/admin-tools/integrity/"


def test_sound_data_show_no_problem(
    client: Client, sample: Warehouse, statements: Statements, settings: Any
) -> None:
    """Whoever is no editor sees the checks, but repairs nothing; administrators only do both."""
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    with statements() as done:
        page = parsed(client.get(PAGE))
    assert len(done) == 1
    assert text(page, "main .lead") == "The checks found no problems."
    assert texts(page, "main h2") == [f"Checks that found nothing {len(checks.CHECKS)}"]
    assert texts(page, ".checks-passed li") == [check.title for check in checks.CHECKS]
    assert client.post(f"{PAGE}times/").status_code == 403
    settings.EDIP_ADMINS = ["somebody.else@example.com"]
    for path in (PAGE, "/admin-tools/export/?format=json"):
        assert client.get(path).status_code in (403, 404)


def test_each_problem_is_shown_with_its_repair_and_repaired(
    client: Client,
    broken: Warehouse,  # noqa: F811
) -> None:
    page = parsed(client.get(PAGE))
    words = section(page, "unknown-words")
    assert words.select_one("a[href='/use-cases/w1/edit/']")
    assert texts(words, ".problem-repair") == ["→ write “On Hold”"]
    assert words.select_one("a.button")["href"] == f"{PAGE}unknown-words/"
    assert not section(page, "bad-links").select("a.button")
    fixable = [check for check in checks.CHECKS if check.fix]
    repaired = {check: repair(client, check.name) for check in fixable}
    for check in fixable:
        before = int(text(section(page, check.name), ".tally"))
        after = checks.run_checks(broken, (check,))[check]
        assert after.repairable == 0
        assert after.total == before - repaired[check], check.name
    assert "nothing left to repair" in parsed(client.get(f"{PAGE}times/")).get_text()
    # Repairs are in the history.
    response = client.get("/accounts/BSN001/history/?record=w1")
    me = response.wsgi_request.warehouse.actor
    assert texts(parsed(response), ".moment-head b")[0] == me


def section(page: Tag, name: str) -> Tag:
    return page.select_one(f"section[aria-labelledby=check-{name}]")


def repair(client: Client, name: str) -> int:
    """Repair what the preview says, and return how many lines it had."""
    url = f"{PAGE}{name}/"
    page = parsed(client.get(url))
    announced = len(page.select(".problems li"))
    assert announced, name
    response = client.post(url, filled_in(page.select_one("form.actions")))
    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert toast(client).endswith("repaired."), name
    return announced


def toast(client: Client) -> str:
    """Return the message on the next page: one that needs no statement."""
    return text(parsed(client.get("/admin-tools/export/")), "#toasts p")


def test_all_are_counted_though_some_are_shown(
    client: Client, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "SHOWN", 1)
    insert(
        warehouse,
        USE_CASES,
        {"status": "Paused"},
        *[{"status": " active"}] * 5,
        id="x",
        account_bsnid="BSN001",
    )
    words = section(parsed(client.get(PAGE)), "unknown-words")
    assert text(words, ".tally") == "6"
    assert "Repair 5…" in text(words, "a.button")
    page = parsed(client.get(f"{PAGE}unknown-words/"))
    assert "This page shows the first 1 of 5" in text(page, "main .lead")
    assert "Repair 5" in text(page, "form.actions button")
    client.post(f"{PAGE}unknown-words/")
    assert "5 rows were repaired" in toast(client)


def test_what_somebody_put_right_meanwhile_is_left_alone(
    client: Client, warehouse: Warehouse
) -> None:
    insert(warehouse, USE_CASES, id="o1", account_bsnid="GONE", problem="P", status="Active")
    url = f"{PAGE}orphans/"
    form = filled_in(parsed(client.get(url)).select_one("form.actions"))
    accounts.create(warehouse, {"bsnid": "GONE", "team": "Back", "business_area": "Finance"})
    client.post(url, form)
    assert accounts.get(warehouse, "GONE").team == "Back"


def test_a_repair_keeps_the_deadline(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, settings: Any
) -> None:
    later = "2026-03-01"
    insert(warehouse, USE_CASES, id="u1", account_bsnid="B1", problem="P", created_at=later)
    settings.EDIP_REQUEST_TIMEOUT = 10.0
    busy = {"status": 503, "retry_after": 18}
    server.fault("http_status", times=None, match=r"UPDATE \S*use_cases", **busy)
    started = time.monotonic()
    response = client.post(f"{PAGE}times/")
    # It did not wait as long as the warehouse asked.
    assert time.monotonic() - started < busy["retry_after"]
    page = parsed(response)
    assert (response.status_code, text(page, "h1")) == (503, "Only part of this was done")
    assert "The next step failed: the warehouse takes no requests" in text(page, "main")
    server.clear_faults()
    settings.EDIP_REQUEST_TIMEOUT = 60.0
    go_on = page.select_one("main form")
    assert client.post(go_on["action"], filled_in(go_on)).status_code == 303
    assert "1 row was repaired" in toast(client)


@pytest.mark.parametrize("name", ["bad-links", "nothing", "x" * 500])
def test_what_has_no_repair(client: Client, sample: Warehouse, name: str) -> None:
    assert client.get(f"/admin-tools/integrity/{name}/").status_code == 404
    assert client.post(f"/admin-tools/integrity/{name}/").status_code == 404


def test_everything_as_json_is_what_the_command_writes(
    client: Client, sample: Warehouse, tmp_path: Path
) -> None:
    """tests/exporting imports such a file again."""
    response = client.get("/admin-tools/export/?format=json")
    assert "attachment" in response["Content-Disposition"]
    file = tmp_path / "state.json"
    call_command("export_data", output=file, stdout=io.StringIO())
    assert b"".join(response) == file.read_bytes()
    assert len(json.loads(file.read_bytes())["accounts"]) == 5


def test_the_other_formats(client: Client, sample: Warehouse) -> None:
    book = b"".join(client.get("/admin-tools/export/?format=xlsx"))
    assert len(openpyxl.load_workbook(io.BytesIO(book)).sheetnames) == 4
    packed = b"".join(client.get("/admin-tools/export/?format=csv"))
    assert len(zipfile.ZipFile(io.BytesIO(packed)).namelist()) == 4
    assert b"INSERT INTO" in b"".join(client.get("/admin-tools/export/?format=sql"))
    page = parsed(client.get("/admin-tools/export/?format=exe"))
    assert len(page.select("a[download]")) == 4
    assert json.loads(b"".join(client.get("/admin-tools/export/?format=json")))
