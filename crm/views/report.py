"""The report about the accounts of a VP, an area, a platform, a saved view or any list: what a
period changed, what is blocked and what comes next, on two pages of paper."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.model import vocabulary
from crm.model.records import Listing
from crm.model.saved_view import SavedView
from crm.page_urls import page_url
from crm.repository.errors import NoSuchMoment
from crm.repository.records import report as repository
from crm.repository.records import saved_views
from crm.repository.records.report import Report
from crm.request import Request
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

from . import _list_file, _list_state, _mine, _report_period, _report_words, _saved_views
from ._account_list import LIST
from ._report_period import LABELS, OWN, Days

# How many rows of each kind the page reads; the CSV file reads more.
SHOWN, IN_FILE = 20, 5_000
# How many the page shows, so that they fit on two sheets of paper.
CHANGED, PER_ACCOUNT, BLOCKED, SILENT, NEXT = 8, 4, 8, 4, 5
ALL = "all"


@dataclass(frozen=True)
class About:
    """The subject of the report: the accounts that the listing finds."""

    listing: Listing
    title: str
    view: SavedView | None = None

    @property
    def platform(self) -> str:
        """Return the platform if it is the only subject of the report; else an empty text."""
        filters = self.listing.filters
        platforms = filters.get("platform", ())
        return platforms[0] if len(platforms) == 1 and len(filters) == 1 else ""

    @property
    def parameters(self) -> list[tuple[str, Any]]:
        if self.view:
            return [(_list_state.VIEW, self.view.id)]
        pairs = _list_state.pairs(replace(self.listing, page=1, sort=LIST.default_sort), LIST)
        return pairs or [(ALL, "on")]


@require_safe
def report(request: Request) -> HttpResponseBase:
    about = _about(request)
    if about is None:
        return _choose(request)
    days = _report_period.read(request)
    context = _context(request, about, days)
    form = request.GET.get("format", "")
    try:
        wh = _report_period.at_end(request, days)
    except NoSuchMoment as error:
        context["cannot"] = _report_period.why_not(error)
        return render(request, "report/report.html", context)
    beginning = _report_period.at_beginning(request, days)
    shown = IN_FILE if form == "csv" else SHOWN

    def load(person: str) -> Report:
        listing = replace(about.listing, of_person=person)
        period = _report_period.of_days(days)
        return repository.load(wh, beginning.namespace, listing, period, shown, about.platform)

    if about.listing.of_person:
        found, is_mine = _mine.load(request, load)
        context["mine_missing"] = not is_mine
    else:
        found = load("")
    if form == "csv":
        name = _list_file.file_name(request, "report", "csv")
        return _list_file.FORMATS["csv"](_report_words.rows(found), _report_words.COLUMNS, name)
    if not found.knows_changes:
        context["unknown"] = beginning.why or "you may not read how the tables were then"
    elif beginning.since:
        context["later"] = beginning
    return render(request, "report/report.html", context | _content(found))


def _about(request: Request) -> About | None:
    """Return the subject that the URL names; None if it names none. Raises Http404."""
    person, view = request.person.email, None
    listing = _list_state.read(request.GET, LIST, person)
    if listing.view:
        view = _view(request, listing.view)
        listing = _saved_views.listing_of(view, person)
    listing = replace(listing, columns=(), view="", then=())
    about = About(listing, _title(listing, view), view)
    is_asked = ALL in request.GET or view or about.parameters != [(ALL, "on")]
    return about if is_asked else None


def _view(request: Request, id: str) -> SavedView:
    view = None
    with suppress(ObjectNotFound, PermissionDenied):
        view = saved_views.get(request.warehouse, id, request.person.email)
    is_known = view and view.list_name == LIST.table.name
    if view is None or not is_known or not view.is_visible_to(request.person.email):
        raise Http404("There is no such view of accounts, or its owner does not share it.")
    return view


def _title(listing: Listing, view: SavedView | None) -> str:
    if view:
        return view.name
    values = [value or "no value" for each in listing.filters.values() for value in each]
    others = [listing.q] if listing.q else []
    if listing.of_person:
        others.append("my accounts")
    return ", ".join([*values, *others]) or "all accounts"


def _context(request: Request, about: About, days: Days) -> dict[str, Any]:
    here = page_url("report")

    def url(parameters: dict[str, str]) -> str:
        return f"{here}?{urlencode([*about.parameters, *parameters.items()])}"

    kept = _list_state.settings(about.listing, LIST)
    return {
        "about": about,
        "days": days,
        "periods": [
            (label, url({"period": key}), key == days.key) for key, label in LABELS.items()
        ],
        "is_own": days.key == OWN,
        "state": about.parameters,
        "csv_url": url({**days.parameters, "format": "csv"}),
        "list_url": LIST.list_url + (f"?{kept}" if kept else ""),
        "described": _saved_views.described(LIST, about.listing)[:-1],
    }


def _content(found: Report) -> dict[str, Any]:
    """Return the content of the report, cut to fit on two sheets of paper."""
    words = _report_words
    changed, blocked, silent = words.changed(found), words.blocked(found), words.silent(found)
    planned, latest = words.planned(found), words.latest(found)
    held = sum(group.n for group in found.use_cases if group.after == vocabulary.ON_HOLD)
    stuck = sum(group.n for group in found.statuses if group.is_stuck)
    return {
        "figures": words.figures(found),
        "in_short": words.in_short(found),
        "changed": changed[:CHANGED],
        "changed_more": len(changed) - CHANGED,
        "changed_are_all": words.are_all_changes(found),
        "per_account": PER_ACCOUNT,
        "blocked": blocked[:BLOCKED],
        "blocked_more": held + stuck - BLOCKED,
        "silent": silent[:SILENT],
        "silent_more": found.count(repository.STALE) - SILENT,
        "planned": planned[:NEXT],
        "planned_more": words.planned_count(found) - NEXT,
        "latest": latest[:NEXT],
        "latest_more": found.update_count - NEXT,
    }


def _choose(request: Request) -> HttpResponse:
    """Offer the subjects of reports. Two statements: the values, and the saved views."""
    found = repository.subjects(request.warehouse)
    views: list[SavedView] = []
    if person := request.person.email:
        with suppress(ObjectNotFound, PermissionDenied):
            views = saved_views.find(request.warehouse, person)
    period = {"period": request.GET["period"]} if request.GET.get("period") in LABELS else {}
    here = page_url("report")

    def links(column: str) -> list[tuple[str, str, int | None]]:
        return [
            (each.value, f"{here}?{urlencode({column: each.value, **period})}", each.count)
            for each in found
            if each.column == column
        ]

    of_views: list[tuple[str, str, int | None]] = [
        (view.name, f"{here}?{urlencode({_list_state.VIEW: view.id, **period})}", None)
        for view in views
        if view.list_name == LIST.table.name
    ]
    context = {
        "groups": [
            ("VPs", links("vp")),
            ("Business areas", links("business_area")),
            ("Platforms", links("platform")),
            ("Saved views of accounts", of_views),
        ],
        "all_url": f"{here}?{urlencode({ALL: 'on', **period})}",
    }
    return render(request, "report/choose.html", context)
