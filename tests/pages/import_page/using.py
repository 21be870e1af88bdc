"""Using the import page as a person does: upload, wait, press buttons, read figures."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

from bs4 import BeautifulSoup
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from crm.model.records import Listing
from tests.patience import seconds

from ..html import parsed, texts

ACCOUNTS_CSV = "BSNID,Team,Business Area\nB1,Claims,Finance\nB2,=1+1,Finance\n,Nobody,Finance\n"


def upload(client: Client, content: bytes | str, name: str, **options: Any) -> HttpResponse:
    content = content.encode() if isinstance(content, str) else content
    data = {"on_conflict": "skip", "file": SimpleUploadedFile(name, content)} | options
    return client.post("/admin-tools/import/", data)


def settled(client: Client, url: str, **headers: str) -> BeautifulSoup:
    """Return the job's page once its work has ended."""
    deadline = time.monotonic() + seconds(60)
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


def press(client: Client, url: str, button: str = "import") -> BeautifulSoup:
    assert client.post(url, {"do": button}).status_code == 303
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
