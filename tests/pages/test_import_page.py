"""Importing by page: upload, preview, confirm, progress, result."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from crm.importing import importer
from crm.importing.jobs import job as jobs
from crm.importing.jobs import work
from crm.repository.records import accounts
from crm.warehouse import Warehouse
from tests.conftest import BASE_DIR, LocalWarehouse

from .html import HTMX, filled_in, parsed, text, texts

ACCOUNTS_CSV = "BSNID,Team,Business Area\nB1,Claims,Finance\nB2,=1+1,Finance\n,Nobody,Finance\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def upload(client: Client, content: bytes | str, name: str, **options: Any) -> HttpResponse:
    content = content.encode() if isinstance(content, str) else content
    data = {"on_conflict": "skip", "file": SimpleUploadedFile(name, content)} | options
    return client.post("/admin-tools/import/", data)


def settled(client: Client, url: str, **headers: str) -> BeautifulSoup:
    """The job's page, when nothing is at work any more."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        page = parsed(client.get(url, **headers))
        if not page.select("progress"):
            return page
        time.sleep(0.05)
    raise AssertionError("still at work")


def preview(client: Client, content: bytes | str, name: str, **options: Any):
    response = upload(client, content, name, **options)
    assert response.status_code == 303, parsed(response).get_text()
    return response["Location"], settled(client, response["Location"])


def do(client: Client, url: str, what: str = "import") -> BeautifulSoup:
    assert client.post(url, {"do": what}).status_code == 303
    return settled(client, url)


def figures(page: BeautifulSoup) -> dict[str, list[str]]:
    rows = page.select(".table-import tbody tr")
    return {row.th.get_text(): texts(row, "td") for row in rows}


def test_preview_confirm_result(client: Client, warehouse: Warehouse) -> None:
    url, page = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert figures(page)["Accounts"] == ["2", "0", "0", "1"]
    assert texts(page, ".import-row b") == ["B1", "B2"]
    assert texts(page.select_one(".import-row"), "dt") == ["Team", "Business area"]
    assert text(page, "#refused .quiet") == "row 4, bsnid"
    # Nothing is written before it is confirmed.
    assert accounts.get(warehouse, "B1") is None
    assert text(page, ".import-confirm .button-primary") == "Import 2 rows"
    page = do(client, url)
    assert text(page, ".banner h2") == "Imported, and verified"
    *numbers, verdict = figures(page)["Accounts"]
    assert numbers == ["2", "2", "0", "0", "1"]
    assert re.fullmatch("2 rows, equal checksums, [0-9a-f]{16}", verdict)
    assert accounts.get(warehouse, "B1").team == "Claims"
    assert accounts.get(warehouse, "B1").created_by == client.get("/").wsgi_request.warehouse.actor


