"""The controls that change a list: chips, filters, sort links and page links."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from crm.model.records import Listing, Page
from crm.model.schema import ACCOUNTS
from crm.page_urls import page_url
from crm.row_fragments import ListColumn

from . import _columns, _facets
from ._dates import DateField
from ._facets import Facet
from ._list_state import SORTS, pairs, query, read, settings
from ._subject import Subject

# A first click sorts by these in descending order (newest or most first), by all others from A.
_DESCENDING_FIRST = {"updated_at", "date", "last_update", "use_cases"}


@dataclass(frozen=True)
class Chip:
    """An active filter, and the URL without it."""

    label: str
    value: str
    url: str


@dataclass(frozen=True)
class SortLink:
    key: str
    label: str
    url: str
    direction: str  # the value of aria-sort: ascending, descending or empty
    place: int = 1  # among the sort keys

    @property
    def icon(self) -> str:
        icons = {"ascending": "chevron-up", "descending": "chevron-down"}
        return icons.get(self.direction, "chevron-up-down")


@dataclass(frozen=True)
class ColumnChoice:
    """A column to choose. ``earlier`` and ``later`` are the queries that swap it with a
    neighbour; None without a neighbour, or if the column is not shown."""

    column: ListColumn
    is_shown: bool
    is_fixed: bool
    earlier: str | None
    later: str | None


def column_choices(subject: Subject, listing: Listing) -> list[ColumnChoice]:
    shown = listing.columns or _columns.usual(subject)

    def swapped(place: int) -> str | None:
        """Return the query that swaps the columns at ``place`` and ``place + 1``."""
        if not 0 <= place < len(shown) - 1:
            return None
        moved = (*shown[:place], shown[place + 1], shown[place], *shown[place + 2 :])
        return query(replace(listing, columns=_columns.read(moved, subject), page=1), subject)

    return [
        ColumnChoice(
            column,
            place < len(shown),
            column.name == subject.table.gist,
            swapped(place - 1) if place < len(shown) else None,
            swapped(place),
        )
        for place, column in enumerate(_columns.offered(subject, listing))
    ]


# The name of a parameter, and its values with their labels and whether they apply.
SortChoice = tuple[str, tuple[tuple[str, str, bool], ...]]


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
        """The URL parameters that tell another page from which list it was opened."""
        return urlencode({"list": query(replace(self.listing, page=1), self.subject)[1:]})

    @property
    def exports(self) -> list[tuple[str, str]]:
        """Links to the whole list as a file: (name of the format, URL)."""
        plain = query(replace(self.listing, page=1, view=""), self.subject)
        start = f"{self.path}{plain}{'&' if plain else '?'}format="
        return [("CSV", f"{start}csv"), ("Excel", f"{start}xlsx")]

    @property
    def report_url(self) -> str:
        """The report about the accounts of the list; empty for other lists."""
        if self.subject.table is not ACCOUNTS:
            return ""
        of = replace(self.listing, page=1, view="", sort=self.subject.default_sort, then=())
        found = pairs(replace(of, columns=()), self.subject) or [("all", "on")]
        return f"{page_url('report')}?{urlencode(found)}"

    @property
    def state(self) -> _facets.State:
        """Return the parameters of the list's URL, as hidden fields of a form."""
        return pairs(self.listing, self.subject)

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
        keys = (self.listing.sort, *self.listing.then)
        place = next((n for n, each in enumerate(keys, 1) if each.removeprefix("-") == key), 0)
        direction, target = "", f"-{key}" if key in _DESCENDING_FIRST else key
        if place:
            is_descending = keys[place - 1].startswith("-")
            direction = "descending" if is_descending else "ascending"
        if place == 1:
            target = key if is_descending else f"-{key}"
        then = tuple(each for each in keys[1:] if each.removeprefix("-") != key)
        url = self.url(sort=target, then=then, page=1)
        return SortLink(key, self.subject.label(key), url, direction, place)

    @cached_property
    def sorts(self) -> tuple[SortChoice, ...]:
        """The choices for the first, second and third sort key."""
        names = [
            (sign + key, f"{self.subject.label(key)} {arrow}")
            for key in self.subject.repository.SORTS
            for sign, arrow in (("", "↑"), ("-", "↓"))
        ]
        keys = (*(self.listing.sort, *self.listing.then), "", "")
        return tuple(
            (name, tuple((value, label, value == keys[place]) for value, label in names))
            for place, name in enumerate(SORTS)
        )

    @cached_property
    def columns(self) -> tuple[ListColumn, ...]:
        return _columns.shown(self.subject, self.page)

    @property
    def views_url(self) -> str:
        """The URL of the page of saved views, with the settings that can be saved."""
        of = {"list": self.subject.table.name, "query": settings(self.listing, self.subject)}
        return f"{page_url('saved-views')}?{urlencode(of)}"

    @property
    def settings(self) -> str:
        """The settings that a saved view would keep."""
        return settings(self.listing, self.subject)

    @cached_property
    def differs_from_view(self) -> bool:
        view = self.page.view
        if view is None:
            return False
        kept = read(QueryDict(view.query), self.subject, self.listing.of_person)
        return settings(kept, self.subject) != self.settings

    @cached_property
    def column_choices(self) -> list[ColumnChoice]:
        return column_choices(self.subject, self.listing)

    @property
    def usual_columns_url(self) -> str:
        return self.url(columns=(), page=1) if self.listing.columns else ""

    @property
    def columns_path(self) -> str:
        return f"{self.path}facet/columns/"

    @property
    def columns_url(self) -> str:
        """The URL of the page on which columns are chosen."""
        return self.columns_path + query(replace(self.listing, page=1), self.subject)

    @cached_property
    def previous_url(self) -> str:
        return self.url(page=self.listing.page - 1) if self.listing.page > 1 else ""

    @cached_property
    def next_url(self) -> str:
        more = self.listing.page < self.page.last
        return self.url(page=self.listing.page + 1) if more else ""

    @cached_property
    def page_links(self) -> list[tuple[int, str]]:
        """Links to the pages near this one and at both ends; page 0 is a gap."""
        here, last = self.listing.page, self.page.last
        numbers = sorted({1, last} | set(range(max(1, here - 2), min(last, here + 2) + 1)))
        links: list[tuple[int, str]] = []
        for number in numbers:
            if links and number > links[-1][0] + 1:
                links.append((0, ""))
            links.append((number, self.url(page=number)))
        return links
