"""The actions of the matrix that merge an account into another, and undo that."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponse

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository.records.platforms import new_id
from crm.repository.transfer.insert_missing import insert_missing

from ..pages.html import filled_in, parsed
from . import rows
from .action import Action, Stage
from .bulk_actions import second
from .rows import Rows, Wanted


def open_pair(stage: Stage) -> None:
    """Add an account to the family, into which the first one is merged."""
    account = {"bsnid": second(stage), "team": "Before", "business_area": "Finance"}
    insert_missing(stage.wh, ACCOUNTS, [account])
    page = stage.client.get(path(stage))
    stage.facts["form"] = filled_in(parsed(page).select_one("form.merge"))


def path(stage: Stage) -> str:
    return f"/accounts/{second(stage)}/merge/{stage.bsnid}/"


def merge(stage: Stage) -> HttpResponse:
    return stage.client.post(path(stage), stage.facts["form"])


def want_merged(stage: Stage, before: Rows) -> Wanted:
    status = new_id(second(stage), "Databricks")
    return {
        (ACCOUNTS.name, second(stage)): {"vp": "Vera"},
        (PLATFORMS_STATUS.name, stage.status): None,
        (PLATFORMS_STATUS.name, status): {"status": "Requested"},
        (USE_CASES.name, stage.use_case): {"account_bsnid": second(stage)},
        (UPDATES.name, stage.update): {"account_bsnid": second(stage)},
        (ACCOUNTS.name, stage.bsnid): None,
    }


def merge_them(stage: Stage) -> None:
    """Merge the accounts, and find the button that undoes it."""
    open_pair(stage)
    stage.facts["rows"] = rows.read(stage.wh, stage.bsnid)
    page = parsed(stage.client.get(merge(stage)["Location"]))
    stage.facts["undo"] = page.select_one("#toasts form")["action"]


def undo(stage: Stage) -> HttpResponse:
    return stage.client.post(stage.facts["undo"])


def want_split(stage: Stage, before: Rows) -> Wanted:
    back: Wanted = {key: each[0] for key, each in stage.facts["rows"].items()}
    return dict.fromkeys(before) | back


MERGE = Action(merge, open_pair, want_merged, keeps="form.merge", done=(303,))
UNDO = Action(undo, merge_them, want_split, done=(303,), is_long=True)
ACTIONS = {
    "merge": MERGE,
    "merge, step 4": replace(MERGE, at=4),
    "merge, step 7": replace(MERGE, at=7),
    "undo merge": UNDO,
    "undo merge, step 6": replace(UNDO, at=6),
    # The rows get their stamps again.
    "undo merge, step 10": replace(UNDO, at=10),
}
