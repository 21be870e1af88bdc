"""The filters of a list. The list shows their chosen values; panels fetch the other values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse

from crm.model.records import FacetPage, Listing
from crm.request import Request

from . import _respond
from ._subject import Subject

# A list's state as the parameters of its URL.
State = list[tuple[str, Any]]
# How many values a filter offers at first; "Show all" fetches more.
FIRST = 8
# The most values that a filter offers; its search finds the others.
MOST = 100


@dataclass(frozen=True)
class Option:
    """A value of a filter. ``count`` is None if the rows are not counted yet."""

    value: str
    checked: bool
    count: int | None = None


@dataclass(frozen=True)
class Facet:
    """A filter of a list.

    :param path: the path that shows the values; ``url`` adds the list's state.
    :param options: the chosen values; in the panel also the others.
    :param choices: the number of values; the panel leaves out ``left_out`` of them, which only its
        search finds.
    """

    name: str
    label: str
    path: str
    url: str
    options: tuple[Option, ...]
    choices: int = 0
    left_out: int = 0

    @property
    def chosen(self) -> int:
        return sum(option.checked for option in self.options)


def chosen(
    subject: Subject, path: str, query: str, listing: Listing, names: Iterable[str] = ()
) -> list[Facet]:
    """Return the filters of the list at the path, each with its chosen values only. ``names``
    restricts them."""
    return [
        Facet(
            name,
            subject.label(name),
            f"{path}facet/{name}/",
            f"{path}facet/{name}/{query}",
            tuple(Option(value, checked=True) for value in listing.filters.get(name, ())),
        )
        for name in names or subject.repository.FILTERS
        if name not in subject.rare or name in listing.filters
    ]


def show(
    request: Request,
    subject: Subject,
    listing: Listing,
    name: str,
    find: str,
    state: State,
    lists: str = "",
) -> HttpResponse:
    """Show the values of a filter that contain ``find``: to htmx a panel's content, else a page.

    ``lists`` names the records that the filter restricts if they are not the subject's.
    """
    if name not in subject.repository.FILTERS:
        raise Http404(f"This list has no filter “{name[:40]}”.")
    values = subject.repository.facet(request.warehouse, listing, name, find, MOST)
    is_part = _respond.wants_part(request)
    most = FIRST if is_part and not find and "all" not in request.GET else MOST
    selected = listing.filters.get(name, ())
    options = _options(values, subject.known_words(name), selected, most)
    shown = request.GET.get("of", "")[:12]
    label, url = subject.label(name), request.get_full_path()
    list_path = request.path.removesuffix(f"facet/{name}/")
    context = {
        "subject": subject,
        "lists": lists or f"the {subject.table.plural}",
        "facet": Facet(name, label, request.path, url, options, values.choices, values.left_out),
        "find": find,
        "first_more": FIRST + 1 if "all" in request.GET else 0,
        "is_cut": most < min(values.choices, MOST),
        "offered": values.choices - values.left_out,
        "is_searchable": bool(find) or values.choices > FIRST,
        # The new number of rows, if the list has changed since the page was shown.
        "total": values.total if shown.isdecimal() and values.total != int(shown) else None,
        "state": [(key, value) for key, value in state if key != name],
        "list_path": list_path,
        "back_url": f"{list_path}?{urlencode(state)}",
    }
    return _respond.show(request, "listing/facet.html", "listing/_facet-values.html", context)


def _options(
    values: FacetPage, known: Iterable[str], selected: tuple[str, ...], most: int
) -> tuple[Option, ...]:
    """Return known words in the vocabulary's order, then frequent values, then chosen ones."""
    counts = {facet.value: facet.count for facet in values.values}
    order = dict.fromkeys([*(word for word in known if word in counts), *counts])
    shown = dict.fromkeys([*list(order)[:most], *selected])
    return tuple(Option(value, value in selected, counts.get(value, 0)) for value in shown)
