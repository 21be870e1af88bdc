"""Use a schema with additional columns from form to warehouse and back; see test_new_column.

Run as a process of its own, so that every module sees the changed schema from its import on:
``python -m tests.new_column URL SCHEMA FOLDER``. The tables exist, without the columns.
"""

from __future__ import annotations

import csv
import datetime as dt
import importlib.util
import io
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

SCHEMA = Path(__file__).resolve().parent.parent / "crm" / "model" / "schema.py"
# Before which line of the schema each column is added.
ADDED = {
    'Column("vp", "VP"': 'Column("cost_center", "Cost center", "Who pays for the team"),',
    'Column("leader", "Leader"': (
        'Column("risk", "Risk", "What could go wrong", kind="long_text", max_length=500),'
        'Column("source", "Source platform", "Where the data are now", kind="choice",'
        ' vocabulary="platforms"),'
    ),
    'Column("date", "Date"': 'Column("due", "Due", "Day of the next step", "DATE", "date"),',
}


def add_columns(folder: Path) -> None:
    """Make ``crm.model.schema`` the schema with the additional columns."""
    source = SCHEMA.read_text()
    for line, columns in ADDED.items():
        assert source.count(line) == 1, line
        source = source.replace(line, f"{columns}\n{line}")
    changed = folder / "schema.py"
    changed.write_text(source)
    spec = importlib.util.spec_from_file_location("crm.model.schema", changed)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["crm.model.schema"] = module
    spec.loader.exec_module(module)


def main(url: str, schema: str, folder: Path) -> None:
    add_columns(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "edip.settings"
    import django
    from django.conf import settings
    from django.test.utils import setup_test_environment

    django.setup()
    setup_test_environment()
    from crm.model.namespace import Namespace
    from crm.warehouse.config import LOCAL_TOKEN, WarehouseConfig

    settings.WAREHOUSE = WarehouseConfig(is_local=True, url=url, token=LOCAL_TOKEN)
    settings.NAMESPACE = Namespace("edip_test", schema)
    before = dt.datetime.now(dt.UTC)
    version = accounts_version()
    migrates()
    account_from_form_to_page()
    children_from_form_to_page()
    lists_as_files()
    history_names_the_column()
    pages_as_of_before(before)
    export_and_import(folder)
    restores(version)


def call(command: str, *arguments: str, **options: Any) -> str:
    from django.core.management import call_command

    out = io.StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def client() -> Any:
    from django.test import Client

    return Client()


def edit(path: str, **values: str) -> None:
    from tests.pages.html import record_form

    page = client().get(path)
    assert page.status_code == 200, page.content.decode()
    answer = client().post(path, record_form(page) | values)
    assert answer.status_code == 303, answer.content.decode()


def page(path: str) -> str:
    answer = client().get(path)
    assert answer.status_code == 200, answer.content.decode()
    return b"".join(answer).decode("utf-8-sig")


def migrates() -> None:
    assert client().get("/accounts/").status_code == 503
    assert call("migrate_tables", "--plan").count("ADD COLUMNS") == 3
    assert "done" in call("migrate_tables")
    assert call("migrate_tables", "--check") == "The tables are up to date.\n"
    from django.conf import settings

    from crm.identity.warehouses import for_person

    rows = for_person("alice@example.com").query(
        "SELECT column_name, comment FROM system.information_schema.columns "
        "WHERE table_schema = :schema AND column_name IN ('cost_center', 'risk', 'source', 'due')",
        {"schema": settings.NAMESPACE.schema},
    )
    assert {row["column_name"]: row["comment"] for row in rows} == {
        "cost_center": "Who pays for the team",
        "risk": "What could go wrong",
        "source": "Where the data are now",
        "due": "Day of the next step",
    }


def account_from_form_to_page() -> None:
    edit("/accounts/BSN1/edit/", cost_center="4711")
    about = page("/accounts/BSN1/")
    assert "Cost center" in about
    assert "4711" in about
    answer = client().post(
        "/accounts/new/",
        {"bsnid": "BSN2", "team": "New", "business_area": "A", "cost_center": "4712"},
    )
    assert answer.status_code == 303, answer.content.decode()
    assert "4712" in page("/accounts/BSN2/")


def children_from_form_to_page() -> None:
    edit("/use-cases/u1/edit/", risk="Late\ndata", source="Snowflake")
    edit("/updates/d1/edit/", due="2026-03-31")
    shown = page("/accounts/BSN1/")
    for text in ("Risk", "Late\ndata", "Source platform", "Snowflake", "Due", "31 Mar 2026"):
        assert text in shown, text


def lists_as_files() -> None:
    for path, values in {
        "/accounts/?format=csv": {"bsnid": "BSN1", "cost_center": "4711"},
        "/use-cases/?format=csv": {"id": "u1", "risk": "Late\ndata", "source": "Snowflake"},
        "/updates/?format=csv": {"id": "d1", "due": "2026-03-31"},
    }.items():
        rows = list(csv.DictReader(io.StringIO(page(path), newline="")))
        assert any(values.items() <= row.items() for row in rows), rows


def history_names_the_column() -> None:
    shown = page("/accounts/BSN1/history/")
    for text in ("Cost center", "4711", "Risk", "Source platform", "Due", "2026-03-31"):
        assert text in shown, text


def pages_as_of_before(moment: dt.datetime) -> None:
    then = f"/as-of/{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
    # Only the words of the page: addresses and ids may have such a number by chance.
    about = BeautifulSoup(page(f"{then}/accounts/BSN1/"), "html.parser").get_text()
    assert "Cost center" in about
    assert "4711" not in about, about
    for path in ("/accounts/", "/use-cases/", "/updates/", "/since/", "/accounts/BSN1/history/"):
        page(then + path)
    assert "4711" in page(f"{then}/accounts/BSN1/since/")


def export_and_import(folder: Path) -> None:
    first, second, archive = folder / "1.json", folder / "2.json", folder / "tables.zip"
    call("export_data", output=first)
    call("export_data", output=archive, format="csv")
    empty()
    call("import_legacy", str(first), "--accept-doubts")  # all rows were deleted since
    call("export_data", output=second)
    assert first.read_bytes() == second.read_bytes()
    assert '"cost_center": "4711"' in first.read_text()
    with zipfile.ZipFile(archive) as tables:
        assert "4711" in tables.read("accounts.csv").decode()
    empty()
    call("import_legacy", str(archive), "--accept-doubts")  # one table has no rows
    lists_as_files()


def accounts_version() -> int:
    from crm.identity.warehouses import for_person
    from crm.model.schema import ACCOUNTS
    from crm.repository import versions

    return versions.load(for_person("alice@example.com")).commits[ACCOUNTS][-1].version


def restores(version: int) -> None:
    """A version before the column is restored; the column comes back empty."""
    output = call("restore", "--yes", "--to-version", f"accounts={version}")
    assert "step 2" in output
    shown = page("/accounts/BSN1/")
    assert "Cost center" in shown
    assert "4711" not in shown


def empty() -> None:
    from crm.identity.warehouses import for_person
    from crm.model.schema import TABLES

    wh = for_person("alice@example.com")
    for table in TABLES:
        wh.execute(f"DELETE FROM {wh.namespace.table(table)}", repeatable=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
