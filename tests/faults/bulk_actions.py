"""The actions of the matrix that change many accounts at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.http import HttpResponse

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS
from crm.repository.records.platforms import new_id
from crm.repository.transfer.insert_missing import insert_missing

from ..pages.html import filled_in, parsed
from .action import TYPED, Action, Stage
from .rows import Rows, Wanted


def second(stage: Stage) -> str:
    """Return the BSNID of the family's second account."""
    return f"{stage.bsnid}-2"


def previewed(do: str, **fields: str) -> Callable[[Stage], None]:
    """Return what adds an account to the family, and previews the change of both."""

    def preview(stage: Stage) -> None:
        account = {"bsnid": second(stage), "team": "Before", "business_area": "Finance"}
        insert_missing(stage.wh, ACCOUNTS, [account])
        of = f"key={stage.bsnid}&key={second(stage)}"
        page = stage.client.post("/accounts/bulk/preview/", {"of": of, "do": do, **fields})
        stage.facts["form"] = filled_in(parsed(page).select_one(".bulk-confirm"))

    return preview


def previewed_move(stage: Stage) -> None:
    """Add an account to the family, and preview the move of the use case to it."""
    insert_missing(stage.wh, ACCOUNTS, [{"bsnid": second(stage), "team": "Before"}])
    sent = {"of": f"key={stage.use_case}", "do": "move", "account": second(stage)}
    page = stage.client.post("/use-cases/bulk/preview/", sent)
    stage.facts["form"] = filled_in(parsed(page).select_one(".bulk-confirm"))


def move(stage: Stage) -> HttpResponse:
    return stage.client.post("/use-cases/bulk/run/", stage.facts["form"])


def want_moved(stage: Stage, before: Rows) -> Wanted:
    return {("use_cases", stage.use_case): {"account_bsnid": second(stage)}}


def run(stage: Stage) -> HttpResponse:
    return stage.client.post("/accounts/bulk/run/", stage.facts["form"])


def want_handed_over(stage: Stage, before: Rows) -> Wanted:
    keys = (stage.bsnid, second(stage))
    return {("accounts", key): {"vp": TYPED, "team": "Before"} for key in keys}


def want_completed(stage: Stage, before: Rows) -> Wanted:
    """One account has a status already, the other has none."""
    new = new_id(second(stage), "Databricks")
    return {(PLATFORMS_STATUS.name, key): {"status": "Completed"} for key in (stage.status, new)}


def want_gone(stage: Stage, before: Rows) -> Wanted:
    return dict.fromkeys(before)


# A page of status 200 lists what was left alone.
CHANGE = Action(run, previewed("field", column="vp", value=TYPED), want_handed_over, done=(303,))
DELETION = Action(run, previewed("delete"), want_gone, done=(303,))
ACTIONS = {
    "bulk change": CHANGE,
    "bulk status": replace(
        CHANGE,
        prepare=previewed("status", platform="Databricks", status="Completed"),
        wanted=want_completed,
    ),
    "bulk move": Action(move, previewed_move, want_moved, done=(303,)),
    "bulk deletion": DELETION,
    "bulk deletion, step 4": replace(DELETION, at=4),
    "bulk deletion, step 8": replace(DELETION, at=8),
}