def test_what_differs_is_shown_before_and_after(client: Client, warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old", "business_area": "Finance"})
    url, page = preview(client, ACCOUNTS_CSV, "accounts.csv", on_conflict="update")
    assert figures(page)["Accounts"] == ["1", "1", "0", "1"]
    different = page.select(".import-rows")[1]
    assert texts(different, "dt") == ["Team"]
    assert texts(different, "del span[dir]") == ["Old"]
    assert texts(different, "ins span[dir]") == ["Claims"]
    do(client, url)
    assert accounts.get(warehouse, "B1").team == "Claims"


def test_left_as_they_are(client: Client, warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old", "business_area": "Finance"})
    url, page = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert text(page, ".import-confirm .button-primary") == "Import 1 row"
    do(client, url)
    assert accounts.get(warehouse, "B1").team == "Old"


@pytest.mark.parametrize(
    ("options", "said", "otherwise"),
    [
        ({"on_conflict": "fail"}, "1 row already exists", {"Change it": 2}),
        (
            {"on_conflict": "fail"},
            "already exists with different values",
            {"Leave it as it is": 1},
        ),
        ({"strict": "on"}, "1 row is refused", {"Leave it out": 1}),
    ],
)
def test_all_or_nothing_is_said_beforehand(
    client: Client, warehouse: Warehouse, options: dict[str, str], said: str, otherwise: Any
) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old", "business_area": "Finance"})
    url, page = preview(client, ACCOUNTS_CSV, "accounts.csv", **options)
    assert text(page, ".banner h2").startswith("Nothing would be imported: 1 row")
    assert said in text(page, ".banner h2")
    assert not page.select("button[value=import]")
    # Nor does it help to ask all the same.
    assert do(client, url).select(".banner-warning")
    assert accounts.get(warehouse, "B2") is None
    ((label, rows),) = otherwise.items()
    page = do(client, url, button(page, label))
    assert text(page, "button[value=import]") == f"Import {rows} row{'s' if rows > 1 else ''}"
    page = do(client, url)
    assert text(page, ".banner h2") == "Imported, and verified"
    assert accounts.get(warehouse, "B1").team == ("Claims" if rows == 2 else "Old")


def button(page: BeautifulSoup, label: str) -> str:
    (found,) = [each for each in page.select("button") if each.get_text(strip=True) == label]
    return found["value"]


def test_all_or_nothing_when_it_comes_to_it(client: Client, warehouse: Warehouse) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv", on_conflict="fail")
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old", "business_area": "Finance"})
    page = do(client, url)
    assert text(page, ".banner h2") == "The import stopped"
    assert "nothing was imported" in text(page, ".banner")
    assert accounts.get(warehouse, "B2") is None
    # What it found is there, on the page and in the report.
    assert "is there already and says something else" in page.get_text()
    assert {"refused", "skipped"} == {line["outcome"] for line in report(client, url)}


def report(client: Client, url: str) -> list[dict[str, str]]:
    content = b"".join(client.get(f"{url}report/").streaming_content).decode()
    return list(csv.DictReader(io.StringIO(content)))


def test_rows_that_change_are_not_called_skipped(client: Client, warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old", "business_area": "Finance"})
    _, page = preview(client, ACCOUNTS_CSV, "accounts.csv", on_conflict="update")
    assert "Accounts that change 1" in texts(page, ".import-rows summary")
    assert "says something else" not in page.get_text()
    _, page = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert "They stay as they are" in page.get_text()
    assert "says something else" in text(page, "#remarks")


def test_importing_twice_writes_nothing(client: Client, warehouse: Warehouse) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    do(client, url)
    _, again = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert figures(again)["Accounts"] == ["0", "0", "2", "1"]
    assert not again.select(".import-confirm .button-primary")


def test_headings_can_be_named(client: Client, warehouse: Warehouse) -> None:
    content = "Number,Group\nB1,Claims\n"
    url, _ = preview(client, content, "accounts.csv", headings="Number = bsnid\n\nGroup=team")
    do(client, url)
    assert accounts.get(warehouse, "B1").team == "Claims"


def test_the_report_holds_every_finding_and_no_formula(
    client: Client, warehouse: Warehouse
) -> None:
    rows = "".join(f",=cmd{n},Finance\n" for n in range(400))
    url, page = preview(client, "BSNID,Team,=Area\n" + rows, "accounts.csv")
    assert len(page.select(".problems li")) == work.LISTED
    report = b"".join(client.get(f"{url}report/")).decode()
    lines = list(csv.DictReader(io.StringIO(report)))
    assert sum(line["outcome"] == "refused" for line in lines) == 400
    assert not any(cell.startswith("=") for line in lines for cell in line.values())


def test_what_was_refused_comes_first_and_the_verdict_is_in_the_report(
    client: Client, warehouse: Warehouse
) -> None:
    noted = "".join(f"B{n},T{n},A,no address\n" for n in range(600))
    headings = "BSNID,Team,Business Area,Azure DevOps Link"
    url, page = preview(client, f"{headings}\n{noted},Nameless,A,\n", "accounts.csv")
    assert texts(page, "h2[id]") == ["Refused 1", "Row by row", "Worth a look 600"]
    assert set(texts(page, "#remarks .badge")) == {"Noted"}
    do(client, url)
    report = b"".join(client.get(f"{url}report/").streaming_content).decode()
    lines = list(csv.DictReader(io.StringIO(report)))
    (verdict,) = [line for line in lines if line["outcome"] == "verified"]
    assert verdict["table"] == "accounts"
    assert verdict["reason"].startswith("600 rows, equal checksums, ")


def test_without_javascript_the_page_asks_again(
    client: Client, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    server.fault("latency", times=None, seconds=1.0)
    url = upload(client, ACCOUNTS_CSV, "accounts.csv")["Location"]
    page = parsed(client.get(url))
    assert page.select_one("noscript meta[http-equiv=refresh]")
    assert page.select_one("progress")
    part = parsed(client.get(url, **HTMX))
    assert part.select_one("#import-job")["hx-get"] == url
    assert not part.select("h1")
    server.clear_faults()
    assert not settled(client, url).select("noscript meta[http-equiv=refresh]")


def test_the_bar_moves(client: Client, warehouse: Warehouse, monkeypatch: Any) -> None:
    monkeypatch.setattr("crm.importing.importer.CHUNK_ROWS", 50)
    rows = "".join(f"B{n},T{n},Finance\n" for n in range(1000))
    url, _ = preview(client, "BSNID,Team,Business Area\n" + rows, "accounts.csv")
    client.post(url, {"do": "import"})
    seen = set()
    while bar := parsed(client.get(url, **HTMX)).select_one("progress"):
        assert bar["max"] == "1000"
        seen.add(int(bar["value"]))
    assert len(seen) > 2
    assert text(parsed(client.get(url)), ".banner h2") == "Imported, and verified"


def test_a_warehouse_that_dies_half_way(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, monkeypatch: Any
) -> None:
    monkeypatch.setattr("crm.importing.importer.CHUNK_ROWS", 10)
    rows = "".join(f"B{n},T{n},Finance\n" for n in range(200))
    url, _ = preview(client, "BSNID,Team,Business Area\n" + rows, "accounts.csv")
    client.post(url, {"do": "import"})
    time.sleep(0.4)
    server.fault("http_status", times=None, status=500)
    page = settled(client, url)
    assert text(page, ".banner h2") == "The import stopped"
    assert "safe to run it again" in text(page, ".banner")
    server.clear_faults()
    page = do(client, url)
    assert text(page, ".banner h2") == "Imported, and verified"
    assert len(accounts.search(warehouse, _everything()).rows) == 200


def _everything() -> Any:
    from crm.model.records import Listing  # noqa: PLC0415

    return Listing(size=1000)


_WORK = """
import sys, time
from pathlib import Path
from crm.importing import holding
assert holding.take(Path(sys.argv[1]))
print("at work", flush=True)
time.sleep(60)
"""


def test_a_process_that_is_gone(client: Client, warehouse: Warehouse) -> None:
    """Another process is at work; as soon as it is killed the page says so, and goes on."""
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    (state,) = Path(jobs._home()).glob("*/state.json")
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORK, str(state.parent)], cwd=BASE_DIR, stdout=subprocess.PIPE
    )
    assert worker.stdout.readline() == b"at work\n"
    told = json.loads(state.read_text())
    state.write_text(json.dumps(told | {"phase": "importing", "doing": "importing", "rows": 1}))
    assert parsed(client.get(url)).select("progress")
    client.post(url, {"do": "import"})
    assert parsed(client.get(url)).select("progress")
    worker.kill()
    worker.wait()
    page = parsed(client.get(url))
    assert "has ended" in text(page, ".banner")
    assert "1 of 2 rows were done" in text(page, ".banner")
    assert text(do(client, url), ".banner h2") == "Imported, and verified"


def test_stopped_undone_and_gone_on_with(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, monkeypatch: Any
) -> None:
    monkeypatch.setattr("crm.importing.importer.CHUNK_ROWS", 20)
    rows = "".join(f"B{n},T{n},Finance\n" for n in range(200))
    url, _ = preview(client, "BSNID,Team,Business Area\n" + rows, "accounts.csv")
    server.fault("latency", times=None, seconds=0.1)
    client.post(url, {"do": "import"})
    while (bar := parsed(client.get(url)).select_one("progress")) and bar["value"] == "0":
        time.sleep(0.02)
    assert client.post(url, {"do": "stop"}).status_code == 303
    assert not parsed(client.get(url)).select("#import-stop")
    page = settled(client, url)
    server.clear_faults()
    assert "stopped, as you asked" in text(page, ".banner")
    some = len(accounts.search(warehouse, _everything()).rows)
    assert 20 <= some < 200
    assert f"{some} of 200 rows were done" in text(page, ".banner")
    # It goes on to its end, and all of it can be undone: what the first half wrote, too.
    page = do(client, url)
    assert text(page, ".banner h2") == "Imported, and verified"
    assert figures(page)["Accounts"][0] == "200"
    assert len(accounts.search(warehouse, _everything()).rows) == 200
    undo(client, page)
    assert accounts.search(warehouse, _everything()).rows == ()


def test_what_was_stopped_can_be_undone(
    client: Client, warehouse: Warehouse, monkeypatch: Any
) -> None:
    monkeypatch.setattr("crm.importing.importer.CHUNK_ROWS", 1)
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    taken_in = importer.importing.take_in

    def and_stop(*args: Any, **options: Any) -> int:
        jobs.find(str(client.get("/").wsgi_request.person), url.split("/")[-2]).stop()
        return taken_in(*args, **options)

    monkeypatch.setattr(importer.importing, "take_in", and_stop)
    page = do(client, url)
    assert "1 of 2 rows were done" in text(page, ".banner")
    assert accounts.get(warehouse, "B1")
    undo(client, page)
    assert accounts.get(warehouse, "B1") is None


def undo(client: Client, page: BeautifulSoup) -> None:
    (form,) = [form for form in page.select("form") if "Undo" in form.get_text()]
    assert client.post(form["action"]).status_code == 303


def test_reading_can_be_stopped(
    client: Client, warehouse: Warehouse, server: LocalWarehouse, monkeypatch: Any
) -> None:
    monkeypatch.setattr("crm.importing.importer.CHUNK_ROWS", 1)
    server.fault("latency", times=None, seconds=0.5)
    url = upload(client, ACCOUNTS_CSV, "accounts.csv")["Location"]
    client.post(url, {"do": "stop"})
    page = settled(client, url)
    server.clear_faults()
    assert text(page, ".banner h2") == "Reading the file was stopped"
    assert not do(client, url, "look").select(".banner")


def test_a_finished_import_is_not_begun_again(client: Client, warehouse: Warehouse) -> None:
    """From a second tab, or sent again: what it wrote, and the way back, stay."""
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    before = do(client, url)
    for what in ("import", "look", "look-update", "stop"):
        page = do(client, url, what)
        assert figures(page) == figures(before)
        assert text(page, "#import-job form[action] button") == "Undo the import"
    undo(client, page)
    assert accounts.get(warehouse, "B1") is None


def test_what_is_at_work_is_not_discarded(
    client: Client, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    server.fault("latency", times=None, seconds=0.3)
    client.post(url, {"do": "import"})
    assert client.post(url, {"do": "discard"})["Location"] == url
    server.clear_faults()
    assert text(settled(client, url), ".banner h2") == "Imported, and verified"
    assert client.post(url, {"do": "discard"})["Location"] == "/admin-tools/import/"


def test_asking_twice_imports_once(client: Client, warehouse: Warehouse) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    for _ in range(3):
        client.post(url, {"do": "import"})
    assert text(settled(client, url), ".banner h2") == "Imported, and verified"


def test_discarding_forgets_the_file(client: Client, warehouse: Warehouse) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert client.post(url, {"do": "discard"})["Location"] == "/admin-tools/import/"
    assert list(jobs._home().iterdir()) == []
    gone = client.get(url)
    assert gone.status_code == 404
    assert "Upload the file again" in text(parsed(gone), ".lead")


def test_nobody_sees_anothers_import(client: Client, warehouse: Warehouse, settings: Any) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    settings.EDIP_USER = "somebody.else@example.com"
    for path in (url, f"{url}report/"):
        assert client.get(path).status_code == 404
    assert client.post(url, {"do": "import"}).status_code == 404
    assert accounts.get(warehouse, "B1") is None


@pytest.mark.parametrize("id", ["x", "..", "a" * 32, "%2e%2e%2f" * 4])
def test_ids_that_are_none(client: Client, warehouse: Warehouse, id: str) -> None:
    assert client.get(f"/admin-tools/import/{id}/").status_code == 404


def test_only_administrators_who_may_write(
    client: Client, warehouse: Warehouse, settings: Any
) -> None:
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert client.get("/admin-tools/import/").status_code == 403
    assert upload(client, ACCOUNTS_CSV, "accounts.csv").status_code == 403
    settings.EDIP_EDITORS, settings.EDIP_ADMINS = [], ["somebody.else@example.com"]
    assert client.get("/admin-tools/import/").status_code in (403, 404)
    assert upload(client, ACCOUNTS_CSV, "accounts.csv").status_code in (403, 404)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("accounts.exe", b"MZ", "is none of these"),
        ("accounts.csv", b"", "The file is empty"),
    ],
)
def test_what_is_no_such_file_is_said_beside_it(
    client: Client, warehouse: Warehouse, name: str, content: bytes, said: str
) -> None:
    response = upload(client, content, name, on_conflict="update", strict="on")
    assert response.status_code == 422
    page = parsed(response)
    assert said in text(page, "#id_file_error")
    # What was chosen otherwise is still there.
    form = filled_in(page.select_one(".record form"))
    assert (form["on_conflict"], form["strict"]) == ("update", "on")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("accounts.csv", bytes(range(256)) * 40, ""),
        ("state.json", b"{not json", "state.json"),
        ("state.json", b"[" * 100_000, ""),
        ("book.xlsx", b"PK\x03\x04 no workbook", ""),
        ("all.zip", b"no zip", "is not a zip archive"),
        ("notes.txt", b"just some words", ""),
    ],
)
def test_hostile_files_end_in_words(
    client: Client, warehouse: Warehouse, name: str, content: bytes, said: str
) -> None:
    url, page = preview(client, content, name)
    assert "unexpected" not in page.get_text()
    assert said in page.get_text()
    assert client.get(url).status_code == 200


