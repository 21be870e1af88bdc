"""People and business areas: their lists, and a page for each with its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.model.schema import ACCOUNTS, AREA, PEOPLE_COLUMNS, UPDATES, USE_CASES, Table
from crm.model.vocabulary import NOT_STARTED, platforms
from crm.page_urls import name_url
from crm.repository.records import people as repository
from crm.repository.records.people import Area, Name, Names, Person
from crm.repository.records.search_words import SEARCH_LENGTH, SearchWords
from crm.repository.records.suggestions import suggest
from crm.request import Request, page_number
from crm.warehouse.errors import WarehouseError

from . import _list_state, _named
from ._charts import Stack, link, stacks
from ._wording import counted

_PER_PAGE = 100
_LISTS = {ACCOUNTS: "account-list", USE_CASES: "use-case-list", UPDATES: "update-list"}


@dataclass(frozen=True)
class Role:
    """A role of a person: the number of accounts, the first ones, and the URL of all.

    ``report_url`` is the URL of the report about these accounts.
    """

    label: str
    count: int
    url: str
    rows: Sequence[Any] = ()
    report_url: str = ""

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


@require_safe
def people(request: Request) -> HttpResponse:
    return _list(request, repository.list_people(request.warehouse), "people/people.html")


@require_safe
@_named.page
def person(request: Request, name: str) -> HttpResponse:
    found = repository.get_person(request.warehouse, name)
    if found is None:
        raise Http404(f"No row names a person “{name[:100]}”, at least none that you may see.")
    context = {
        "found": found,
        "roles": _account_roles(found),
        "led": _role(found.name, USE_CASES, "leader", "Leads use cases", found.use_cases),
        "written": _role(found.name, UPDATES, "author", "Wrote updates", found.updates),
        "variants": _variants(found.name),
        "rename_url": name_url("rename-person", name),
    }
    return render(request, "people/person.html", context)


@require_safe
def areas(request: Request) -> HttpResponse:
    return _list(request, repository.list_areas(request.warehouse), "people/areas.html")


@require_safe
@_named.page
def area(request: Request, name: str) -> HttpResponse:
    found = repository.get_area(request.warehouse, name)
    if found is None:
        raise Http404(f"No account has the business area “{name[:100]}” that you may see.")
    of_area = {AREA: tuple(found.name.variants)}
    context = {
        "found": found,
        "accounts": Role(
            "Accounts",
            found.name.count,
            _link(ACCOUNTS, of_area),
            found.accounts,
            link("report", of_area),
        ),
        "adoption": _adoption(found),
        "variants": _variants(found.name),
        "rename_url": name_url("rename-area", name),
        "updates_url": _link(UPDATES, of_area),
        "use_cases_url": _link(USE_CASES, of_area),
    }
    return render(request, "people/area.html", context)


@require_safe
def suggestions(request: Request, column: str) -> HttpResponse:
    """Return suggestions for a field; none if the warehouse does not answer."""
    if column != AREA and column not in PEOPLE_COLUMNS:
        raise Http404("This field has no suggestions.")
    words = SearchWords.of(request.GET.get(column, ""))
    try:
        found = suggest(request.warehouse, column, words)
    except WarehouseError:
        found = ()  # the field works without suggestions, and saving will report the failure
    return render(request, "people/_suggestions.html", {"suggestions": found})


def _list(request: Request, names: Names, template: str) -> HttpResponse:
    q = _list_state.plain(request.GET.get("q", ""))
    words = SearchWords.of(q)
    found = [each for each in names.found if words.found_in(*each.variants)]
    pages = Paginator(found, _PER_PAGE)
    page = pages.get_page(page_number(request.GET.get("page", "")))
    context = {
        "q": q,
        "page": page,
        "total": len(found),
        "previous_url": _page_url(q, page, -1) if page.has_previous() else "",
        "next_url": _page_url(q, page, 1) if page.has_next() else "",
        "longest": SEARCH_LENGTH,
        "columns": [(table.column(name).label, name) for table, name in repository.ROLES],
        "is_cut": names.is_cut,
    }
    return render(request, template, context)


def _page_url(q: str, page: Page[Name], by: int) -> str:
    return f"?{urlencode({**({'q': q} if q else {}), 'page': page.number + by})}"


def _account_roles(found: Person) -> list[Role]:
    return [
        _role(
            found.name, table, column, table.column(column).label, found.accounts.get(column, ())
        )
        for table, column in repository.ROLES
        if table is ACCOUNTS and column in found.name.roles
    ]


def _role(name: Name, table: Table, column: str, label: str, rows: Sequence[Any]) -> Role:
    of_name = {column: tuple(name.variants)}
    report_url = link("report", of_name) if table is ACCOUNTS else ""
    return Role(label, name.roles.get(column, 0), _link(table, of_name), rows, report_url)


def _link(table: Table, filters: dict[str, tuple[str, ...]]) -> str:
    return link(_LISTS[table], filters)


def _variants(name: Name) -> list[tuple[str, str]]:
    """Return the spellings of the name with their counts; empty if there is only one."""
    if len(name.variants) < 2:
        return []
    return [(each, counted(n, "row")) for each, n in name.variants.items()]


def _adoption(found: Area) -> list[Stack]:
    """Return the bars of the platforms; accounts without a status count as Not Started."""
    statuses = {}
    for platform in dict.fromkeys((*platforms(), *found.statuses)):
        by_status = found.statuses.get(platform, {})
        absent = found.name.count - sum(by_status.values())
        counts = {**by_status, NOT_STARTED: by_status.get(NOT_STARTED, 0) + absent}
        statuses[platform] = {status: n for status, n in counts.items() if n > 0}
    return stacks(statuses, {AREA: tuple(found.name.variants)})
