"""The mapping step of the import page: what each heading means, before the preview."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from django.conf import settings
from django.test import Client

from crm.model.own_tables import IMPORT_MAPPINGS
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..html import HTMX, parsed, text, texts
from .using import ACCOUNTS_CSV, choose, chosen, press, preview, settled

CASES = Path(__file__).parents[2] / "importing" / "cases"
HUBSPOT = (CASES / "hubspot.csv").read_text()


def column(page: BeautifulSoup, heading: str) -> str:
    """Return the name of the field that says what a heading becomes."""
    (label,) = [each for each in page.select("label") if each.get_text(strip=True) == heading]
    return label["for"]


def test_a_file_that_nothing_recognises_is_mapped_once(
    client: Client, warehouse: Warehouse
) -> None:
    url, page = preview(client, HUBSPOT, "hubspot.csv")
    assert "no heading shows which table it is" in text(page, ".mapping-part summary")
    assert "12345678901" in text(page.select(".table-mapping tbody tr")[0], "td span[dir]")
    assert not page.select(".table-mapping select")

    # The person chooses the table; then the page offers its columns.
    page = choose(client, url, "columns", chosen(page) | {"table-0": "accounts"})
    assert chosen(page)[column(page, "Record ID")] == "-"
    assert "Not known: 1 value would be lost" in texts(page, ".mapping-lost")
    response = client.post(url, chosen(page) | {"do": "map"})
    assert response.status_code == 422
    assert "Choose the heading of BSNID" in text(parsed(response), ".banner-error")
    assert parsed(response).select_one(".mapping-part")["id"] == "part-0"

    fields = chosen(page) | {
        column(page, "Record ID"): "bsnid",
        column(page, "Company name"): "vp",
    }
    page = choose(client, url, "map", fields)
    assert "Acme" in text(page, ".import-row .field-changes")
    # The person goes back from the preview, without another upload; the choices are still there.
    page = press(client, url, "mapping")
    assert chosen(page)[column(page, "Company name")] == "vp"
    page = choose(client, url, "map", chosen(page) | {column(page, "Company name"): "team"})
    assert text(page, ".import-confirm .button-primary") == "Import 1 row"
    assert not page.select(".import-kept")
    press(client, url)
    assert accounts.get(warehouse, "12345678901").team == "Acme"

    # The next file with these headings needs no answer, and its mapping can still be changed.
    again, page = preview(client, HUBSPOT.replace("12345678901", "777"), "next month.csv")
    assert texts(page, ".import-row b") == ["777"]
    assert text(page, ".import-kept p").startswith("next month.csv is read as you chose on")
    assert len(page.select("button[value=mapping]")) == 1
    assert chosen(press(client, again, "mapping"))["table-0"] == "accounts"


def test_a_file_that_is_known_goes_on_to_its_preview(client: Client, warehouse: Warehouse) -> None:
    url, page = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert text(page, ".import-confirm .button-primary") == "Import 2 rows"
    page = press(client, url, "mapping")
    assert "3 rows, read as accounts" in text(page, ".mapping-part summary")
    everything_out = chosen(page) | {"table-0": "-"}
    response = client.post(url, everything_out | {"do": "map"})
    assert "Everything is left out" in text(parsed(response), ".banner-error")


def test_dates_that_allow_two_orders_are_asked_for(client: Client, warehouse: Warehouse) -> None:
    content = "bsnid,team,created_at\nB1,T,7/8/2026 10:00\n"
    url, page = preview(client, content, "accounts.csv")
    assert {"dates-0", "zone-0"} <= chosen(page).keys()
    assert "1 value would be lost" in texts(page, ".mapping-lost")
    response = client.post(url, chosen(page) | {"do": "map"})
    assert "whether the day, the month or the year" in text(parsed(response), ".field-errors")
    answers = {"dates-0": "mdy", "zone-0": "Europe/Berlin"}
    page = choose(client, url, "map", chosen(page) | answers)
    assert "were read like 2026-07-08, in Europe/Berlin" in text(page, "#remarks")
    press(client, url)
    assert accounts.get(warehouse, "B1").created_at.isoformat() == "2026-07-08T08:00:00+00:00"


def test_each_choice_is_answered_at_once_with_javascript(
    client: Client, warehouse: Warehouse
) -> None:
    url, page = preview(client, "bsnid,team,Mood\nB1,Müller,good\n".encode("cp850"), "a.csv")
    assert "Not known: 1 value would be lost" in texts(page, ".mapping-lost")
    fields = chosen(page) | {"do": "columns", column(page, "Mood"): "vp"}
    part = parsed(client.post(url, fields, **HTMX))
    assert not part.select("h1, .mapping-lost")
    # Another encoding reads the file again.
    client.post(url, chosen(part) | {"do": "columns", "encoding-0": "cp850"}, **HTMX)
    page = settled(client, url)
    assert "Müller" in page.select_one(".table-mapping").get_text()
    assert chosen(page)[column(page, "Mood")] == "vp"
    # It is still the chosen one, also where nobody touches it again.
    page = choose(client, url, "map", chosen(page))
    assert "Müller" in text(page, ".import-row .field-changes")


def test_a_json_file_is_read_as_one_table_and_then_as_another(
    client: Client, warehouse: Warehouse
) -> None:
    """The records within accounts are a separate part, which disappears when the file is read as
    updates."""
    record = {"bsnid": "B1", "text": "Said", "platforms_status": {"Databricks": "Completed"}}
    url, page = preview(client, json.dumps([record]), "records.json")
    for do in ("columns", "map"):
        page = choose(client, url, "columns", chosen(page) | {"table-0": "accounts"})
        assert len(page.select(".mapping-part")) == 2
        page = choose(client, url, do, chosen(page) | {"table-0": "updates"})
        assert len(page.select(".mapping-part")) == 1
    page = choose(client, url, "map", chosen(page))
    assert "its account B1 does not exist" in text(page, "main")


def test_the_beginning_of_a_heading_is_enough(client: Client, warehouse: Warehouse) -> None:
    _, page = preview(client, f"bsnid,<b>{'x' * 9_000}\nB1,y\n", "accounts.csv")
    heading = text(page.select(".table-mapping tr")[-1], "th")
    assert heading.startswith("<b>x")
    assert len(heading) <= 80


@pytest.mark.parametrize("fields", [{"table-0": "people"}, {"dates-0": "x", "column-0-0": "x"}])
def test_what_the_page_does_not_offer_is_no_choice(
    client: Client, warehouse: Warehouse, fields: dict[str, str]
) -> None:
    url, page = preview(client, HUBSPOT, "hubspot.csv")
    assert client.post(url, chosen(page) | fields | {"do": "map"}).status_code == 422
    assert client.post(url, {"do": "import"}).status_code == 303
    assert settled(client, url).select("form.mapping")


def test_without_the_table_of_mappings_imports_work(client: Client, warehouse: Warehouse) -> None:
    table = warehouse.namespace.table(IMPORT_MAPPINGS)
    warehouse.execute(f"DROP TABLE {table}", repeatable=True)
    url, page = preview(client, "bsnid,team,Mood\nB1,T,good\n", "accounts.csv")
    page = choose(client, url, "map", chosen(page))
    assert text(page, ".import-confirm .button-primary") == "Import 1 row"


def test_panels_stay_as_they_were_left(client: Client, warehouse: Warehouse) -> None:
    """Scripts report which panels are open; at first those are open that ask something."""
    state = {"accounts": [{"bsnid": "B1", "Mood": "good"}], "updates": [{"bsnid": "B1"}]}
    url, page = preview(client, json.dumps(state), "state.json")

    def is_open(page: BeautifulSoup) -> list[bool]:
        return [part.has_attr("open") for part in page.select(".mapping-part")]

    assert is_open(page) == [True, False]
    left = {"open-0": "no", "open-1": "yes"}
    # The file is read again, since its tables were guessed before.
    assert is_open(choose(client, url, "columns", chosen(page) | left)) == [False, True]
    fields = chosen(page) | left | {"do": "columns"}
    assert is_open(parsed(client.post(url, fields, **HTMX))) == [False, True]
    # What is wrong is shown.
    wrong = {"column-1-0": "-", "open-1": "no", "do": "map"}
    assert is_open(parsed(client.post(url, chosen(page) | wrong))) == [False, True]


def test_a_kept_mapping_can_be_forgotten(client: Client, warehouse: Warehouse) -> None:
    content = "bsnid,team,Mood,Note\nB1,T,good,x\n"
    url, page = preview(client, content, "accounts.csv")
    choose(client, url, "map", chosen(page) | {column(page, "Mood"): "vp"})
    kept = parsed(client.get("/admin-tools/import/mappings/"))
    assert text(kept, "td[dir]") == "bsnid → BSNID; team → Team; mood → VP; note → left out"
    assert settings.EDIP_USER in text(kept, "tbody tr")
    id = kept.select_one("[name=id]")["value"]
    assert client.post("/admin-tools/import/mappings/", {"id": id}).status_code == 303
    page = parsed(client.get("/admin-tools/import/mappings/"))
    assert "No mapping is kept." in page.get_text()
    _, page = preview(client, content, "accounts.csv")
    assert "Not known: 1 value would be lost" in texts(page, ".mapping-lost")


def test_a_form_may_have_thousands_of_headings(client: Client, warehouse: Warehouse) -> None:
    url, page = preview(client, HUBSPOT, "hubspot.csv")
    fields = {f"column-9-{n}": "-" for n in range(3_000)}
    assert client.post(url, chosen(page) | fields | {"do": "columns"}).status_code == 303
