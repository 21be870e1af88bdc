"""The import page: the preview before anything is written, and the report."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.repository.records import accounts
from crm.views import _import_wording
from crm.warehouse import Warehouse
from tests.conftest import LocalWarehouse

from ..html import HTMX, filled_in, parsed, text, texts
from .using import ACCOUNTS_CSV, figures, press, preview, seen, settled, upload


def test_what_differs_changes_or_stays_as_was_chosen(client: Client, warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old", "business_area": "Finance"})
    update, page = preview(client, ACCOUNTS_CSV, "accounts.csv", on_conflict="update")
    assert figures(page)["Accounts"] == ["1", "1", "0", "1"]
    different = page.select(".import-rows")[1]
    assert texts(different, "dt") == ["Team"]
    assert texts(different, "del span[dir]") == ["Old"]
    assert texts(different, "ins span[dir]") == ["Claims"]
    # Rows that change are not called skipped.
    assert "Accounts that change 1" in texts(page, ".import-rows summary")
    assert "different values" not in page.get_text()

    skip, page = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert text(page, ".import-confirm .button-primary") == "Import 1 row"
    assert "They stay as they are" in page.get_text()
    assert "different values" in text(page, "#remarks")
    press(client, skip)
    assert accounts.get(warehouse, "B1").team == "Old"
    press(client, update)
    assert accounts.get(warehouse, "B1").team == "Claims"


@pytest.mark.parametrize(
    ("options", "message", "otherwise"),
    [
        ({"on_conflict": "fail"}, "1 row already exists", {"Change it": 2}),
        ({"on_conflict": "fail"}, "different values", {"Leave it as it is": 1}),
        ({"strict": "on"}, "1 row is refused", {"Leave it out": 1}),
    ],
)
def test_all_or_nothing_is_said_beforehand(
    client: Client, warehouse: Warehouse, options: dict[str, str], message: str, otherwise: Any
) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old", "business_area": "Finance"})
    url, page = preview(client, ACCOUNTS_CSV, "accounts.csv", **options)
    assert text(page, ".banner h2").startswith("Nothing would be imported: 1 row ")
    assert message in text(page, ".banner h2")
    assert not page.select("button[value=import]")
    # A request without the button imports nothing, either.
    assert press(client, url).select(".banner-warning")
    assert accounts.get(warehouse, "B2") is None
    ((label, rows),) = otherwise.items()
    page = press(client, url, button(page, label))
    assert text(page, "button[value=import]") == f"Import {rows} row{'s' if rows > 1 else ''}"
    page = press(client, url)
    assert text(page, ".banner h2") == "Imported, and verified"
    assert accounts.get(warehouse, "B1").team == ("Claims" if rows == 2 else "Old")


def button(page: BeautifulSoup, label: str) -> str:
    (found,) = [each for each in page.select("button") if each.get_text(strip=True) == label]
    return found["value"]


def test_the_report_holds_every_finding_and_no_formula(
    client: Client, warehouse: Warehouse
) -> None:
    rows = "".join(f",=cmd{n},Finance\n" for n in range(400))
    url, page = preview(client, "BSNID,Team,=Area\n" + rows, "accounts.csv")
    # What differs only in its values is one line; the report has every row.
    refused = text(page, "#refused li")
    assert refused.startswith(
        "400× BSNID, rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … BSNID is missing"
    )
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
    assert texts(page, "h2[id]") == ["Refused 1", "Row by row", "Remarks 600"]
    assert set(texts(page, "#remarks .badge")) == {"Noted"}
    press(client, url)
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
    assert not press(client, url, "preview").select(".banner")


def test_a_doubt_needs_a_tick(client: Client, warehouse: Warehouse) -> None:
    total = "BSNID,Team,Business Area\nB1,Claims,Finance\nTotal,1,Finance\n"
    url, page = preview(client, total, "accounts.csv")
    assert "row 3: the row is a total" in text(page, ".import-doubts label")
    # Above the button, which works with JavaScript off; the other buttons need no tick.
    assert page.select_one(".import-doubts").find_next("button")["value"] == "import"
    assert all(each.has_attr("formnovalidate") for each in page.select("button[value=discard]"))
    response = client.post(url, {"do": "import"})
    assert response.status_code == 422
    assert "is not this preview" in text(parsed(response), ".banner-error h2")
    response = client.post(url, {"do": "import"} | seen(url))
    assert response.status_code == 422
    assert "Tick each line" in text(parsed(response), "legend")
    assert accounts.get(warehouse, "B1") is None
    ticked = filled_in(page.select_one(".import-confirm")) | {
        "do": "import",
        "sure": page.select_one("[name=sure]")["value"],
    }
    # A tick is for the preview in which its doubt was seen, even if the next says the same.
    again = press(client, url, "preview")
    response = client.post(url, ticked)
    assert response.status_code == 422
    assert "is not this preview" in text(parsed(response), ".banner-error h2")
    assert client.post(url, ticked | seen(url)).status_code == 422
    assert accounts.get(warehouse, "B1") is None
    sure = {"do": "import", "sure": again.select_one("[name=sure]")["value"]} | seen(url)
    assert client.post(url, sure).status_code == 303
    assert text(settled(client, url), ".banner h2") == "Imported, and verified"


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (0, "the file has no rows"),
        (1, "its only row is refused"),
        (1234, "all 1,234 rows are refused"),
    ],
)
def test_why_nothing_can_be_imported(refused: int, why: str) -> None:
    sums = {"new": 0, "different": 0, "unchanged": 0}
    texts = _import_wording.preview("", "skip", sums, refused)
    assert texts["lead"] == f"Nothing can be imported: {why}."


def test_refused_rows_are_corrected_and_imported(client: Client, warehouse: Warehouse) -> None:
    url, page = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert page.select_one(f"a[href='{url}refused/']")
    response = client.get(f"{url}refused/")
    assert "accounts-refused.csv" in response["Content-Disposition"]
    content = b"".join(response.streaming_content).decode("utf-8-sig")
    assert content.splitlines()[0] == "BSNID,Team,Business Area,Reason for refusal"
    corrected = content.replace(",Nobody", "B3,Nobody")
    again, page = preview(client, corrected, "accounts-refused.csv")
    assert text(page, ".import-confirm .button-primary") == "Import 1 row"
    assert not page.select("#refused, #remarks")
    assert client.get(f"{again}refused/").status_code == 404
    press(client, again)
    assert accounts.get(warehouse, "B3").team == "Nobody"
