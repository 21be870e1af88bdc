"""The list from which an account's page was opened, to step to its previous or next account.

``?list=`` has the query of the list, and ``&at=`` the number of the account's row in it. If the
account no longer matches, the next account has its number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from crm import row_fragments
from crm.model.records import Listing
from crm.page_urls import page_url, record_url
from crm.request import Request, page_number

from . import _list_state
from ._account_list import LIST

_MOST = 4_000  # characters; parameters: a tenth of it


@dataclass(frozen=True)
class FromList:
    """A list and ``at``, the number of the account's row in it, counted from 1."""

    listing: Listing
    at: int

    @property
    def query(self) -> str:
        return _list_state.query(replace(self.listing, page=1), LIST).removeprefix("?")

    @property
    def parameters(self) -> str:
        """Return the URL parameters that pass the list on to another page."""
        return urlencode({"list": self.query, "at": self.at})

    def url(self, bsnid: str) -> str:
        """Return the URL of the list's page with the row, and the row as its fragment."""
        page = -(-self.at // self.listing.size)
        query = _list_state.query(replace(self.listing, page=page), LIST)
        return f"{page_url('account-list')}{query}#{row_fragments.row_id(bsnid)}"

    def account_url(self, bsnid: str, *, write: bool) -> str:
        """Return the URL of the account's page; ``write`` puts the focus in its composer."""
        url = f"{record_url('account-detail', bsnid)}?{self.parameters}"
        return f"{url}&write=1" if write else url

    def step_url(self, name: str, bsnid: str, *, write: bool = False) -> str:
        """Return the address that leads to the next or the previous account of the list."""
        url = f"{record_url(name, bsnid)}?{self.parameters}"
        return f"{url}&write=1" if write else url


def read(parameters: QueryDict, request: Request) -> FromList | None:
    """Return the list; None if the URL names none. Invalid parameters count as absent."""
    query = parameters.get("list")
    if query is None or len(query) > _MOST or query.count("&") > _MOST // 10:
        return None
    listing = _list_state.read(QueryDict(query), LIST, request.person.email)
    return FromList(listing, page_number(parameters.get("at", "")))
