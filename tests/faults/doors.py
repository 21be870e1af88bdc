"""The doors of the matrix: what a person does, and what must be true afterwards."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bs4 import Tag
from django.http import HttpResponse
from django.test import Client

from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..pages.html import filled_in, parsed, record_form
from ..pages.import_page.using import upload
from ..patience import seconds
from . import rows
from .browser import Browser
from .rows import Rows, Wanted

TYPED = "Typed with care"
# Statements that write records.
WRITES = r"^\s*(MERGE INTO|INSERT INTO|UPDATE|DELETE FROM)\s+(?!\S*operations)"


@dataclass
class Stage:
    """One cell: a person's browser, a door, and a family of accounts, whose BSNIDs begin alike.

    ``wh`` has connections of its own, which no fault meets. ``facts`` are the door's.
    """

    client: Client | Browser
    wh: Warehouse
    name: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def door(self) -> Door:
        return DOORS[self.name]

    @property
    def bsnid(self) -> str:
        return family(list(DOORS).index(self.name))

    @property
    def use_case(self) -> str:
        return f"{self.bsnid}-use-case"

    @property
    def update(self) -> str:
        return f"{self.bsnid}-update"

    @property
    def status(self) -> str:
        return f"{self.bsnid}-status"

    def page(self, path: str = "") -> str:
        return f"/accounts/{self.bsnid}/{path}"


def family(number: int) -> str:
    """Return the BSNID of the account of a family; none begins like another."""
    return f"C{number:02}"


def _nothing(stage: Stage) -> None:
    pass


def _changes_nothing(stage: Stage, before: Rows) -> Wanted:
    return {}


@dataclass(frozen=True)
class Door:
    """``act`` is what meets the fault; ``prepare`` runs before.

    :param wanted: what becomes of the rows; nothing for a door that reads.
    :param at: which statement that writes fails.
    :param field: the field with what the person typed or chose.
    :param is_long: whether it is long work, which has no deadline.
    """

    act: Callable[[Stage], HttpResponse]
    prepare: Callable[[Stage], None] = _nothing
    wanted: Callable[[Stage, Rows], Wanted] = _changes_nothing
    at: int = 1
    field: str = ""
    is_long: bool = False

    @property
    def reads(self) -> bool:
        return self.wanted is _changes_nothing

    @property
    def is_import(self) -> bool:
        return self.act is import_accounts

    @property
    def writes(self) -> str | None:
        return None if self.reads else WRITES

    def is_done(self, response: HttpResponse) -> bool:
        """Return whether the answer says that all was done."""
        if self.is_import:
            return re.search(rb"<h2>(Imported|There was nothing)", response.content) is not None
        return response.status_code in ((200, 204) if self.reads else (200, 303))

    def form(self, response: HttpResponse) -> Tag | None:
        """Return the form by which the person sends the same again."""
        page = parsed(response)
        if self.field and self.field != "status":
            return page.select_one("#record form")
        return page.select_one("main form[method=post]")


def read(path: str) -> Callable[[Stage], HttpResponse]:
    return lambda stage: stage.client.get(path.format(stage.bsnid))


def create(stage: Stage) -> HttpResponse:
    data = {"bsnid": f"{stage.bsnid}-N", "business_area": "Finance", "team": TYPED}
    form = stage.facts.setdefault("form", uuid.uuid4().hex)
    return stage.client.post("/accounts/new/", data | {"form_id": form})


def open_edit(stage: Stage) -> None:
    stage.facts["form"] = record_form(stage.client.get(stage.page("edit/")))


def edit(stage: Stage) -> HttpResponse:
    return stage.client.post(stage.page("edit/"), stage.facts["form"] | {"team": TYPED})


def open_account(stage: Stage) -> None:
    page = parsed(stage.client.get(stage.page()))
    cards = page.select("details.platform form")
    stage.facts["form"] = next(filled_in(f) for f in cards if "Databricks" in f.get_text())


def set_status(stage: Stage) -> HttpResponse:
    return stage.client.post(
        stage.page("platforms/"), stage.facts["form"] | {"status": "Completed"}
    )


def add_update(stage: Stage) -> HttpResponse:
    id = stage.facts.setdefault("id", str(uuid.uuid4()))
    data = {"id": id, "author": "Alice", "date": "2026-03-31", "description": TYPED}
    return stage.client.post(stage.page("updates/new/"), data)


def want_update(stage: Stage, before: Rows) -> Wanted:
    id = stage.facts.setdefault("id", str(uuid.uuid4()))
    return {("updates", id): {"account_bsnid": stage.bsnid, "description": TYPED}}


def delete(stage: Stage) -> HttpResponse:
    return stage.client.post(stage.page("delete/"))


def want_gone(stage: Stage, before: Rows) -> Wanted:
    return dict.fromkeys(before)


def change_team(stage: Stage) -> None:
    seen = accounts.get(stage.wh, stage.bsnid)
    accounts.update(stage.wh, stage.bsnid, {"team": "Later"}, seen.updated_at)
    page = parsed(stage.client.get(stage.page("history/")))
    link = page.select_one("a[href^='/put-back/'][href*='field=team']")["href"]
    form = parsed(stage.client.get(link)).select_one(".ask form")
    stage.facts |= {"path": form["action"], "form": filled_in(form)}


def revert(stage: Stage) -> HttpResponse:
    return stage.client.post(stage.facts["path"], stage.facts["form"])


def delete_account(stage: Stage) -> None:
    stage.facts["rows"] = rows.read(stage.wh, stage.bsnid)
    accounts.delete(stage.wh, stage.bsnid)


def want_back(stage: Stage, before: Rows) -> Wanted:
    return {key: each[0] for key, each in stage.facts["rows"].items()}


def undo(stage: Stage) -> HttpResponse:
    return stage.client.post(f"/undo/accounts/{stage.bsnid}/")


def misspell(stage: Stage) -> None:
    for table, column, key in (
        ("use_cases", "status", stage.use_case),
        ("updates", "platform", stage.update),
    ):
        name = f"{stage.wh.namespace.quoted_schema}.{table}"
        sql = f"UPDATE {name} SET {column} = LOWER({column}) WHERE id = :key"
        stage.wh.execute(sql, {"key": key}, repeatable=True)


def repair(stage: Stage) -> HttpResponse:
    return stage.client.post("/admin-tools/integrity/unknown-words/")


def want_repaired(stage: Stage, before: Rows) -> Wanted:
    return {
        ("use_cases", stage.use_case): {"status": "Active"},
        ("updates", stage.update): {"platform": "Databricks"},
    }


def preview_import(stage: Stage) -> None:
    """The family's account and six new ones, in chunks of three (see ``conftest.py``)."""
    keys = [stage.bsnid, *(f"{stage.bsnid}-I{n}" for n in range(6))]
    lines = "".join(f"{key},Imported,Finance\n" for key in keys)
    content = f"BSNID,Team,Business Area\n{lines}"
    response = upload(stage.client, content, "a.csv", on_conflict="update")
    stage.facts |= {"keys": keys, "path": response["Location"]}
    settled(stage)


