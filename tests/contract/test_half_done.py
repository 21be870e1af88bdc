"""After a failure in the middle, the page lists the finished steps, and its button continues."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
from bs4 import Tag
from django.http import HttpResponse
from django.test import Client

from crm.model.schema import UPDATES, USE_CASES
from crm.repository import operations
from crm.repository.past import history, revert_bulk
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, updates, use_cases
from crm.repository.transfer import upsert
from crm.views._revert_links import bulk_url
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..pages.html import filled_in, parsed, text, texts
from .family import ACCOUNT, CHILDREN, ORPHANS, STAMP, counts

TITLE = "Only part of this was done"


@dataclass(frozen=True)
class Case:
    """A request that takes several steps, of which one fails.

    :param fails: matches the statement of the step that fails.
    :param prepare: what happened before the request.
    :param between, after: the rows of each table after the failure, and after the continuation.
    :param kind: the beginning of its summary; ``message`` is the end of the page's message.
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


COLUMNS = (
    "platform of platform statuses",
    "status of platform statuses",
    "status of use cases",
    "enablement_tier of use cases",
    "platform of use cases",
)
CASES = {
    "account": Case(
        "/accounts/B1/delete/",
        r"MERGE INTO \S*updates",
        done=[STAMP, *CHILDREN[:2]],
        left=[CHILDREN[2], ACCOUNT, ORPHANS],
        between=[1, 0, 0, 1],
        after=[0, 0, 0, 0],
        fails_twice=True,
    ),
    "account-last-look": Case(
        "/accounts/B1/delete/",
        "LEFT ANTI JOIN",
        done=[STAMP, *CHILDREN, ACCOUNT],
        left=[ORPHANS],
        between=[0, 0, 0, 0],
        after=[0, 0, 0, 0],
    ),
    "update": Case(
        "/updates/d-1/delete/",
        r"DELETE FROM \S*updates",
        done=["Note who deletes the update"],
        left=["Delete the update"],
        between=[1, 1, 1, 1],
        after=[1, 1, 1, 0],
    ),
    "undo": Case(
        "/undo/accounts/B1/",
        r"MERGE INTO \S*use_cases",
        done=["Bring back the account", "Bring back its platform statuses"],
        left=["Bring back its use cases", "Bring back its updates"],
        between=[1, 1, 0, 0],
        after=[1, 1, 1, 1],
        kind="restored",
        prepare=delete_account,
    ),
    "undo-of-an-import": Case(
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
    "repair": Case(
        "/admin-tools/integrity/unknown-words/",
        r"MERGE INTO \S*updates",
        done=[f"Repair the column {column}" for column in COLUMNS],
        left=["Repair the column platform of updates", "Count what was repaired"],
        between=[1, 1, 1, 1],
        after=[1, 1, 1, 1],
        kind="changed",
        message="Words that are not in the vocabulary: 2 rows were repaired.",
        prepare=misspell,
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, family: Warehouse, client: Client) -> Case:
    case = CASES[request.param]
    path = case.prepare(family, client)
    return replace(case, path=path or case.path)


def test_a_refused_step_is_named_and_the_button_continues(
    client: Client, family: Warehouse, server: LocalWarehouse, case: Case
) -> None:
    server.fault("http_status", times=None, status=400, match=case.fails)
    response = client.post(case.path, {"next": "/accounts/?page=2"})
    assert response.status_code == 500
    go_on = expect(response, case.done, case.left)
    assert counts(family) == case.between
    if case.fails_twice:
        # The page still lists the finished steps.
        go_on = expect(client.post(go_on["action"], filled_in(go_on)), case.done, case.left)
    server.clear_faults()
    response = client.post(go_on["action"], filled_in(go_on))
    assert response.status_code == 303
    if "delete" in case.path:
        assert response["Location"] == "/accounts/?page=2"
    assert counts(family) == case.after
    assert len(operations_of(family, case.kind)) == 1
    toasts = parsed(client.get(response["Location"])).select_one("#toasts")
    assert case.message in toasts.get_text()
    if case.kind == "changed":
        # The undo takes back both parts, and nothing goes on after it.
        client.post(toasts.select_one("form")["action"])
        page = parsed(client.post(go_on["action"], filled_in(go_on), follow=True))
        assert texts(page, "#toasts p")[-1].startswith("This repair was undone")
        # Without the notes, the rows tell.
        missing = {"error_class": "TABLE_OR_VIEW_NOT_FOUND", "sqlstate": "42P01"}
        server.fault("error", times=None, match=r"\boperations\b", **missing)
        page = parsed(client.post(go_on["action"], filled_in(go_on), follow=True))
        assert texts(page, "#toasts p")[-1].startswith("This repair was undone")
        assert use_cases.get(family, "u-1").status == "active"
        assert updates.get(family, "d-1").platform == "databricks"


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
