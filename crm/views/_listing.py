"""The list pages: their state in the URL, and the controls that change it.

A list's whole state is in its URL. Wrong parameters (an unknown sort key, page "x") count as
absent; a page beyond the end is the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase, QueryDict
from django_htmx.http import push_url

from crm.model.records import AccountRow, Listing, Page
from crm.request import Request, page_number

from . import _dates, _facets, _list_file, _mine, _respond
from ._dates import DateField
from ._facets import Facet
from ._subject import Subject

MAX_QUERY = 200
MAX_VALUES = 50
# A first click sorts these in descending order (newest or most first), all others from A.
_DESCENDING_FIRST = {"updated_at", "date", "last_update", "use_cases"}


@dataclass(frozen=True)
class Chip:
    """A filter that applies, and the URL without it."""

    label: str
    value: str
    url: str


@dataclass(frozen=True)
class SortLink:
    key: str
    label: str
    url: str
    direction: str  # the value of aria-sort: ascending, descending or empty

    @property
    def icon(self) -> str:
        icons = {"ascending": "chevron-up", "descending": "chevron-down"}
        return icons.get(self.direction, "chevron-up-down")


@dataclass(frozen=True)
class Controls:
    """The controls around a list: chips, filters, sort links, page links."""

    subject: Subject
    path: str
    page: Page[Any]

    @property
    def listing(self) -> Listing:
        return self.page.listing

    def url(self, **changes: Any) -> str:
        return self.path + query(replace(self.listing, **changes), self.subject)

    @cached_property
    def chips(self) -> list[Chip]:
        listing = self.listing
        chips = [Chip("Search", listing.q, self.url(q="", page=1))] if listing.q else []
        for name, values in listing.filters.items():
            for value in values:
                rest = tuple(other for other in values if other != value)
                url = self.url(filters={**listing.filters, name: rest}, page=1)
                chips.append(Chip(self.subject.label(name), value, url))
        if listing.of_person:
            chips.append(Chip("Accounts", "mine", self.url(of_person="", page=1)))
        return chips + self._date_chips

    @property
    def _date_chips(self) -> list[Chip]:
        chips = []
        for field in self.dates:
            if field.value is None:
                continue
            rest = {k: v for k, v in self.listing.dates.items() if k != field.filter.name}
            url = self.url(dates=rest, page=1)
            label = "Updated" if field.is_never else field.filter.label
            chips.append(Chip(label, field.shown, url))
        return chips

    @cached_property
    def dates(self) -> list[DateField]:
        """The date filters with their values."""
        given = self.listing.dates
        return [DateField(by, given.get(by.name)) for by in self.subject.dates]

    @property
    def chosen_dates(self) -> int:
        return len(self.listing.dates)

    @cached_property
    def list_parameters(self) -> str:
        """The parameters with which a page knows the list that it was opened from."""
        return urlencode({"list": query(replace(self.listing, page=1), self.subject)[1:]})

    @property
    def exports(self) -> list[tuple[str, str]]:
        """Links to the whole list as a file: what people call it, and the URL."""
        plain = query(replace(self.listing, page=1), self.subject)
        start = f"{self.path}{plain}{'&' if plain else '?'}format="
        return [("CSV", f"{start}csv"), ("Excel", f"{start}xlsx")]

    @property
    def state(self) -> _facets.State:
        """Return the parameters of the list's URL, for a form that leads back to it."""
        return _pairs(self.listing, self.subject)

    @cached_property
    def clear_url(self) -> str:
        return self.url(q="", filters={}, dates={}, of_person="", page=1)

    @cached_property
    def facets(self) -> list[Facet]:
        if not self.page.rows and not self.chips:
            return []
        plain = query(replace(self.listing, page=1), self.subject)
        return _facets.chosen(self.subject, self.path, plain, self.listing)

    def sort_link(self, key: str) -> SortLink:
        current = self.listing.sort
        if current == key:
            direction, target = "ascending", f"-{key}"
        elif current == f"-{key}":
            direction, target = "descending", key
        else:
            direction, target = "", f"-{key}" if key in _DESCENDING_FIRST else key
        return SortLink(key, self.subject.label(key), self.url(sort=target, page=1), direction)

    @cached_property
    def sorts(self) -> tuple[tuple[str, str, bool], ...]:
        """Every sort order: its value, its label and whether it applies."""
        keys = [
            (sign + key, f"{self.subject.label(key)} {arrow}")
            for key in self.subject.repository.SORTS
            for sign, arrow in (("", "↑"), ("-", "↓"))
        ]
        return tuple((value, label, value == self.listing.sort) for value, label in keys)

    @cached_property
    def previous_url(self) -> str:
        return self.url(page=self.listing.page - 1) if self.listing.page > 1 else ""

    @cached_property
    def next_url(self) -> str:
        more = self.listing.page < self.page.last
        return self.url(page=self.listing.page + 1) if more else ""

    @cached_property
    def page_links(self) -> list[tuple[int, str]]:
        """Links to the pages near this one and at both ends; page 0 stands for a gap."""
        here, last = self.listing.page, self.page.last
        numbers = sorted({1, last} | set(range(max(1, here - 2), min(last, here + 2) + 1)))
        links: list[tuple[int, str]] = []
        for number in numbers:
            if links and number > links[-1][0] + 1:
                links.append((0, ""))
            links.append((number, self.url(page=number)))
        return links


