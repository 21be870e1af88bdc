"""The import page: which files can be uploaded, by whom, and with which options."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.forms.import_file import ImportForm
from crm.importing.importer import Options
from crm.warehouse import Warehouse

from ..html import filled_in, parsed, text
from .using import ACCOUNTS_CSV, figures, preview, upload


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
    ("name", "content", "message"),
    [
        ("accounts.exe", b"MZ", "cannot be imported. Choose one of these"),
        ("accounts.csv", b"", "The file is empty"),
    ],
)
def test_what_is_no_such_file_is_said_beside_it(
    client: Client, warehouse: Warehouse, name: str, content: bytes, message: str
) -> None:
    response = upload(client, content, name, on_conflict="update", strict="on")
    assert response.status_code == 422
    page = parsed(response)
    assert message in text(page, "#id_file_error")
    # The other choices are kept.
    form = filled_in(page.select_one(".record form"))
    assert (form["on_conflict"], form["strict"]) == ("update", "on")


@pytest.mark.parametrize(
    ("name", "content", "message"),
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
    client: Client, warehouse: Warehouse, name: str, content: bytes, message: str
) -> None:
    url, page = preview(client, content, name)
    assert "unexpected" not in page.get_text()
    assert message in page.get_text()
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
    # It is left empty and reported; its account is imported.
    assert figures(page)["Accounts"] == ["2", "0", "0", "0"]
    assert "1,000,000 characters; at most 200 fit; left empty" in text(page, "#remarks")


@pytest.mark.parametrize(("size", "status"), [(2**20, 422), (2**20 + 1, 422), (2**21, 413)])
def test_too_large_a_file(
    client: Client, warehouse: Warehouse, settings: Any, size: int, status: int
) -> None:
    """The form names the limit, and says beside the file what to do; a page says it for a far
    larger file."""
    settings.EDIP_IMPORT_MAX_MB = 1
    assert "up to 1 MB" in text(parsed(client.get("/admin-tools/import/")), "#id_file_helptext")
    # One choice is invalid, so that also a file of just the allowed size stops here.
    response = upload(client, b"x" * size, "accounts.csv", on_conflict="nothing")
    assert response.status_code == status
    message = parsed(response).get_text()
    assert ("larger than 1 MB. Use “manage.py import_legacy”" in message) == (size > 2**20)


def form(settings: Any, name: str, size: int = 4, **values: str) -> ImportForm:
    settings.EDIP_IMPORT_MAX_MB = 1
    file = SimpleUploadedFile(name, b"x" * size)
    return ImportForm({"on_conflict": "skip", **values}, {"file": file})


@pytest.mark.parametrize(
    ("name", "size", "is_valid"),
    [
        ("Accounts.CSV", 2**20, True),
        ("accounts.csv", 2**20 + 1, False),
        ("all.ZIP", 4, True),
        ("accounts.csv.exe", 4, False),
        ("csv", 4, False),
    ],
)
def test_the_form_checks_the_files_ending_and_size(
    settings: Any, name: str, size: int, is_valid: bool
) -> None:
    checked = form(settings, name, size)
    assert checked.is_valid() is is_valid
    assert ("file" in checked.errors) is not is_valid


def test_the_form_reads_its_options(settings: Any) -> None:
    checked = form(settings, "a.csv", strict="on")
    assert checked.is_valid()
    assert checked.options() == Options(strict=True)
