"""An operation that fails half-way says what is done, and its button goes on as one operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from bs4 import Tag
from django.http import HttpResponse
from django.test import Client

from crm.model.schema import TABLES
from crm.repository import steps
from crm.repository.past import history
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.warehouse import Warehouse, statements

from ..conftest import LocalWarehouse
from ..pages.html import filled_in, parsed, text, texts

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
    """

    path: str
    fails: str
    done: list[str]
    left: list[str]
    between: list[int]
    after: list[int]
    kind: str = "deleted"
    prepare: Callable[[Warehouse], None] = lambda wh: None


def delete_account(wh: Warehouse) -> None:
    accounts.delete(wh, "B1")


STAMP = "Note who deletes the account"
STATUSES, USE_CASES, UPDATES = (
    f"Delete its {plural}" for plural in ("platform statuses", "use cases", "updates")
)
ACCOUNT, ORPHANS = "Delete the account itself", "Delete what others added to it meanwhile"
DOORS = {
    "account": Door(
        "/accounts/B1/delete/",
        r"DELETE FROM \S*updates",
        done=[STAMP, STATUSES, USE_CASES],
        left=[UPDATES, ACCOUNT, ORPHANS],
        between=[1, 0, 0, 1],
        after=[0, 0, 0, 0],
    ),
    "account-last-look": Door(
        "/accounts/B1/delete/",
        "LEFT ANTI JOIN",
        done=[STAMP, STATUSES, USE_CASES, UPDATES, ACCOUNT],
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
}


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, family: Warehouse) -> Door:
    door = DOORS[request.param]
    door.prepare(family)
    return door


def test_a_refused_step_is_told_and_the_button_goes_on(
    client: Client, family: Warehouse, server: LocalWarehouse, door: Door
) -> None:
    server.fault("http_status", times=None, status=400, match=door.fails)
    response = client.post(door.path, {"next": "/accounts/?page=2"})
    assert response.status_code == 500
    go_on = expect(response, door.done, door.left)
    assert counts(family) == door.between
    # Once more: it still says what is done.
    again = client.post(go_on["action"], filled_in(go_on))
    go_on = expect(again, None if door.kind == "restored" else door.done, door.left)
    server.clear_faults()
    response = client.post(go_on["action"], filled_in(go_on))
    assert response.status_code == 303
    if "delete" in door.path:
        assert response["Location"] == "/accounts/?page=2"
    assert counts(family) == door.after
    assert len(operations_of(family, door.kind)) == 1


def expect(response: HttpResponse, done: list[str] | None, left: list[str]) -> Tag:
    """Check the page, and return the form that goes on."""
    page = parsed(response)
    assert text(page, "main h1") == TITLE
    content = page.select_one("main").get_text()
    assert "Nothing was saved" not in content
    assert texts(page, "main ul:last-of-type li") == left
    if done is not None:
        assert texts(page, "main li") == [*done, *left]
    return page.select_one("main form")


def operations_of(wh: Warehouse, kind: str) -> set[str]:
    """Return the operations that the account's history shows for changes of this kind."""
    changes = history.load(wh, Wanted(bsnid="B1")).changes
    return {change.operation for change in changes if change.what.startswith(kind)}
