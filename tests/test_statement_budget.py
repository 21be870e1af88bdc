"""Each page takes one warehouse statement to read, and at most two to write."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import get_resolver

from crm.identity import rights
from crm.model.as_of_address import address
from crm.model.schema import ACCOUNTS, TABLES
from crm.repository import versions
from crm.repository.errors import Missing
from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse
from local_warehouse.result_cache import is_repeatable
from local_warehouse.sql.template import Template

from .conftest import Statements

READS, WRITES = 1, 2
HTMX = {"HTTP_HX_REQUEST": "true"}

# Names of URLs -> the requests of a reader. Add each new page here or below.
PAGES = {
    "overview": "/",
    "attention": "/attention/?by=vp",
    "trends": "/trends/?by=vp",
    "report": "/report/?vp=x&period=month",
    "me": "/preferences/me/",
    "search": "/search/?q=risk+report",
    "people": "/people/?q=a",
    "account-list": "/accounts/?q=a&business_area=Finance&platform=Databricks&sort=-use_cases&page=1",
    "account-facet": "/accounts/facet/status/?q=a&vp=x&status=Completed&status-find=a",
    "account-bulk": "/accounts/bulk/change/?all=on&q=a&business_area=Finance",
    "account-create": "/accounts/new/",
    "account-detail": "/accounts/BSN001/",
    "account-edit": "/accounts/BSN001/edit/",
    "account-delete": "/accounts/BSN001/delete/",
    "account-merge": "/accounts/BSN001/merge/BSN002/",
    "platform-status": "/accounts/BSN001/platforms/?platform=Databricks",
    "use-case-list": "/use-cases/?q=a&status=Active&sort=-team",
    "use-case-facet": "/use-cases/facet/leader/?q=a&status=Active",
    "use-case-create": "/accounts/BSN001/use-cases/new/",
    "use-case-edit": "/use-cases/{use_case}/edit/",
    "use-case-delete": "/use-cases/{use_case}/delete/",
    "use-case-status": "/use-cases/{use_case}/status/",
    "use-case-bulk": "/use-cases/bulk/change/?all=on&status=Active",
    "update-list": "/updates/?q=a&author=Priya+Raman&sort=date",
    "update-facet": "/updates/facet/author/?q=a&platform=Snowflake&author-find=a",
    "update-bulk": "/updates/bulk/change/?all=on&q=a",
    "update-create": "/accounts/BSN001/updates/new/",
    "update-edit": "/updates/{update}/edit/",
    "update-delete": "/updates/{update}/delete/",
    "account-history": "/accounts/BSN001/history/?person=&kind=changed&table=accounts&page=1",
    "activity": "/activity/?q=a&kind=created",
    "activity-facet": "/activity/facet/vp/?kind=created&business_area=Finance",
    "history-reach": "/activity/reach/",
    "revert": "/put-back/accounts/BSN001/{version}/?field=team",
    "integrity": "/admin-tools/integrity/",
    "integrity-repair": "/admin-tools/integrity/orphans/",
    "import-mappings": "/admin-tools/import/mappings/",
    "saved-view-create": "/views/new/?list=accounts&query=q%3Da",
}
# The numbers beside the names cost a second one: see tests/pages/test_saved_views.py.
VIEWS = {"saved-views", "saved-view", "saved-view-edit", "saved-view-delete", "default-view"}
VIEWS |= {"digest"}  # counted in tests/pages/test_digest.py
PAGES |= {"account-names": "/account-names/?account=a", "similar-teams": "/similar-teams/"}
PAGES |= {"check-team": "/similar-teams/check/", "suggestions": "/suggestions/vp/?vp=a"}
PAGES |= {"account-merge-with": "/accounts/B/merge/?team=T&q=a"}
PAGES |= {"person": "/people/Priya%20Raman/", "areas": "/areas/", "area": "/areas/Finance/"}
PAGES |= {f"rename-{name}": f"{PAGES[name]}rename/" for name in ("person", "area")}
# The app remembers what these find, or they are for administrators.
CHECKS = {"readyz": "/readyz", "set-up": "/admin-tools/set-up/"}
FREE = {"healthz": "/healthz", "admin-tools": "/admin-tools/", "as-of": "/as-of/"}
FREE |= {"import-template": "/admin-tools/import/templates/accounts.xlsx"}
FREE |= {"metrics": "/metrics", "help": "/help/?about=attention", "guide": "/guide/"}
FREE |= {"import": "/admin-tools/import/", "export": "/admin-tools/export/"}
IMPORTS = {"import-job", "import-report", "import-refused"}  # by rows: see tests/importing
STEPS = {"account-next": "/accounts/BSN001/next/?list=&at=1"}
STEPS |= {"account-previous": "/accounts/BSN001/previous/?list=&at=2"}
UNCACHED = {"account-merge", "revert"}  # before they change something
POST_ONLY = {"account-compose", "follow", "theme", "revert-deletion", "revert-bulk"}
POST_ONLY |= {"saved-view-save", "saved-view-copy"}
LIVE = {"recent-changes": "/live/"}
PAST = {"diff": "/since/?vp=x&business_area=Finance", "account-diff": "/accounts/BSN001/since/"}
PAST |= {"diff-facet": "/since/facet/vp/?business_area=Finance"}


@pytest.fixture(autouse=True)
def _schema_version_is_checked(request: pytest.FixtureRequest) -> None:
    """A process checks the schema's version before its first write, and reads the policies, once
    in ten minutes."""
    if "sample" in request.fixturenames:
        for policies in (rights.masked_columns, rights.filtered_tables):
            policies(request.getfixturevalue("sample"))
        with suppress(Missing):
            accounts.update(request.getfixturevalue("sample"), "NOBODY", {"team": "T"}, None)


@pytest.fixture
def fill(sample: Warehouse) -> Callable[[str], str]:
    """Put the ids of sample rows into a path."""
    detail = accounts.get_detail(sample, "BSN001")
    accounts.update(sample, "BSN001", {"team": "Renamed"}, detail.account.updated_at)
    commits = versions.load(sample).commits
    ids: dict[str, Any] = {
        "use_case": detail.use_cases[0].id,
        "update": detail.updates[0].id,
        "version": commits[ACCOUNTS][-1].version,
        "moment": address(max(commits[table][-1].moment for table in TABLES)).rstrip("/"),
    }
    return lambda path: path.format(**ids)


def test_every_url_is_walked() -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    read = PAGES.keys() | CHECKS.keys() | FREE.keys() | PAST.keys() | LIVE.keys() | STEPS.keys()
    assert names == read | POST_ONLY | IMPORTS | VIEWS


@pytest.mark.parametrize("path", STEPS.values(), ids=STEPS.keys())
def test_a_step_in_a_list_costs_one_statement(
    client: Client, sample: Warehouse, statements: Statements, path: str
) -> None:
    with statements() as done:
        assert client.get(path).status_code == 302
    assert len(done) == READS


def test_reading_costs_one_statement(
    client: Client, fill: Callable, statements: Statements
) -> None:
    costs, changing = {}, set[str]()
    # Delta's history is read once, for users who wrote outside the app.
    client.get("/activity/")
    for name, path in (PAGES | FREE).items():
        for htmx, headers in enumerate(({}, HTMX)):
            with statements() as done:
                assert client.get(fill(path), **headers).status_code == 200, (name, htmx)
            costs[name, htmx] = len(done)
            changing |= {name for text in done if not is_repeatable(Template((text,)))}
    assert {each: n for each, n in costs.items() if n > READS} == {}
    assert [costs[name, htmx] for name in FREE for htmx in (0, 1)] == [0, 0] * len(FREE)
    assert changing == UNCACHED, "the result cache answers all others while no table changes"


def test_the_past_costs_one_statement_as_well(
    client: Client, fill: Callable, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delta's history is read once for each table's version at that moment, and cached."""
    names = ("overview", "trends", "search", "person", "area", "account-list", "account-detail")
    names += ("use-case-list", "update-list", "activity", "account-history")
    pages = {name: PAGES[name] for name in names} | PAST
    with statements() as done:
        assert client.get(fill("{moment}/")).status_code == 200
    assert len(done) <= READS + len(TABLES)
    # Otherwise the versions of so recent a moment are read again.
    monkeypatch.setattr(versions, "CLOCKS_DIFFER", dt.timedelta(0))
    for name, path in pages.items():
        with statements() as done:
            assert client.get(fill("{moment}" + path)).status_code == 200, name
        assert len(done) == READS, name


