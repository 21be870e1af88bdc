"""Using the import page as a person does: upload, wait, press buttons, read figures."""

from __future__ import annotations

import csv
import io
import itertools
import time
from collections.abc import Callable
from typing import Any

from bs4 import BeautifulSoup
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from crm.importing.jobs import folders, lock
from crm.model.records import Listing
from crm.repository.transfer import upsert
from tests.patience import seconds

from ..html import filled_in, parsed, texts

ACCOUNTS_CSV = "BSNID,Team,Business Area\nB1,Claims,Finance\nB2,=1+1,Finance\n,Nobody,Finance\n"


def upload(client: Client, content: bytes | str, name: str, **options: Any) -> HttpResponse:
    content = content.encode() if isinstance(content, str) else content
    data = {"on_conflict": "skip", "file": SimpleUploadedFile(name, content)} | options
    return client.post("/admin-tools/import/", data)


def settled(client: Client, url: str) -> BeautifulSoup:
    """Return the job's page once its work has ended."""
    deadline = time.monotonic() + seconds(60)
    while at_work(url) and time.monotonic() < deadline:
        time.sleep(0.01)
    page = parsed(client.get(url))
    assert not page.select("progress"), "still at work"
    return page


def at_work(url: str) -> bool:
    """Whether a thread works on the job, by its files: a page costs more than a look at them."""
    folder = folders.home() / url.split("/")[-2]
    return lock.is_held(folder)


def before_each_chunk(monkeypatch: Any, rows: int, act: Callable[[int], None]) -> None:
    """Write so many rows at a time; first call ``act`` with the chunk's number, from 0, which
    also counts further tries."""
    write, chunks = upsert.upsert, itertools.count()

    def act_and_write(*args: Any, **options: Any) -> int:
        act(next(chunks))
        return write(*args, **options)

    monkeypatch.setattr("crm.importing.importer.CHUNK_ROWS", rows)
    monkeypatch.setattr(upsert, "upsert", act_and_write)


def accounts_csv(rows: int) -> str:
    return "BSNID,Team,Business Area\n" + "".join(f"B{n},T{n},Finance\n" for n in range(rows))


def preview(client: Client, content: bytes | str, name: str, **options: Any):
    response = upload(client, content, name, **options)
    assert response.status_code == 303, parsed(response).get_text()
    return response["Location"], settled(client, response["Location"])


def press(client: Client, url: str, button: str = "import") -> BeautifulSoup:
    assert client.post(url, {"do": button} | seen(url)).status_code == 303
    return settled(client, url)


def seen(url: str) -> dict[str, str]:
    """Return the field by which a form confirms the preview that the page shows."""
    state = folders.read_state(folders.home() / url.split("/")[-2]) or {}
    return {"previewed": state.get("previewed", "")}


def chosen(page: BeautifulSoup) -> dict[str, Any]:
    """Return what the mapping step posts if nobody changes it."""
    return filled_in(page.select_one("form.mapping"))


def choose(client: Client, url: str, do: str, fields: dict[str, Any]) -> BeautifulSoup:
    response = client.post(url, fields | {"do": do})
    assert response.status_code == 303, parsed(response).get_text()
    return settled(client, url)


def figures(page: BeautifulSoup) -> dict[str, list[str]]:
    rows = page.select(".table-import tbody tr")
    return {row.th.get_text(): texts(row, "td") for row in rows}


def report(client: Client, url: str) -> list[dict[str, str]]:
    content = b"".join(client.get(f"{url}report/").streaming_content).decode()
    return list(csv.DictReader(io.StringIO(content)))


def everything() -> Listing:
    return Listing(size=1000)


def undo(client: Client, page: BeautifulSoup) -> None:
    (form,) = [form for form in page.select("form") if "Undo" in form.get_text()]
    assert client.post(form["action"]).status_code == 303
