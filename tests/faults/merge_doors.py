"""The doors of the matrix through which an account is merged into another."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponse

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository.records.platforms import new_id
from crm.repository.transfer.insert_missing import insert_missing

from ..pages.html import filled_in, parsed
from .bulk_doors import second
from .door import Door, Stage
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


MERGE = Door(merge, open_pair, want_merged, keeps="form.merge", done=(303,))
DOORS = {
    "merge": MERGE,
    "merge, step 4": replace(MERGE, at=4),
    "merge, step 7": replace(MERGE, at=7),
}
