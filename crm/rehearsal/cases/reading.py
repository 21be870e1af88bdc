"""Every read of a page: lists, filters, single records, figures, exports."""

from __future__ import annotations

import datetime as dt

from crm.model.records import Listing
from crm.model.schema import TABLES
from crm.repository.integrity import checks
from crm.repository.past import trends
from crm.repository.records import _account_list, accounts, attention, overview, updates, use_cases
from crm.repository.records.attention import Limits
from crm.repository.transfer import read_all

from .changes import KEY
from .stage import Case, Stage, today


def _limits() -> Limits:
    now = dt.datetime.now(dt.UTC)
    before = {"Requested": now, "In Progress": now, "On Hold": now}
    return Limits(today() - dt.timedelta(days=30), before, today() + dt.timedelta(days=1))


def _overview(stage: Stage) -> str:
    found = overview.load(stage.wh, _limits())
    return f"{found.accounts} accounts"


def _attention(stage: Stage) -> str:
    kinds = attention.load(stage.wh, _limits(), "vp").counts
    return f"{len(kinds)} kinds"


def _trends(stage: Stage) -> str:
    now = dt.datetime.now(dt.UTC)
    weeks = tuple(now - dt.timedelta(weeks=n) for n in (2, 1, 0))
    trends.load(stage.wh, "vp", weeks)
    return "read"


def _lists(stage: Stage) -> str:
    wh = stage.wh
    narrowed = Listing(q="a", filters={"business_area": ("Finance",)}, sort="-team", size=2)
    found = [
        _account_list.search(wh, Listing()).total,
        _account_list.search(wh, narrowed).total,
        _account_list.facet(wh, Listing(), "business_area", "", 10).choices,
        len(list(_account_list.find_all(wh, Listing()))),
        use_cases.search(wh, Listing(sort="-team")).total,
        use_cases.facet(wh, Listing(), "status", "", 10).choices,
        updates.search(wh, Listing(q="a", sort="date")).total,
        updates.facet(wh, Listing(), "author", "a", 10).choices,
    ]
    return f"totals {found}"


def _account(stage: Stage) -> str:
    found = accounts.get_detail(stage.wh, KEY, "me@example.com")
    assert found
    return f"{len(found.platforms)} statuses, {len(found.use_cases)} use cases"


def _export(stage: Stage) -> str:
    fixed = read_all.snapshot(stage.wh)
    return f"rows {[len(list(read_all.rows(fixed, table))) for table in TABLES]}"


def _checks(stage: Stage) -> str:
    return f"{sum(found.total for found in checks.run_checks(stage.wh).values())} problems"


CASES = (
    Case("overview", _overview),
    Case("attention", _attention),
    Case("trends", _trends, rows_vary=True),
    Case("lists and their filters", _lists),
    Case("an account", _account),
    Case("export of all data", _export),
    Case("integrity checks", _checks),
)