def test_what_others_changed_costs_one_statement(
    client: Client, sample: Warehouse, statements: Statements, settings: Any
) -> None:
    """Delta's history is read once for the tables' versions."""
    settings.EDIP_LIVE_SECONDS = 1e-9
    with statements() as done:
        cursor = client.get("/live/").json()["cursor"]
    assert len(done) <= READS + len(TABLES)
    for _ in range(3):
        with statements() as done:
            assert client.get("/live/", {"cursor": cursor}).status_code == 204
        assert len(done) == READS


def test_a_connection_check_costs_a_dozen_statements(
    client: Client, sample: Warehouse, statements: Statements
) -> None:
    """It is the exception among pages, because it has to try each right on each table. It runs
    only when an administrator requests it."""
    with statements() as done:
        page = client.get("/admin-tools/?check=1")
    assert b"Everything works" in page.content
    assert len(done) <= 12


USE_CASE = {"problem": "Too slow", "status": "Active", "platform": "Snowflake"}
UPDATE = {"author": "Alice", "date": dt.date(2026, 3, 31), "description": "Kick-off"}


def _submit(client: Client, path: str, changes: dict, headers: dict) -> int:
    """Fill in the form at a path and send it; return the status of the answer."""
    page = BeautifulSoup(client.get(path).content, "html.parser")
    form = page.select_one("main form[method=post]")
    data = {}
    for field in form.select("[name]"):
        if field.name == "select":
            chosen = field.select_one("option[selected]") or field.select_one("option")
            data[field["name"]] = chosen.get("value", chosen.text)
        elif field.name == "textarea":
            data[field["name"]] = field.text.lstrip("\n")
        elif field.get("type") not in ("submit", "checkbox", "radio"):
            data[field["name"]] = field.get("value", "")
    return client.post(form.get("action") or path, data | changes, **headers).status_code


