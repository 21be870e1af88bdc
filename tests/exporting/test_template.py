"""Templates: filled in by a person, they are imported without a remark."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from crm.exporting import template
from crm.model.schema import TABLE_BY_NAME, TABLES, UPDATES, USE_CASES, Table

from ..importing.using import read

# What a person types into each column, by its label.
VALUES = {
    "BSNID": "00123",
    "Account": "B1",
    "Date": "2026-11-27",
    "Azure DevOps": "https://dev.azure.com/a",
    "Artifacts folder": "https://files.example/a",
    "Platform": "Snowflake",
    "Onboarding status": "Requested",
    "Status": "Active",
    "Enablement tier": "Guided",
}
DEFAULT = "Some text"


def filled_in(path: Path, table: Table) -> Path:
    """Type one row below the headings."""
    if path.suffix == ".csv":
        (headings,) = csv.reader(io.StringIO(path.read_text("utf-8-sig")))
        with path.open("a", newline="") as file:
            csv.writer(file).writerow([VALUES.get(each, DEFAULT) for each in headings])
        return path
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for cell in sheet[1]:
        sheet.cell(2, cell.column, VALUES.get(cell.value, DEFAULT))
    book.save(path)
    return path


@pytest.mark.parametrize("form", template.FORMS)
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_template_is_filled_in_and_imported(
    tmp_path: Path, table: Table, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    output = io.StringIO()
    call_command("import_template", table.name, "--format", form, stdout=output)
    path = filled_in(tmp_path / f"{table.name}.{form}", table)
    rows, findings = read(path)
    (row,) = rows[table.name]
    labels = {column.name: column.label for column in template.columns(table)}
    assert {name: row.get(name) for name in labels} == {
        name: VALUES.get(label, DEFAULT) for name, label in labels.items()
    }
    said = [finding for finding in findings.first if finding.column != "id"]
    # The sheet of words is passed over.
    assert all("Allowed words explains" in str(each) for each in said), said
    for label, words in template.words(table):
        assert f"{label}: {', '.join(words)}" in output.getvalue()


def test_the_workbook_offers_the_allowed_words() -> None:
    file = io.BytesIO()
    template.write(file, USE_CASES, "xlsx")
    book = openpyxl.load_workbook(file)
    sheet, words = book.worksheets
    assert (sheet.title, words.title) == ("Use Cases", "Allowed words")
    lists = {
        rule.promptTitle: rule.formula1
        for rule in sheet.data_validations.dataValidation
        if rule.type == "list"
    }
    assert lists["Platform"] == "'Allowed words'!$C$2:$C$4"
    assert [cell.value for cell in words["C"][:4]] == [
        "Platform",
        "Databricks",
        "Snowflake",
        "Power Platform",
    ]
    # What a person has to fill in.
    assert [cell.font.bold for cell in sheet[1]] == [True, True, False, False, True, False, False]


def test_the_import_page_links_to_the_templates(client: Client) -> None:
    page = client.get("/admin-tools/import/").content.decode()
    for name in TABLE_BY_NAME:
        for form in template.FORMS:
            url = f"/admin-tools/import/templates/{name}.{form}"
            assert f'href="{url}"' in page
    response = client.get(url)
    assert response["Content-Disposition"] == f'attachment; filename="{UPDATES.name}.csv"'
    headings = b"".join(response.streaming_content).decode("utf-8-sig")
    assert headings == "Account,Author,Date,Platform,Update\r\n"
    assert "Onboarding status: Not Started, Requested" in page
    for wrong in ("people.csv", "updates.pdf"):
        assert client.get(f"/admin-tools/import/templates/{wrong}").status_code == 404


def test_a_template_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("import_template", "accounts", output=tmp_path / "no" / "a.xlsx")
