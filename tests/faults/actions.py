"""The actions of the matrix."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from crm.model.own_tables import FOLLOWS, PEOPLE
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository import operations
from crm.repository.records import accounts, onboarding
from crm.repository.records.platforms import new_id
from crm.warehouse import Warehouse

from ..pages.html import HTMX, filled_in, parsed, record_form
from ..pages.import_page.using import upload
from ..patience import seconds
from . import bulk_actions, merge_actions, rows
from .action import TYPED, Action, Stage, family
from .browser import Browser
from .rows import Rows, Wanted

DIALOG = {**HTMX, "HTTP_HX_TARGET": "dialog"}
TEXT = "description"


def read(path: str) -> Callable[[Stage], HttpResponse]:
    return lambda stage: stage.client.get(path.format(stage.bsnid))


def create(stage: Stage) -> HttpResponse:
    # It has its own business area, so that no account of another action is a similar team.
    data = {"bsnid": f"{stage.bsnid}-N", "business_area": stage.bsnid, "team": TYPED}
    form = stage.facts.setdefault("form", uuid.uuid4().hex)
    return stage.client.post("/accounts/new/", data | {"form_id": form})


def onboard(stage: Stage) -> HttpResponse:
    data = {"bsnid": f"{stage.bsnid}-N", "business_area": stage.bsnid, "team": TYPED}
    data |= {"first_status_0": "Requested", "first_problem": TYPED, "first_update": TYPED}
    return stage.client.post("/accounts/new/", data | {"form_id": stage.name})


def want_onboarded(stage: Stage, before: Rows) -> Wanted:
    bsnid, who = f"{stage.bsnid}-N", getattr(stage.client, "person", settings.EDIP_USER)
    half = operations.half_of_form(replace(stage.wh, actor=who), stage.name)
    return {
        (ACCOUNTS.name, bsnid): {"team": TYPED},
        (PLATFORMS_STATUS.name, new_id(bsnid, "Databricks")): {"status": "Requested"},
        (USE_CASES.name, onboarding.child_id(half, USE_CASES, bsnid)): {"problem": TYPED},
        (UPDATES.name, onboarding.child_id(half, UPDATES, bsnid)): {"description": TYPED},
    }


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
        # The app was started again, and asks the person to upload the file again.
        preview_import(stage)
    path = stage.facts["path"]
    seen = parsed(stage.client.get(path)).select_one("[name=previewed]")
    fields = {"do": "import", "previewed": seen["value"] if seen else ""}
    assert stage.client.post(path, fields).status_code == 303
    return settled(stage)


def settled(stage: Stage) -> HttpResponse:
    """Wait until the import has ended, perhaps in another process, and return its page."""
    ends = time.monotonic() + seconds(60)
    while b"<progress" in (response := stage.client.get(stage.facts["path"])).content:
        assert time.monotonic() < ends, "still at work"
        time.sleep(0.1)
    return response


# --- the composer, a status in a list, and a person's own settings ---
def open_composer(stage: Stage) -> None:
    form = parsed(stage.client.get(stage.page())).select_one("#composer")
    chosen = {"platform": "Databricks", "status": "Completed", "author": "Alice"}
    stage.facts["form"] = filled_in(form) | chosen | {"description": TYPED}


def compose(stage: Stage) -> HttpResponse:
    return stage.client.post(stage.page("compose/"), stage.facts["form"])


def want_composed(stage: Stage, before: Rows) -> Wanted:
    return {
        ("platforms_status", stage.status): {"status": "Completed"},
        ("updates", stage.facts["form"]["id"]): {"description": TYPED},
    }


def open_dialog(stage: Stage) -> None:
    page = stage.page("platforms/?platform=Databricks")
    form = parsed(stage.client.get(page, **DIALOG)).select_one("dialog form")
    stage.facts["form"] = filled_in(form) | {"status": "Completed"}


def set_status_in_list(stage: Stage) -> HttpResponse:
    return stage.client.post(stage.page("platforms/"), stage.facts["form"], **DIALOG)


def follow(stage: Stage) -> HttpResponse:
    answer = stage.client.post(stage.page("follow/"), {"follow": "on"})
    return stage.client.get(answer["Location"]) if answer.status_code == 303 else answer


def set_names(stage: Stage) -> HttpResponse:
    return stage.client.post("/preferences/me/", {"names": stage.bsnid})


IMPORT = Action(import_accounts, preview_import, want_imported, is_long=True, is_import=True)
ONBOARDING = Action(onboard, wanted=want_onboarded, field="team")
COMPOSER = Action(compose, open_composer, want_composed, field=TEXT, keeps="form#composer")
ACTIONS = {
    "overview": Action(read("/")),
    "list": Action(read("/accounts/?q={}")),
    "account": Action(read("/accounts/{}/")),
    "history": Action(read("/accounts/{}/history/")),
    "live": Action(read("/live/")),
    "list file": Action(read("/accounts/?format=csv")),
    "export": Action(read("/admin-tools/export/?format=json"), is_long=True),
    "create": Action(
        create,
        wanted=lambda stage, before: {("accounts", f"{stage.bsnid}-N"): {"team": TYPED}},
        field="team",
        keeps="#record form",
    ),
    "onboarding": ONBOARDING,
    "onboarding, step 2": replace(ONBOARDING, at=2),
    "onboarding, step 4": replace(ONBOARDING, at=4),
    "edit": Action(
        edit,
        open_edit,
        lambda stage, before: {("accounts", stage.bsnid): {"team": TYPED, "vp": "Vera"}},
        field="team",
        keeps="#record form",
    ),
    "status": Action(
        set_status,
        open_account,
        lambda stage, before: {("platforms_status", stage.status): {"status": "Completed"}},
        field="status",
        typed="Completed",
    ),
    "new update": Action(add_update, wanted=want_update, field=TEXT, keeps="#record form"),
    "delete": Action(delete, wanted=want_gone),
    "delete, step 3": Action(delete, wanted=want_gone, at=3),
    "revert": Action(
        revert,
        change_team,
        lambda stage, before: {("accounts", stage.bsnid): {"team": "Before", "vp": "Vera"}},
    ),
    "undo": Action(undo, delete_account, want_back),
    "undo, step 3": Action(undo, delete_account, want_back, at=3),
    "repair": Action(repair, misspell, want_repaired, is_long=True),
    "repair, step 6": Action(repair, misspell, want_repaired, at=6, is_long=True),
    "import": IMPORT,
    "import, step 2": replace(IMPORT, at=2),
    "composer": COMPOSER,
    "composer, step 2": replace(COMPOSER, at=2),
    "status in list": Action(
        set_status_in_list,
        open_dialog,
        lambda stage, before: {("platforms_status", stage.status): {"status": "Completed"}},
    ),
    "follow": Action(
        follow,
        wanted=lambda stage, before: {(FOLLOWS.name, stage.bsnid): {}},
        refusal=".toast-error",
    ),
    "names": Action(
        set_names,
        wanted=lambda stage, before: {(PEOPLE.name, stage.bsnid): {}},
        field="names",
        typed="",
        keeps=".my-names",
    ),
    **bulk_actions.ACTIONS,
    **merge_actions.ACTIONS,
}


def chosen(names: Iterable[str]) -> list[str]:
    """Return a part of the actions, by a regular expression: make faults ACTIONS=bulk."""
    return [name for name in names if re.search(os.environ.get("EDIP_TEST_ACTIONS", ""), name)]


def stage(client: Client | Browser, wh: Warehouse, name: str) -> Stage:
    """Return the cell of the action with this name."""
    return Stage(client, wh, name, ACTIONS[name], family(list(ACTIONS).index(name)))
