"""The integrity page shows problems and repairs them; all data can be exported."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command
from django.test import Client

from crm.model.schema import USE_CASES
from crm.repository.integrity import checks
from crm.repository.records import accounts
from crm.warehouse import Warehouse
from tests.commands.test_check_integrity import broken, insert  # noqa: F401
from tests.conftest import Statements

from .html import filled_in, parsed, text, texts


def test_sound_data_show_no_problem(
    client: Client, sample: Warehouse, statements: Statements
) -> None:
    with statements() as done:
        page = parsed(client.get("/admin-tools/integrity/"))
    assert len(done) == 1
    assert text(page, "main .lead") == "The checks found no problems."
    assert texts(page, "main .tally") == ["0"] * len(checks.CHECKS)


def test_each_problem_is_shown_with_its_repair(client: Client, broken: Warehouse) -> None:  # noqa: F811
    page = parsed(client.get("/admin-tools/integrity/"))
    words = page.select_one("section[aria-labelledby=check-unknown-words]")
    assert words.select_one("a[href='/use-cases/w1/edit/']")
    assert texts(words, ".problem-repair") == ["→ write “On Hold”"]
    assert words.select_one("a.button")["href"] == "/admin-tools/integrity/unknown-words/"
    links = page.select_one("section[aria-labelledby=check-bad-links]")
    assert not links.select("a.button")


@pytest.mark.parametrize("check", [check for check in checks.CHECKS if check.fix])
def test_a_repair_repairs_what_its_preview_says(
    client: Client,
    broken: Warehouse,  # noqa: F811
    check: checks.Check,
) -> None:
    url = f"/admin-tools/integrity/{check.name}/"
    page = parsed(client.get(url))
    announced = len(page.select(".problems li"))
    assert announced
    before = checks.run_checks(broken, (check,))[check]
    response = client.post(url, filled_in(page.select_one("form.actions")))
    assert response.status_code == 303
    assert "repaired" in text(parsed(client.get(response["Location"])), "#toasts p")
    left = checks.run_checks(broken, (check,))[check]
    assert left.repairable == 0
    assert left.total == before.total - announced
    assert "nothing left to repair" in parsed(client.get(url)).get_text()


def test_all_are_counted_though_some_are_shown(
    client: Client,
    broken: Warehouse,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "SHOWN", 1)
    for number in range(4):
        insert(broken, USE_CASES, id=f"x{number}", account_bsnid="BSN001", status=" active")
    page = parsed(client.get("/admin-tools/integrity/"))
    words = page.select_one("section[aria-labelledby=check-unknown-words]")
    assert text(words, ".tally") == "6"
    assert "Repair 5…" in text(words, "a.button")
    page = parsed(client.get("/admin-tools/integrity/unknown-words/"))
    assert "This page shows the first 1 of 5" in text(page, "main .lead")
    assert "Repair 5" in text(page, "form.actions button")
    response = client.post("/admin-tools/integrity/unknown-words/")
    assert "5 rows were repaired" in text(parsed(client.get(response["Location"])), "#toasts p")


def test_what_somebody_put_right_meanwhile_is_left_alone(
    client: Client,
    broken: Warehouse,  # noqa: F811
) -> None:
    url = "/admin-tools/integrity/orphans/"
    form = filled_in(parsed(client.get(url)).select_one("form.actions"))
    accounts.create(broken, {"bsnid": "GONE", "team": "Back", "business_area": "Finance"})
    client.post(url, form)
    assert accounts.get(broken, "GONE").team == "Back"


def test_a_repair_is_in_the_history(client: Client, broken: Warehouse) -> None:  # noqa: F811
    client.post("/admin-tools/integrity/unknown-words/")
    page = parsed(client.get("/accounts/BSN001/history/?record=w1"))
    me = client.get("/").wsgi_request.warehouse.actor
    assert texts(page, ".moment-head b")[0] == me


@pytest.mark.parametrize("name", ["bad-links", "nothing", "x" * 500])
def test_what_has_no_repair(client: Client, sample: Warehouse, name: str) -> None:
    assert client.get(f"/admin-tools/integrity/{name}/").status_code == 404
    assert client.post(f"/admin-tools/integrity/{name}/").status_code == 404


def test_only_editors_repair_and_only_administrators_check(
    client: Client, sample: Warehouse, settings: Any
) -> None:
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert client.get("/admin-tools/integrity/").status_code == 200
    assert client.post("/admin-tools/integrity/times/").status_code == 403
    settings.EDIP_ADMINS = ["somebody.else@example.com"]
    for path in ("/admin-tools/integrity/", "/admin-tools/export/?format=json"):
        assert client.get(path).status_code in (403, 404)


def test_everything_as_json_can_be_imported_again(
    client: Client, sample: Warehouse, tmp_path: Path
) -> None:
    response = client.get("/admin-tools/export/?format=json")
    assert "attachment" in response["Content-Disposition"]
    file = tmp_path / "state.json"
    file.write_bytes(b"".join(response))
    before = file.read_bytes()
    for bsnid in ("BSN001", "BSN002"):
        accounts.delete(sample, bsnid)
    call_command("import_legacy", file, stdout=io.StringIO())
    assert b"".join(client.get("/admin-tools/export/?format=json")) == before


def test_the_other_formats(client: Client, sample: Warehouse) -> None:
    book = b"".join(client.get("/admin-tools/export/?format=xlsx"))
    assert len(openpyxl.load_workbook(io.BytesIO(book)).sheetnames) == 4
    packed = b"".join(client.get("/admin-tools/export/?format=csv"))
    assert len(zipfile.ZipFile(io.BytesIO(packed)).namelist()) == 4
    assert b"INSERT INTO" in b"".join(client.get("/admin-tools/export/?format=sql"))
    page = parsed(client.get("/admin-tools/export/?format=exe"))
    assert len(page.select("a[download]")) == 4
    assert json.loads(b"".join(client.get("/admin-tools/export/?format=json")))
