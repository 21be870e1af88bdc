"""The filters of accounts on pages of changes: by business area, VP and IT partner, and Mine.

They are the filters of the list of accounts, with the same URL parameters. The count beside each
value is a number of accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlencode

from django.http import Http404, HttpResponse

from crm.model.records import Listing
from crm.repository.records.account_filter import FILTERS, AccountFilter
from crm.request import Request

from . import _facets, _list_state, _mine
from ._account_list import LIST
from ._facets import Facet, State

Result = TypeVar("Result")


def load(request: Request, read: Callable[[AccountFilter], Result]) -> tuple[Result, bool]:
    """Call ``read`` for the accounts that the URL chooses. Return its result, and whether Mine was
    applied; see _mine.load."""
    values = _read(request).filters
    return _mine.load(request, lambda person: read(AccountFilter(person, values)))


def pairs(request: Request) -> State:
    """Return the parameters of the URL that choose accounts."""
    mine = [(_mine.NAME, _mine.ON)] if _mine.asked(request) else []
    filters = _read(request).filters.items()
    return mine + [(name, value) for name, values in filters for value in values]


def facets(request: Request, path: str, state: State) -> list[Facet]:
    """Return the filters of the page at the path, whose URL has the parameters ``state``."""
    query = f"?{urlencode(state)}" if state else ""
    return _facets.chosen(LIST, path, query, _read(request), FILTERS)


def show_facet(request: Request, name: str, state: State) -> HttpResponse:
    """Show the values of a filter on the page whose URL has the parameters ``state``."""
    if name not in FILTERS:
        raise Http404(f"There is no filter “{name[:40]}” here.")
    find = _list_state.search_of_facet(request, name)
    listing, lists = _read(request), "changes of the accounts"
    response, _ = _mine.load(
        request,
        lambda of: _facets.show(
            request, LIST, replace(listing, of_person=of), name, find, state, lists
        ),
    )
    return response


def _read(request: Request) -> Listing:
    listing = _list_state.read(request.GET, LIST, "")
    return Listing(filters={k: v for k, v in listing.filters.items() if k in FILTERS})
