"""The state of a list in its URL: search, filters, order, columns and page.

Invalid parameters (an unknown sort key, page "x") count as absent.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from django.http import QueryDict

from crm import cookies
from crm.model.records import Listing
from crm.repository.records.search_words import SEARCH_LENGTH
from crm.request import Request, page_number

from . import _columns, _dates, _facets, _mine
from ._subject import Subject

MAX_VALUES = 50
# The parameters of the sort keys: the second sorts rows that are equal by the first.
SORTS = ("sort", "sort2", "sort3")
# The parameter with the id of the saved view from which the settings come.
VIEW = "view"


def read(parameters: QueryDict, subject: Subject, person: str) -> Listing:
    """Return the listing that the URL parameters describe. ``person`` is for the filter Mine."""
    filters = {name: _values(parameters, name) for name in subject.repository.FILTERS}
    sort, *then = _sorts(parameters, subject)
    return Listing(
        q=plain(parameters.get("q", "")),
        filters={name: values for name, values in filters.items() if values},
        dates=_dates.read(parameters, subject.dates),
        of_person=person if parameters.get(_mine.NAME) == _mine.ON else "",
        sort=sort,
        then=tuple(then),
        columns=_columns.read(parameters.getlist(_columns.NAME), subject),
        view=_view_id(parameters.get(VIEW, "")),
        page=page_number(parameters.get("page", "")),
    )


def query(listing: Listing, subject: Subject) -> str:
    """Return the query string that ``read`` turns back into ``listing``, without defaults."""
    found = pairs(listing, subject)
    return f"?{urlencode(found)}" if found else ""


def pairs(listing: Listing, subject: Subject) -> _facets.State:
    """Return the parameters of the list's address."""
    found: _facets.State = [("q", listing.q)] if listing.q else []
    found += [(name, value) for name, values in listing.filters.items() for value in values]
    found += _dates.pairs(listing.dates)
    found += [(_mine.NAME, _mine.ON)] if listing.of_person else []
    if listing.sort != subject.default_sort:
        found.append((SORTS[0], listing.sort))
    found += zip(SORTS[1:], listing.then, strict=False)
    found += [(_columns.NAME, name) for name in listing.columns]
    found += [(VIEW, listing.view)] if listing.view else []
    if listing.page > 1:
        found.append(("page", listing.page))
    return found


def settings(listing: Listing, subject: Subject) -> str:
    """Return the query that a saved view keeps: everything but the page and the view's id."""
    return query(replace(listing, page=1, view=""), subject).removeprefix("?")


def _view_id(text: str) -> str:
    return text if cookies.VIEW_ID.fullmatch(text) else ""


def _sorts(parameters: QueryDict, subject: Subject) -> list[str]:
    """Return the URL's sort keys, each once; the first is the default if the URL has none."""
    given = [parameters.get(name, "") for name in SORTS]
    found: dict[str, str] = {}
    for place, sort in enumerate(given):
        key = sort.removeprefix("-")
        if key not in subject.repository.SORTS:
            key = subject.default_sort.removeprefix("-") if place == 0 else ""
            sort = subject.default_sort
        if key:
            found.setdefault(key, sort)
    return list(found.values())


def _values(parameters: QueryDict, name: str) -> tuple[str, ...]:
    """Return the values to filter by; an empty one stands for rows without a value."""
    return tuple(dict.fromkeys(plain(value) for value in parameters.getlist(name)[:MAX_VALUES]))


def plain(text: str) -> str:
    """Return the search text without NUL characters and outer blanks, cut to SEARCH_LENGTH."""
    return text.replace("\0", "").strip()[:SEARCH_LENGTH]


def search_of_facet(request: Request, name: str) -> str:
    """Return the text to search for among the values of the filter ``name``."""
    return plain(request.GET.get(f"{name}-find", ""))