def show(
    request: Request,
    subject: Subject,
    more: Callable[[Page[Any]], dict[str, Any]] = lambda page: {},
) -> HttpResponseBase:
    """The list page; with ``format`` in the URL the whole list as a file.

    ``more`` returns further context for the subject's table.
    """
    listing = read(request.GET, subject, request.person.email)
    form = request.GET.get("format", "")
    if form in _list_file.FORMATS:
        find_all = subject.repository.find_all
        return _list_file.download(request, form, subject.table, find_all, listing)
    page, _ = _mine.load(
        request,
        lambda of: subject.repository.search(request.warehouse, replace(listing, of_person=of)),
    )
    context = more(page) | {
        "page": page,
        "controls": Controls(subject, request.path, page),
        "table": f"{subject.template}/_table.html",
        "subject": subject,
        "mine": _mine.asked(request),
        "has_duplicates": _has_duplicates(page),
    }
    template = f"{subject.template}/list.html"
    response = _respond.show(request, template, "listing/_listing.html", context)
    if _respond.wants_part(request):
        push_url(response, request.path + query(page.listing, subject))
    return response


def show_facet(request: Request, subject: Subject, name: str) -> HttpResponse:
    """The values of a filter of the list."""
    listing = replace(read(request.GET, subject, request.person.email), page=1)
    find, state = search_of_facet(request, name), _pairs(listing, subject)
    response, _ = _mine.load(
        request,
        lambda of: _facets.show(
            request, subject, replace(listing, of_person=of), name, find, state
        ),
    )
    return response


def search_of_facet(request: Request, name: str) -> str:
    """Return what a filter's values are searched for."""
    return _plain(request.GET.get(f"{name}-find", ""))


def _has_duplicates(page: Page[Any]) -> bool:
    """Return whether several rows of the page have one key."""
    keys = [row.account.bsnid if isinstance(row, AccountRow) else row.id for row in page.rows]
    return len(set(keys)) < len(keys)


def read(parameters: QueryDict, subject: Subject, person: str) -> Listing:
    """Return the listing that ``person`` asks for."""
    filters = {name: _values(parameters, name) for name in subject.repository.FILTERS}
    sort = parameters.get("sort", "")
    known = sort.removeprefix("-") in subject.repository.SORTS
    return Listing(
        q=_plain(parameters.get("q", "")),
        filters={name: values for name, values in filters.items() if values},
        dates=_dates.read(parameters, subject.dates),
        of_person=person if parameters.get(_mine.NAME) == _mine.ON else "",
        sort=sort if known else subject.default_sort,
        page=page_number(parameters.get("page", "")),
    )


def query(listing: Listing, subject: Subject) -> str:
    """The query string that ``read`` understands as ``listing``, defaults left out."""
    pairs = _pairs(listing, subject)
    return f"?{urlencode(pairs)}" if pairs else ""


def _pairs(listing: Listing, subject: Subject) -> _facets.State:
    pairs: _facets.State = [("q", listing.q)] if listing.q else []
    pairs += [(name, value) for name, values in listing.filters.items() for value in values]
    pairs += _dates.pairs(listing.dates)
    pairs += [(_mine.NAME, _mine.ON)] if listing.of_person else []
    if listing.sort != subject.default_sort:
        pairs.append(("sort", listing.sort))
    if listing.page > 1:
        pairs.append(("page", listing.page))
    return pairs


def _values(parameters: QueryDict, name: str) -> tuple[str, ...]:
    """Return the values to filter by; an empty one asks for rows without a value."""
    return tuple(dict.fromkeys(_plain(value) for value in parameters.getlist(name)[:MAX_VALUES]))


def _plain(text: str) -> str:
    return text.replace("\0", "").strip()[:MAX_QUERY]