def test_a_zip_cannot_write_elsewhere(client: Client, warehouse: Warehouse, folder: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("accounts.csv", ACCOUNTS_CSV)
        archive.writestr("../../../escaped.csv", "x")
    _, page = preview(client, packed.getvalue(), "all.zip")
    assert figures(page)["Accounts"][0] == "2"
    assert not list(folder.rglob("escaped.csv"))


def test_a_very_long_cell(client: Client, warehouse: Warehouse) -> None:
    content = f"BSNID,Team,Business Area\nB1,{'x' * 1_000_000},Finance\nB2,Fine,Finance\n"
    _, page = preview(client, content, "accounts.csv")
    assert figures(page)["Accounts"] == ["1", "0", "0", "1"]


@pytest.mark.parametrize(("size", "status"), [(2**20, 422), (2**20 + 1, 422), (2**21, 413)])
def test_too_large_a_file(
    client: Client, warehouse: Warehouse, settings: Any, size: int, status: int
) -> None:
    """The form tells the limit, and beside the file what to do; far beyond, a page does."""
    settings.EDIP_IMPORT_MAX_MB = 1
    assert "up to 1 MB" in text(parsed(client.get("/admin-tools/import/")), "#id_file_helptext")
    # The headings are wrong, so that a file just small enough goes no further, either.
    response = upload(client, b"x" * size, "accounts.csv", headings="nothing")
    assert response.status_code == status
    said = parsed(response).get_text()
    assert ("larger than 1 MB. Use “manage.py import_legacy”" in said) == (size > 2**20)


@pytest.mark.parametrize("headings", ["Team", "Team=nothing", "=team", "a=b=c"])
def test_headings_that_mean_nothing(client: Client, warehouse: Warehouse, headings: str) -> None:
    response = upload(client, ACCOUNTS_CSV, "accounts.csv", headings=headings)
    assert response.status_code == 422
    assert "Line 1" in text(parsed(response), "#id_headings_error")
    assert filled_in(parsed(response).select_one(".record form"))["headings"] == headings


def test_old_jobs_are_forgotten(
    client: Client, warehouse: Warehouse, folder: Path, monkeypatch: Any
) -> None:
    """By whatever is asked for next, and by nobody's asking."""
    old, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    new, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    age(old)
    assert client.get(new).status_code == 200
    assert [job.name for job in jobs._home().iterdir()] == [new.split("/")[-2]]
    assert client.get(old).status_code == 404
    age(new)
    monkeypatch.setattr(jobs, "_sweeping", threading.Lock())
    monkeypatch.setattr(jobs, "SWEPT_EVERY", 3600)
    jobs.keep_tidy()
    deadline = time.monotonic() + 5
    while list(jobs._home().iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(jobs._home().iterdir()) == []


def age(url: str) -> None:
    long_ago = time.time() - jobs.KEPT - 1
    os.utime(jobs._home() / url.split("/")[-2], (long_ago, long_ago))


def test_what_is_at_work_is_not_old(
    client: Client, warehouse: Warehouse, server: LocalWarehouse
) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    server.fault("latency", times=None, seconds=0.3)
    client.post(url, {"do": "import"})
    age(url)
    assert client.get(url).status_code == 200
    server.clear_faults()
    assert text(settled(client, url), ".banner h2") == "Imported, and verified"
