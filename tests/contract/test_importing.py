"""Imports by page and by command: edits after the preview, and answers that are lost."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..pages.html import parsed
from ..pages.import_page.using import press, preview

CSV = "BSNID,Team,Business Area\nB1,Imported,Finance\nB2,New,Finance\n"


def test_an_edit_after_the_preview_stays(
    client: Client,
    warehouse: Warehouse,
    someone_else: Warehouse,
    server: LocalWarehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old", "business_area": "Finance"})
    url, _ = preview(client, CSV, "a.csv", on_conflict="update")
    seen = accounts.get(someone_else, "B1").updated_at
    accounts.update(someone_else, "B1", {"team": "Theirs", "vp": "Vera"}, seen)
    page = press(client, url)
    now = accounts.get(warehouse, "B1")
    assert (now.team, now.vp) == ("Theirs", "Vera")
    assert accounts.get(warehouse, "B2").team == "New"
    # The undo takes the new account back, and its answer is lost: it says only what it has found.
    server.fault("drop_after", match="THEN DELETE")
    response = client.post(page.select_one("form[action^='/undo/bulk/']")["action"])
    assert response.status_code == 303
    toast = parsed(client.get(response["Location"])).select_one("#toasts").get_text()
    assert "Nothing is left to undo: these records are as they were before." in toast
    now = accounts.get(warehouse, "B1")
    assert (now.team, now.vp) == ("Theirs", "Vera")
    assert accounts.get(warehouse, "B2") is None


def test_the_command_counts_the_rows_of_a_lost_answer(
    warehouse: Warehouse, server: LocalWarehouse, settings: object, tmp_path: Path
) -> None:
    file, printed = tmp_path / "a.csv", StringIO()
    file.write_text(CSV)
    server.fault("drop_after", match=r"^\s*MERGE INTO \S*accounts")
    call_command("import_legacy", str(file), stdout=printed)
    assert "accounts: 2 added, 0 differ (skip), 0 unchanged, 0 refused" in printed.getvalue()
    assert "verified: 2 rows" in printed.getvalue()
    assert [accounts.get(warehouse, key).team for key in ("B1", "B2")] == ["Imported", "New"]
