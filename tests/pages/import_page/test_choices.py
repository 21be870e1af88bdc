"""What a person chooses in the preview of an import: whose value counts, what empty cells do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from django.test import Client

from crm.exporting import exporter
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..html import filled_in, text, texts
from .using import choose, chosen, figures, preview, settled


def old_export(wh: Warehouse, folder: Path, **changes: Any) -> bytes:
    """Return an export in which somebody changed B1, which somebody has changed here since."""
    accounts.create(wh, {"bsnid": "B1", "team": "T", "vp": "Vera", "admin": "Ada"})
    path = folder / "export.json"
    exporter.export(wh, "json", path)
    state = json.loads(path.read_text())
    state["accounts"][0].update(changes)
    account = accounts.get(wh, "B1")
    accounts.update(wh, "B1", {"vp": "Later", "admin": "Later"}, account.updated_at)
    return json.dumps(state).encode()


def post(client: Client, url: str, page: BeautifulSoup, do: str, **changes: Any) -> BeautifulSoup:
    fields = filled_in(page.select_one("form.import-confirm")) | changes
    assert client.post(url, fields | {"do": do}).status_code == 303
    return settled(client, url)


def test_whose_value_counts_where_both_changed_it(
    client: Client, warehouse: Warehouse, tmp_path: Path
) -> None:
    content = old_export(warehouse, tmp_path, vp="File", admin="File")
    url, page = preview(client, content, "export.json", on_conflict="update")
    assert "1 row of the file is older than what is stored" in page.get_text()
    assert "There is nothing to write: nothing in the file is newer." in page.get_text()
    assert texts(page, ".import-choices label")[:2] == ["VP of 1 account", "Admin of 1 account"]
    assert not page.select("button[value=import]")

    page = post(client, url, page, "choices", take=["accounts.vp"])
    assert [box["value"] for box in page.select("[name=take][checked]")] == ["accounts.vp"]
    assert figures(page)["Accounts"] == ["0", "1", "0", "0"]
    # What was not previewed is not imported.
    page = post(client, url, page, "import", take=["accounts.vp", "accounts.admin"])
    assert accounts.get(warehouse, "B1").vp == "Later"
    assert texts(page, ".import-rows dt") == ["VP", "Admin"]
    page = post(client, url, page, "choices", take=["accounts.vp"])
    page = post(client, url, page, "import")
    assert text(page, ".banner h2") == "Imported, and verified"
    account = accounts.get(warehouse, "B1")
    assert (account.vp, account.admin) == ("File", "Later")


def test_what_empty_cells_do(client: Client, warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "T", "vp": "Vera", "admin": "Ada"})
    accounts.create(warehouse, {"bsnid": "B2", "team": "T"})
    content = "bsnid,team,vp,admin\nB1,New,,\nB2,New,,\n"
    url, page = preview(client, content, "accounts.csv", on_conflict="update")
    assert texts(page, ".import-rows dt") == ["Team", "Team"]
    page = post(client, url, page, "choices", empty="clear")
    assert text(page, "#import-cleared") == "2 fields would be cleared; the remarks name each."
    assert texts(page, ".import-rows dt") == ["Team", "VP", "Admin", "Team"]
    later = accounts.get(warehouse, "B2").updated_at
    accounts.update(warehouse, "B2", {"team": "Edited after the preview"}, later)
    page = post(client, url, page, "import")
    assert figures(page)["Accounts"][-1].startswith("1 row, equal checksums")
    assert "Somebody changed 1 row here after the preview: it stays so." in text(page, ".banner")
    assert accounts.get(warehouse, "B2").team == "Edited after the preview"
    account = accounts.get(warehouse, "B1")
    assert (account.team, account.vp, account.admin) == ("New", None, None)


def test_what_is_not_imported_is_counted_above_the_button(
    client: Client, warehouse: Warehouse
) -> None:
    content = "uid,team,databricks,month_onboarded_db,health,csm\nB1,T,y,2024-03-15,Red,\n"
    url, page = preview(client, content, "accounts.csv")
    columns = chosen(page)
    assert [columns[f"column-0-{n}"] for n in range(6)] == [
        *("bsnid", "team", "status:Databricks", "since:Databricks", "-", "-")
    ]
    page = choose(client, url, "map", columns)
    lost = page.select_one(".import-lost")
    assert texts(page, ".import-lost li") == ["accounts.csv: health 1 value"]
    assert lost.find_next("button")["value"] == "import"
    assert "“csm” is left out, as was chosen; it has no values" in page.get_text()
    assert figures(page)["Platform statuses"] == ["1", "0", "0", "0"]