def want_imported(stage: Stage, before: Rows) -> Wanted:
    return {("accounts", key): {"team": "Imported"} for key in stage.facts["keys"]}


def import_accounts(stage: Stage) -> HttpResponse:
    if stage.client.get(stage.facts["path"]).status_code == 404:
        # The app was started anew, and asks to upload the file again.
        preview_import(stage)
    path = stage.facts["path"]
    assert stage.client.post(path, {"do": "import"}).status_code == 303
    return settled(stage)


def settled(stage: Stage) -> HttpResponse:
    """Return the page of the import, which another process may work on, when it has ended."""
    ends = time.monotonic() + seconds(60)
    while b"<progress" in (response := stage.client.get(stage.facts["path"])).content:
        assert time.monotonic() < ends, "still at work"
        time.sleep(0.1)
    return response


DOORS = {
    "overview": Door(read("/")),
    "list": Door(read("/accounts/?q={}")),
    "account": Door(read("/accounts/{}/")),
    "history": Door(read("/accounts/{}/history/")),
    "live": Door(read("/live/")),
    "list file": Door(read("/accounts/?format=csv")),
    "export": Door(read("/admin-tools/export/?format=json"), is_long=True),
    "create": Door(
        create,
        wanted=lambda stage, before: {("accounts", f"{stage.bsnid}-N"): {"team": TYPED}},
        field="team",
    ),
    "edit": Door(
        edit,
        open_edit,
        lambda stage, before: {("accounts", stage.bsnid): {"team": TYPED, "vp": "Vera"}},
        field="team",
    ),
    "status": Door(
        set_status,
        open_account,
        lambda stage, before: {("platforms_status", stage.status): {"status": "Completed"}},
        field="status",
    ),
    "new update": Door(add_update, wanted=want_update, field="description"),
    "delete": Door(delete, wanted=want_gone),
    "delete, step 3": Door(delete, wanted=want_gone, at=3),
    "revert": Door(
        revert,
        change_team,
        lambda stage, before: {("accounts", stage.bsnid): {"team": "Before", "vp": "Vera"}},
    ),
    "undo": Door(undo, delete_account, want_back),
    "undo, step 3": Door(undo, delete_account, want_back, at=3),
    "bulk": Door(repair, misspell, want_repaired, is_long=True),
    "bulk, step 6": Door(repair, misspell, want_repaired, at=6, is_long=True),
    "import": Door(import_accounts, preview_import, want_imported, is_long=True),
    "import, step 2": Door(import_accounts, preview_import, want_imported, at=2, is_long=True),
}
