"""An operation that fails half-way says what is done, and its button goes on as one operation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import Tag
from django.http import HttpResponse
from django.test import Client

from crm.model.schema import TABLES, UPDATES, USE_CASES
from crm.repository import operations, steps
from crm.repository.past import history, revert_bulk
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.repository.transfer import upsert
from crm.views.revert import bulk_url
from crm.warehouse import Warehouse, statements

from ..conftest import LocalWarehouse
from ..pages.html import HTMX, filled_in, parsed, text, texts
from ..patience import seconds

TITLE = "Only a part of this was done"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PAUSES", (0.0,))
    monkeypatch.setattr(statements, "CONFLICT_ATTEMPTS", 1)


@pytest.fixture
def family(warehouse: Warehouse) -> Warehouse:
    """An account with a child of each kind."""
    accounts.create(warehouse, {"bsnid": "B1", "team": "Claims"})
    platforms.set_status(warehouse, "B1", "Databricks", "Requested", None)
    use_cases.create(warehouse, "B1", "u-1", {"problem": "P"})
    updates.create(warehouse, "B1", "d-1", {"description": "D"})
    return warehouse


def counts(wh: Warehouse) -> list[int]:
    """Return how many rows each table has: accounts, statuses, use cases, updates."""
    sql = " UNION ALL ".join(
        f"SELECT {place} AS place, COUNT(*) AS n FROM {wh.namespace.table(table)}"
        for place, table in enumerate(TABLES)
    )
    return [row["n"] for row in sorted(wh.query(sql), key=lambda row: row["place"])]


@dataclass(frozen=True)
class Door:
    """A request of several steps, one of which fails.

    :param fails: matches the statement of the step that fails.
    :param prepare: what happened before the request.
    :param between, after: the rows of each table when it has failed, and when it has gone on.
    :param kind: how the history begins to tell what it did; ``message`` ends the page's message.
    """

    path: str
    fails: str
    done: list[str]
    left: list[str]
    between: list[int]
    after: list[int]
    fails_twice: bool = False
    kind: str = "deleted"
    message: str = ""
    prepare: Callable[[Warehouse, Client], str | None] = lambda wh, client: None


def delete_account(wh: Warehouse, client: Client) -> None:
    accounts.delete(wh, "B1")


def import_children(wh: Warehouse, client: Client) -> str:
    """Import a use case and an update; return where that can be undone."""
    me = replace(wh, actor=client.get("/").wsgi_request.warehouse.actor)
    before = revert_bulk.current_versions(me)
    operation = operations.new(me, operations.IMPORT)
    for table, id in ((USE_CASES, "u-2"), (UPDATES, "d-2")):
        row = [id, "B1", *[None] * (len(table.names) - 2)]
        upsert.upsert(me, table, json.dumps([row]), operation, overwrite=False)
    after = revert_bulk.current_versions(me)
    return bulk_url(SimpleNamespace(warehouse=me), [operation.id], before, after)


def misspell(wh: Warehouse, client: Client) -> None:
    for table, column, word in (
        (USE_CASES, "status", "active"),
        (UPDATES, "platform", "databricks"),
    ):
        wh.execute(
            f"UPDATE {wh.namespace.table(table)} SET {column} = :word",
            {"word": word},
            repeatable=True,
        )


STAMP = "Note who deletes the account"
CHILDREN = [f"Delete its {plural}" for plural in ("platform statuses", "use cases", "updates")]
ACCOUNT, ORPHANS = "Delete the account itself", "Delete what others added to it meanwhile"
COLUMNS = (
    "platform of platform statuses",
    "status of platform statuses",
    "status of use cases",
    "enablement_tier of use cases",
    "platform of use cases",
)
DOORS = {
    "account": Door(
        "/accounts/B1/delete/",
        r"DELETE FROM \S*updates",
        done=[STAMP, *CHILDREN[:2]],
        left=[CHILDREN[2], ACCOUNT, ORPHANS],
        between=[1, 0, 0, 1],
        after=[0, 0, 0, 0],
        fails_twice=True,
    ),
    "account-last-look": Door(
        "/accounts/B1/delete/",
        "LEFT ANTI JOIN",
        done=[STAMP, *CHILDREN, ACCOUNT],
        left=[ORPHANS],
        between=[0, 0, 0, 0],
        after=[0, 0, 0, 0],
    ),
    "update": Door(
        "/updates/d-1/delete/",
        r"DELETE FROM \S*updates",
        done=["Note who deletes the update"],
        left=["Delete the update"],
        between=[1, 1, 1, 1],
        after=[1, 1, 1, 0],
    ),
    "undo": Door(
        "/undo/accounts/B1/",
        r"MERGE INTO \S*use_cases",
        done=["Bring back the account", "Bring back its platform statuses"],
        left=["Bring back its use cases", "Bring back its updates"],
        between=[1, 1, 0, 0],
        after=[1, 1, 1, 1],
        kind="restored",
        prepare=delete_account,
    ),
    "undo-of-an-import": Door(
        "",
        r"MERGE INTO \S*use_cases",
        done=["Undo the changes of updates"],
        left=["Undo the changes of use cases", "List what was left alone"],
        between=[1, 1, 2, 1],
        after=[1, 1, 1, 1],
        fails_twice=True,
        message="2 records are as they were before.",
        prepare=import_children,
    ),
    "repair": Door(
        "/admin-tools/integrity/unknown-words/",
        r"MERGE INTO \S*updates",
        done=[f"Repair the column {column}" for column in COLUMNS],
        left=["Repair the column platform of updates"],
        between=[1, 1, 1, 1],
        after=[1, 1, 1, 1],
        kind="changed",
        message="Words that are not in the vocabulary: 2 rows were repaired.",
        prepare=misspell,
    ),
}


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, family: Warehouse, client: Client) -> Door:
    door = DOORS[request.param]
    path = door.prepare(family, client)
    return replace(door, path=path or door.path)


def test_a_refused_step_is_told_and_the_button_goes_on(
    client: Client, family: Warehouse, server: LocalWarehouse, door: Door
) -> None:
    server.fault("http_status", times=None, status=400, match=door.fails)
    response = client.post(door.path, {"next": "/accounts/?page=2"})
    assert response.status_code == 500
    go_on = expect(response, door.done, door.left)
    assert counts(family) == door.between
    if door.fails_twice:
        # It still says what is done.
        go_on = expect(client.post(go_on["action"], filled_in(go_on)), door.done, door.left)
    server.clear_faults()
    response = client.post(go_on["action"], filled_in(go_on))
    assert response.status_code == 303
    if "delete" in door.path:
        assert response["Location"] == "/accounts/?page=2"
    assert counts(family) == door.after
    assert len(operations_of(family, door.kind)) == 1
    toasts = parsed(client.get(response["Location"])).select_one("#toasts")
    assert door.message in toasts.get_text()
    if door.kind == "changed":
        # The undo takes back both parts.
        client.post(toasts.select_one("form")["action"])
        assert use_cases.get(family, "u-1").status == "active"
        assert updates.get(family, "d-1").platform == "databricks"


UNSURE = "(this may have been done: its answer did not arrive)"


@pytest.mark.parametrize(
    ("fault", "status", "note"),
    [
        ("conflict", 409, ""),
        ("drop_before", 503, UNSURE),
        ("drop_after", 503, UNSURE),
        ("hang", 504, UNSURE),
    ],
)
def test_a_step_that_fails_in_another_way(
    client: Client,
    family: Warehouse,
    server: LocalWarehouse,
    settings: Any,
    fault: str,
    status: int,
    note: str,
) -> None:
    settings.EDIP_REQUEST_TIMEOUT = 3.0
    deletes = r"DELETE FROM \S*updates"
    if fault != "hang":
        # Once it goes forward by itself.
        server.fault(fault, match=r"DELETE FROM \S*use_cases")
    server.fault(fault, times=None, match=deletes)
    started = time.monotonic()
    response = client.post("/accounts/B1/delete/", **HTMX)
    assert time.monotonic() - started < 3.0 + seconds(1)
    assert response.status_code == status
    toast = parsed(response)
    assert texts(toast, "li") == [
        *[STAMP, *CHILDREN[:2]],
        *[f"{CHILDREN[2]} {note}".strip(), ACCOUNT, ORPHANS],
    ]
    server.clear_faults()
    settings.EDIP_REQUEST_TIMEOUT = 60.0
    wait_for_probe(client)
    go_on = toast.select_one("form")
    assert client.post(go_on["action"], filled_in(go_on)).status_code == 303
    assert counts(family) == [0, 0, 0, 0]


def wait_for_probe(client: Client) -> None:
    """Wait until the app has found that the warehouse answers again."""
    deadline = time.monotonic() + seconds(10)
    while client.get("/accounts/").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def expect(response: HttpResponse, done: list[str], left: list[str]) -> Tag:
    """Check the page, and return the form that goes on."""
    page = parsed(response)
    assert text(page, "main h1") == TITLE
    assert "Nothing was saved" not in page.select_one("main").get_text()
    assert texts(page, "main li") == [*done, *left]
    return page.select_one("main form")


def operations_of(wh: Warehouse, kind: str) -> set[str]:
    """Return the app's operations that the account's history shows for changes of this kind."""
    changes = history.load(wh, Wanted(bsnid="B1")).changes
    return {each.operation for each in changes if each.what.startswith(kind)} - {""}
