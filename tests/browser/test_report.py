"""The report fits on two sheets of paper, however much there is to tell."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import urlsplit

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import RequestFactory
from playwright.sync_api import Page, Route

from crm.identity import Person
from crm.model.records import Listing
from crm.repository.records.report import GONE, KNOWN, NEW, STALE, Group, Report, ReportRow
from crm.views import report

LONG = "A rather long text about a problem that somebody wrote down in a hurry, " * 3


def rows(first: int) -> tuple[ReportRow, ...]:
    names = (f"Team number {first + n} of the business" for n in range(20))
    return tuple(
        ReportRow(f"B{name[12:15]}", name, "id", LONG, author="Somebody", reason=LONG[:80])
        for name in names
    )


def with_plain_names(route: Route) -> None:
    """Answer with a static file: the app names them by their content, as the test does not."""
    name = urlsplit(route.request.url).path.removeprefix("/static/")
    route.fulfill(path=finders.find(name))


def test_a_full_report_has_two_pages(page: Page) -> None:
    moves = [("Requested", "In Progress"), ("In Progress", "Completed"), ("Active", "On Hold")]
    groups = tuple(
        Group(before, after, 200, rows(200 * n), "Power Platform", is_stuck=True)
        for n, (before, after) in enumerate([*moves, *moves, ("", "Planning")])
    )
    accounts = {kind: (300, rows(0)) for kind in (NEW, KNOWN, GONE, STALE)}
    found = Report(accounts, groups, groups, rows(0), 900)
    about = report.About(Listing(filters={"vp": ("Vera",)}), "Vera")
    request = RequestFactory().get("/report/")
    request.person = Person()
    days = report.Days("week", dt.date(2026, 11, 23), dt.date(2026, 11, 28))
    context = report._context(request, about, days) | report._content(found)
    html = render_to_string("report/report.html", context | {"person": Person()}, request)
    page.route("**/report/full/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.route("**/static/**", with_plain_names)
    page.goto("/report/full/")
    assert page.locator(".report-account").count() == report.CHANGED
    sheets = page.pdf(
        format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "12mm")
    )
    assert len(re.findall(rb"/Type\s*/Page\b", sheets)) == 2
