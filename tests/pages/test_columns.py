"""The columns of a list, their order, and sorting by several of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.importing.findings import REFUSED
from crm.importing.importer import UPDATE
from crm.model.schema import ACCOUNTS, TABLES
from crm.repository.transfer import read_all
from crm.warehouse import Warehouse

from ..importing.using import run
from .html import HTMX, filled_in, parsed, texts
from .test_list_file import rows_of

See = Callable[..., BeautifulSoup]
HEADINGS = "thead th:not(.pick)"
SORTED = ("Platform", "Status")
CHOSEN = "column=last_update&column=team&column=vp&column=Snowflake&column=artifacts_folder_link"


@pytest.mark.usefixtures("sample")
def test_columns_are_chosen_and_moved(client: Client, get_page: See) -> None:
    usual = texts(get_page("/accounts/"), HEADINGS)
    assert usual[:5] == ["Team", "Business area", "VP", "Primary IT partner", "Databricks"]
    page = get_page(f"/accounts/?{CHOSEN}&column=gone&column=vp&sort=vp")
    shown = ["Latest update", "Team", "VP", "Snowflake", "Artifacts folder"]
    assert texts(page, HEADINGS) == shown
    row = page.select_one("tbody tr")
    assert [cell.get("data-label", "Team") for cell in row.select("td:not(.pick), th")] == shown
    # Other controls keep them, and so do pages that lead back to the list.
    form = filled_in(page.select_one("#list-form"))
    assert form["column"] == "artifacts_folder_link"
    for link in ("th a.sort-link", "tbody .row-link", ".exports a"):
        assert "Snowflake" in page.select_one(link)["href"], link

    chooser = get_page(f"/accounts/facet/columns/?{CHOSEN}&sort=vp")
    boxes = chooser.select("input[type=checkbox]")
    assert [box["value"] for box in boxes if box.has_attr("checked")][1] == "team"
    assert {"updates", "created_by", "Databricks"} <= {box["value"] for box in boxes}
    assert chooser.select_one("#column-row-team").has_attr("disabled")
    assert filled_in(chooser.select("main form")[0])["sort"] == "vp"
    moved = get_page(chooser.select_one("#later-row_6c6173745f757064617465")["href"])
    assert texts(moved, ".facet-value")[:3] == ["Team", "Latest update", "VP"]
    # The column that names the row cannot be left out, and the usual ones need no parameter.
    assert texts(get_page("/accounts/?column=vp"), HEADINGS) == ["Team", "VP"]
    names = ("problem", "team", "status", "platform", "enablement_tier", "leader", "updated_at")
    query = "&".join(f"column={name}" for name in names)
    part = client.get(f"/use-cases/?{query}&choosing=on", **HTMX)
    assert part["HX-Push-Url"] == "/use-cases/"
    assert len(parsed(part).select("#facet-columns input[type=checkbox]")) > len(names)


@pytest.mark.usefixtures("sample")
def test_lists_are_sorted_by_several_columns(client: Client, get_page: See) -> None:
    page = get_page("/use-cases/?sort=platform&sort2=-status&sort3=platform")
    found = [
        tuple(texts(row, f"td[data-label={name}]")[0].rpartition(": ")[2] for name in SORTED)
        for row in page.select("tbody tr")
    ]
    by_status = sorted(found, key=lambda each: each[1], reverse=True)
    assert found == sorted(by_status, key=lambda each: each[0])
    assert len({platform for platform, _ in found}) < len(found)
    (first,) = page.select("[aria-sort]")
    assert "Platform" in first.get_text()
    assert texts(page, ".sort-place") == [", sort key 2"]
    assert page.select_one("#sort2 [selected]")["value"] == "-status"
    # A heading changes the first key only, and no key stands twice.
    links = {link["id"]: link["href"] for link in page.select("a.sort-link")}
    assert links["sort-platform"] == "/use-cases/?sort=-platform&sort2=-status"
    assert links["sort-status"] == "/use-cases/?sort=status"
    rows = rows_of(client.get("/use-cases/?sort=platform&sort2=-status&format=csv"))
    assert [(row["platform"], row["status"]) for row in rows][: len(found)] == found


def test_a_file_has_the_columns_that_are_shown_and_can_come_back(
    client: Client, sample: Warehouse, tmp_path: Path
) -> None:
    """The file may be edited first. Values of columns that it lacks stay as they are."""
    paths = {
        "/accounts/": "column=vp&column=Snowflake&column=last_update",
        "/use-cases/": "column=problem&column=team&column=status&column=updated_at",
        "/updates/": "column=description&column=date&column=team",
    }
    headings = {
        "/accounts/": ["bsnid", "team", "vp", "Snowflake", "last_update"],
        "/use-cases/": ["id", "account_bsnid", "problem", "team", "status", "updated_at"],
        "/updates/": ["id", "account_bsnid", "description", "date", "team"],
    }
    before = {table: list(read_all.rows(sample, table)) for table in TABLES}
    for path, columns in paths.items():
        for form in ("csv", "xlsx"):
            response = client.get(f"{path}?{columns}&format={form}")
            file = tmp_path / response["Content-Disposition"].split('"')[1]
            file.write_bytes(b"".join(response.streaming_content))
            if form == "csv":
                text = file.read_text("utf-8-sig")
                assert text.splitlines()[0].split(",") == headings[path]
            _, findings = run(sample, file, on_conflict=UPDATE)
            assert findings.count(REFUSED) == 0, path
            assert {table: list(read_all.rows(sample, table)) for table in TABLES} == before, path
    file = next(tmp_path.glob("accounts*.csv"))
    file.write_text(file.read_text("utf-8-sig").replace("Claims Analytics", "Claims"), "utf-8")
    run(sample, file, on_conflict=UPDATE)
    changed = {row["bsnid"]: row for row in read_all.rows(sample, ACCOUNTS)}
    old = {row["bsnid"]: row for row in before[ACCOUNTS]}
    assert changed["BSN001"]["team"] == "Claims"
    assert changed["BSN001"]["vp"] == old["BSN001"]["vp"]
    assert changed["BSN001"]["business_area"] == old["BSN001"]["business_area"]
