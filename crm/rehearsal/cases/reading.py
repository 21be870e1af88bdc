"""Every read of a page: lists, filters, single records, figures, exports."""

from __future__ import annotations

import datetime as dt

from crm.model.records import Listing
from crm.model.schema import TABLES
from crm.repository.integrity import checks
from crm.repository.past import trends
from crm.repository.records import (
    _account_list,
    accounts,
    attention,
    overview,
    platforms,
    report,
    updates,
    use_cases,
)
from crm.repository.records.attention import Limits
from crm.repository.records.report import Period
from crm.repository.similar_teams import find as similar_teams
from crm.repository.tables import figures
from crm.repository.transfer import read_all

from .changes import KEY
from .stage import Case, Stage, today


def _limits() -> Limits:
    now = dt.datetime.now(dt.UTC)
    before = {"Requested": now, "In Progress": now, "On Hold": now}
    return Limits(today() - dt.timedelta(days=30), before, today() + dt.timedelta(days=1))


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _overview(stage: Stage) -> str:
    found = overview.load(stage.wh, _limits())
    return f"{found.accounts} accounts"


def _attention(stage: Stage) -> str:
    kinds = attention.load(stage.wh, _limits(), "vp").counts
    return f"{len(kinds)} kinds"


def _report(stage: Stage) -> str:
    wh, days, tomorrow = stage.wh, dt.timedelta(days=30), today() + dt.timedelta(days=1)
    period = Period(today() - days, tomorrow, today() - days, {"Active": _midnight(tomorrow)})
    listing = Listing(q="a", filters={"platform": ("Databricks",)})
    found = report.load(wh, None, Listing(), period, 5)
    about = report.load(wh, None, listing, period, 5, "Databricks")
    offered = {each.column for each in report.subjects(wh)}
    return f"{found.count(report.KNOWN)} accounts, {about.count(report.GONE)}, {sorted(offered)}"


def _trends(stage: Stage) -> str:
    # No week begins during the rehearsal, so all its changes are in the last week.
    weeks = tuple(_midnight(today() - dt.timedelta(weeks=n)) for n in (2, 1, 0))
    found = trends.load(stage.wh, "vp", weeks)
    started = sum(lead.count for lead in found.lead_times.values())
    return f"updates {found.updates}, use cases {found.use_cases}, {started} onboarded"


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


def _more_lists(stage: Stage) -> str:
    """Read filters by joined columns and by moments, files of lists, and neighbours in a list."""
    wh, hour_ago = stage.wh, dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    platform = {"platform": ("Databricks",), "status": ("Completed", "On Hold")}
    since = {"in-status-since": dt.datetime.now(dt.UTC) + dt.timedelta(days=1)}
    days = {"not-updated-since": today(), "updated-since": today() - dt.timedelta(days=9_999)}
    of_person = Listing(of_person="me@example.com")
    found = [
        _account_list.search(wh, Listing(filters=platform)).total,
        _account_list.search(wh, Listing(filters=platform, dates=since)).total,
        _account_list.search(wh, Listing(dates=days)).total,
        _account_list.search(wh, of_person).total,
        _account_list.facet(wh, Listing(filters=platform), "status", "", 10).choices,
        use_cases.search(wh, Listing(dates={"in-status-since": hour_ago})).total,
        use_cases.search(wh, Listing(dates=since)).total,
        len(list(use_cases.find_all(wh, Listing()))),
        len(list(updates.find_all(wh, Listing(sort="date")))),
    ]
    next_one = _account_list.step(wh, Listing(), "BSN001", 1, 1)
    return f"totals {found}, next: {next_one is not None}"


def _account(stage: Stage) -> str:
    found = accounts.get_detail(stage.wh, KEY, "me@example.com")
    assert found
    offered = platforms.of_account(stage.wh, KEY)
    same = offered is not None and len(offered[1]) == len(found.platforms)
    return f"{len(found.platforms)} statuses ({same}), {len(found.use_cases)} use cases"


def _figures(stage: Stage) -> str:
    """Read the figures of the status page; the history of statements may be incomplete."""
    wh, now = stage.wh, dt.datetime.now(dt.UTC)
    tables = figures.of_tables(wh)
    figures.cost_since(wh, now - dt.timedelta(hours=1))
    figures.last_check(wh, now)
    return f"{len(tables)} tables"


def _export(stage: Stage) -> str:
    fixed = read_all.snapshot(stage.wh)
    return f"rows {[len(list(read_all.rows(fixed, table))) for table in TABLES]}"


def _checks(stage: Stage) -> str:
    return f"{sum(found.total for found in checks.run_checks(stage.wh).values())} problems"


def _similar_teams(stage: Stage) -> str:
    total = similar_teams.find(stage.wh).total
    alike = similar_teams.like(stage.wh, "Rehearsing", "Finance")
    return f"{total} pairs, {len(alike)} alike, {len(similar_teams.like_account(stage.wh, KEY))}"


CASES = (
    Case("overview", _overview),
    Case("attention", _attention),
    Case("trends", _trends),
    Case("report", _report),
    Case("lists and their filters", _lists),
    Case("filters by other tables and moments", _more_lists),
    Case("an account", _account),
    Case("figures of the status page", _figures, is_optional=True),
    Case("export of all data", _export),
    Case("integrity checks", _checks),
    Case("similar teams", _similar_teams),
)
