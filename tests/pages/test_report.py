"""The report: what a period changed, what is blocked, what comes next, and what nobody can tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from django.template.loader import render_to_string
from django.test import Client

from crm.model.as_of_address import address
from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, TABLES, UPDATES, USE_CASES
from crm.repository import versions
from crm.repository.records import accounts, platforms, report, saved_views, use_cases
from crm.repository.records.report import Period
from crm.repository.records.saved_views import SavedView
from crm.views import _report_words as words
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse, Statements
from .html import text, texts
from .test_list_file import rows_of

See = Callable[..., BeautifulSoup]


def change(wh: Warehouse) -> None:
    """Finish an onboarding, hold a use case, add an account and delete another."""
    detail = accounts.get_detail(wh, "BSN001")
    assert detail is not None
    status = next(each for each in detail.platforms if each.status == "In Progress")
    platforms.set_status(wh, "BSN001", status.platform, "Completed", status.updated_at)
    case = next(each for each in detail.use_cases if each.status == "Active")
    held = {"status": "On Hold"}
    use_cases.update(wh, case.id, held, case.updated_at, "The data owner is on leave")
    use_cases.create(
        wh, "BSN002", "new", {"problem": "=Late <b>figures</b>", "status": "Planning"}
    )
    # An older row with the same key, which no page shows.
    sql = "INSERT INTO {table} (id, account_bsnid, status, updated_at) VALUES {row}"
    old = "('new', 'BSN002', 'Cancelled', TIMESTAMP '2001-01-01 00:00:00')"
    table = wh.namespace.table(USE_CASES)
    wh.execute(sql.format(table=table, row=old), repeatable=True)
    accounts.create(wh, {"bsnid": "NEW1", "team": "Newcomers", "business_area": "Finance"})
    accounts.delete(wh, "BSN005")


def test_what_a_period_changed(sample: Warehouse, server: LocalWarehouse) -> None:
    lines = versions.load(sample)
    moment = max(commits[-1].moment for commits in lines.commits.values())
    then = versions.past_namespace(sample.namespace, lines.versions_at(moment), moment)
    change(sample)
    now = dt.datetime.now(dt.UTC)
    today = now.date()
    limits = {"Requested": now - dt.timedelta(days=14)}
    period = Period(today - dt.timedelta(days=30), today + dt.timedelta(days=1), today, limits)

    found = report.load(sample, then, Listing(), period, 20)
    require_changes(found)
    figures = {each.label: (each.value, each.words) for each in words.figures(found)}
    assert figures["Teams"] == (5, "no change")
    assert figures["Onboardings completed"][1] == "+1"
    assert figures["Use cases on hold"][1] == "+1"
    require_what_is_blocked(words.blocked(found))
    assert "“=Late <b>figures</b>” is Planning." in [each.text for each in words.planned(found)]
    assert [item.team for item in words.silent(found)][:1] == ["Newcomers"]

    assert words.are_all_changes(found)
    require_that_more_is_unknown(report.load(sample, then, Listing(), period, 0))

    # A report about one platform has only the records of this platform.
    listing = Listing(filters={"platform": ("Snowflake",)})
    about = report.load(sample, then, listing, period, 20, "Snowflake")
    assert {group.platform for group in about.statuses} == {"Snowflake"}
    assert "Claims Analytics" not in {each.team for each in words.changed(about)}
    # The summary leaves out what there is none of.
    assert words.in_short(replace(found, statuses=()))[-1] == "2 use cases are on hold."

    # If a policy forbids reading the past, the report shows only the present.
    assert found.knows_changes
    policy = {"error_class": "FGAC_TIME_TRAVEL_NOT_SUPPORTED", "sqlstate": "0A000"}
    server.fault("error", times=None, match="VERSION AS OF", **policy)
    plain = report.load(sample, then, Listing(), period, 1)
    assert not plain.knows_changes
    require_the_oldest_on_hold(plain)
    assert words.changed(plain) == []
    assert plain.count(report.GONE) == 0


def require_changes(found: report.Report) -> None:
    changed = {each.team: [item.text for item in each.items] for each in words.changed(found)}
    claims = changed.pop("Claims Analytics")
    assert "Power Platform went from In Progress to Completed." in claims
    assert [each for each in claims if "from Active to On Hold" in each]
    assert changed == {
        "Field Service Operations": ["The team was deleted."],
        "Newcomers": ["The team is new."],
        "Supply Chain Forecasting": ["New use case “=Late <b>figures</b>”, Planning."],
    }


def require_the_oldest_on_hold(first: report.Report) -> None:
    """With one row of each kind, this is the one that waits for longest."""
    [held] = [group for group in first.use_cases if group.after == "On Hold"]
    assert (held.n, held.rows[0].reason) == (2, None)


def require_what_is_blocked(blocked: list[words.Item]) -> None:
    waiting = [item.since for item in blocked if item.text.endswith(" waits.")]
    assert len(waiting) > 1
    assert waiting == sorted(waiting), "the longest wait is not the first"
    reasons = {item.reason for item in blocked}
    assert {"The data owner is on leave", "Requested for more than 14 days"} <= reasons


def require_that_more_is_unknown(first: report.Report) -> None:
    """If only the first row of each kind was read, the report says “at least”."""
    assert not words.are_all_changes(first)
    more = {"singular": "team with changes", "plural": "teams with changes", "are_all": False}
    for n, said in (
        (3, "and at least 3 more teams"),
        (1, "and at least 1 more team with"),
        (-2, "There may be more teams"),
    ):
        assert said in render_to_string("report/_more.html", {**more, "more": n})


@pytest.mark.usefixtures("sample")
def test_the_page_says_what_nobody_can_know(
    client: Client, get_page: See, statements: Statements, sample: Warehouse
) -> None:
    client.get("/activity/")  # Delta's history is read once
    with statements() as done:
        page = get_page("/report/")
    assert len(done) == 2
    subjects = {link.get_text(): link["href"] for link in page.select(".report-subjects a")}
    assert subjects["Databricks"] == "/report/?platform=Databricks"
    with statements() as done:
        page = get_page(f"{subjects['Margaret Osei']}&period=month")
    assert len(done) == 1
    assert text(page, "h1") == "Report: Margaret Osei"
    assert "not what changed since" in text(page, ".banner")
    assert "1" in texts(page, ".report-figures b")
    assert not page.select("#changed-heading")
    assert "Claims Analytics" in text(page, ".report")
    assert "Treasury" not in text(page, ".report")
    rows = rows_of(client.get("/report/?vp=Margaret+Osei&period=month&format=csv"))
    assert {row["section"] for row in rows} >= {"figures", "blocked", "updates"}
    assert {row["team"] for row in rows} == {"", "Claims Analytics"}
    require_words_about_days(get_page, sample)
    # From a list, and from a saved view.
    link = get_page("/accounts/?vp=Margaret+Osei&sort=vp").select_one(".exports a:last-child")
    assert link["href"] == "/report/?vp=Margaret+Osei"
    view = SavedView("2" * 8, "bo@example.com", "accounts", "Of Bo", "q=zzz", is_shared=True)
    saved_views.create(sample, view)
    page = get_page(f"/report/?view={view.id}")
    assert text(page, "h1") == "Report: Of Bo"
    assert "about 0 teams" in text(page, ".report-short")
    assert client.get("/report/?view=3").status_code == 404
    # All updates are of one day, as on the first day with the CRM.
    sql = f"UPDATE {sample.namespace.table(UPDATES)} SET date = CURRENT_DATE()"
    sample.execute(sql, repeatable=True)
    assert texts(get_page("/report/?vp=Margaret+Osei"), ".report-figures b")
    sample.execute(f"DELETE FROM {sample.namespace.table(ACCOUNTS)}", repeatable=True)
    assert "about 0 teams" in text(get_page("/report/?all=on"), ".report-short")
    assert get_page("/report/").select(".report-subjects")


def require_words_about_days(get_page: See, sample: Warehouse) -> None:
    """Days before the tables were made, the past, and days that cannot be."""
    assert "cannot show the end" in text(get_page("/report/?all=on&period=last-week"), ".banner")
    impossible = (("2020-13-99", "x"), ("2026-02-02", "2026-02-01"), ("2026-02-02", "2026-02-31"))
    for since, until in impossible:
        page = get_page(f"/report/?all=on&period=own&since={since}&until={until}")
        assert page.select_one("main [aria-current=true]").get_text() == "This week"
        assert "needs two days that exist" in text(page, "[role=alert]")
        assert [page.select_one(f"[name={n}]")["value"] for n in ("since", "until")] == [
            since,
            until,
        ]
    # The warehouse has cleaned up the first versions: it compares with the first that is left.
    for key, lines in list(versions._cache.items()):
        left = {table: commits[1:] for table, commits in lines.commits.items()}
        versions._cache[key] = replace(lines, commits=left)
    page = get_page("/report/?all=on&period=month")
    assert "shows changes only from" in text(page, ".banner")
    assert "keeps earlier data only from" in text(page, ".banner")
    assert page.select("#changed-heading")
    lines = versions.load(sample).commits
    moment = max(lines[table][-1].moment for table in TABLES)
    page = get_page(f"{address(moment).rstrip('/')}/report/?all=on")
    assert text(page, "h1") == "Report: all accounts"