# Also of a new account: see tests/pages/test_onboarding.py.
FORMS: list[tuple[str, dict[str, Any]]] = [
    ("/accounts/BSN001/edit/", {"team": "Changed"}),
    ("/accounts/BSN001/use-cases/new/", USE_CASE),
    ("/accounts/BSN001/updates/new/", UPDATE),
    ("/use-cases/{use_case}/edit/", {"problem": "Changed"}),
    ("/updates/{update}/edit/", {"description": "Changed"}),
    ("/use-cases/{use_case}/delete/", {}),
    ("/updates/{update}/delete/", {}),
]


@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "htmx"])
def test_writing_costs_two_statements(
    client: Client, fill: Callable, statements: Statements, htmx: dict
) -> None:
    for path, changes in FORMS:
        with statements() as done:
            assert _submit(client, fill(path), changes, htmx) in (200, 204, 302, 303), path
        # One of them read the form.
        assert 0 < len(done) <= READS + WRITES, path


def test_a_platform_status_costs_two_statements(
    client: Client, sample: Warehouse, statements: Statements
) -> None:
    seen = accounts.get_detail(sample, "BSN001").platforms[0]
    data = {
        "platform": seen.platform,
        "status": "Requested",
        "updated_at": seen.updated_at.isoformat(),
    }
    with statements() as done:
        assert client.post("/accounts/BSN001/platforms/", data, **HTMX).status_code == 200
    assert len(done) <= WRITES


def test_handing_over_many_accounts_costs_three_statements(
    client: Client, sample: Warehouse, statements: Statements
) -> None:
    """The preview, the write and the note about it."""
    hand_over = {"column": "primary_it_partner", "value": "Anna"}
    with statements() as done:
        client.get("/accounts/bulk/change/?all=on")
        data = {"of": "all=on", "do": "field", **hand_over}
        page = BeautifulSoup(client.post("/accounts/bulk/preview/", data).content, "html.parser")
        plan = page.select_one("input[name=plan]")["value"]
        assert client.post("/accounts/bulk/run/", {"plan": plan}).status_code == 303
    assert [text.split()[0] for text in done] == ["SELECT", "MERGE", "MERGE"]


def test_a_conflict_costs_two_statements(
    client: Client, sample: Warehouse, statements: Statements
) -> None:
    data = {
        "team": "Late",
        "business_area": "Finance",
        "updated_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC).isoformat(),
    }
    with statements() as done:
        assert client.post("/accounts/BSN001/edit/", data).status_code == 409
    assert len(done) <= WRITES


def test_deleting_an_account_costs_one_statement_per_table(
    client: Client, fill: Callable, statements: Statements
) -> None:
    """It is the only exception: Delta has no statement or transaction over several tables."""
    with statements() as done:
        assert client.post("/accounts/BSN001/delete/").status_code in (302, 303)
    # First the stamp; at the end a query for children that were added meanwhile.
    assert [text.split()[0] for text in done] == ["UPDATE", *["MERGE"] * 3, "DELETE", "SELECT"]


def test_a_child_of_a_missing_account_costs_two_statements(
    client: Client, sample: Warehouse, statements: Statements
) -> None:
    with statements() as done:
        data = {"id": str(uuid.uuid4()), **UPDATE}
        assert client.post("/accounts/NOBODY/updates/new/", data).status_code in (404, 409)
    assert len(done) <= WRITES
    assert updates.get(sample, data["id"]) is None
    assert use_cases.get(sample, data["id"]) is None
