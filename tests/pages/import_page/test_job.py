"""The import page: the owner of an import, and its removal."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from crm.importing.jobs import folders, sweeper
from crm.repository.records import accounts
from crm.repository.transfer import import_traces
from crm.repository.transfer.import_traces import Trace
from crm.warehouse import Warehouse
from tests.patience import seconds

from ..html import HTMX, filled_in, parsed, text
from .using import ACCOUNTS_CSV, before_each_chunk, press, preview


def test_what_is_at_work_is_neither_discarded_nor_old(
    client: Client, warehouse: Warehouse, monkeypatch: Any
) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")

    def discard_and_age(chunk: int) -> None:
        assert client.post(url, {"do": "discard"})["Location"] == url
        age(url)
        assert client.get(url).status_code == 200

    before_each_chunk(monkeypatch, 10, discard_and_age)
    assert text(press(client, url), ".banner h2") == "Imported, and verified"
    assert client.post(url, {"do": "discard"})["Location"] == "/admin-tools/import/"


def test_discarding_forgets_the_file(client: Client, warehouse: Warehouse) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert client.post(url, {"do": "discard"})["Location"] == "/admin-tools/import/"
    assert list(folders.home().iterdir()) == []
    gone = client.get(url)
    assert gone.status_code == 404
    assert "upload the file again" in text(parsed(gone), ".banner")


def test_nobody_sees_anothers_import(client: Client, warehouse: Warehouse, settings: Any) -> None:
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    settings.EDIP_USER = "somebody.else@example.com"
    for path in (url, f"{url}report/"):
        assert client.get(path).status_code == 404
    assert client.post(url, {"do": "import"}).status_code == 404
    assert accounts.get(warehouse, "B1") is None


@pytest.mark.parametrize("id", ["x", "..", "a" * 32, "%2e%2e%2f" * 4])
def test_an_invalid_id_of_an_import_is_not_found(
    client: Client, warehouse: Warehouse, id: str
) -> None:
    assert client.get(f"/admin-tools/import/{id}/").status_code == 404


def test_old_jobs_are_forgotten(
    client: Client, warehouse: Warehouse, folder: Path, monkeypatch: Any
) -> None:
    """The next request removes them, and so does the sweeper without any request."""
    old, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    new, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    age(old)
    assert client.get(new).status_code == 200
    assert [job.name for job in folders.home().iterdir()] == [new.split("/")[-2]]
    assert client.get(old).status_code == 404
    age(new)
    monkeypatch.setattr(sweeper, "_sweeper", threading.Lock())
    monkeypatch.setattr(sweeper, "SWEEP_EVERY_SECONDS", 3600)
    sweeper.start_sweeper()
    deadline = time.monotonic() + seconds(5)
    while list(folders.home().iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(folders.home().iterdir()) == []


def age(url: str) -> None:
    long_ago = time.time() - sweeper.KEPT_SECONDS - 1
    os.utime(folders.home() / url.split("/")[-2], (long_ago, long_ago))


def test_another_instance_says_what_the_tables_show(
    client: Client, warehouse: Warehouse, tmp_path: Path, monkeypatch: Any
) -> None:
    """It has another disk, and says of the rows only what the tables show."""
    url, page = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert "One instance of the app keeps this import" in page.get_text()
    here, elsewhere = str(tmp_path), str(tmp_path / "other")
    Path(elsewhere).mkdir()

    def other_instance(query: dict[str, str] | None = None, **headers: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr("tempfile.tempdir", elsewhere)
            return client.get(url, query, **headers)

    response = other_instance()
    assert response.status_code == 404
    assert "No row that you see in the tables is from an import of yours" in text(
        parsed(response), ".banner"
    )
    # The progress page keeps asking: the instance that has the import may answer next.
    part = other_instance(**HTMX)
    asks = parsed(part).select_one("#import-job")["hx-get"]
    assert (part.status_code, asks) == (200, f"{url}?asked=1")
    # But it does not ask for ever, since a page may be left open.
    last = other_instance(query={"asked": "20"}, **HTMX)
    assert not parsed(last).select_one("#import-job").has_attr("hx-get")
    press(client, url)
    said = text(parsed(other_instance()), ".banner")
    assert "2 rows are in the tables as the import wrote them. It has ended" in said
    # A form that went to another instance had no effect, and can be sent again.
    monkeypatch.setattr("tempfile.tempdir", elsewhere)
    response = client.post(url, {"do": "discard", "previewed": "x"})
    assert response.status_code == 404
    form = parsed(response).select_one(".actions form")
    assert filled_in(form).items() >= {"do": "discard", "previewed": "x"}.items()
    monkeypatch.setattr("tempfile.tempdir", here)
    assert client.get(url).status_code == 200
    # Another person does not see the import, and the page does not say that it wrote nothing.
    assert Trace() == import_traces.read(replace(warehouse, actor="bob@x.y"), url.split("/")[-2])


def test_operations_that_are_not_known_have_no_undo(client: Client, warehouse: Warehouse) -> None:
    """States from before an update of the app have sums by table instead."""
    url, _ = preview(client, ACCOUNTS_CSV, "accounts.csv")
    assert "Undo" in press(client, url).select_one("main").get_text()
    state = folders.home() / url.split("/")[-2] / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"wrote": {"accounts": 2}}))
    assert "Undo" not in parsed(client.get(url)).select_one("main").get_text()
