"""The list of accounts that an account's page was opened from, to go on in it.

``?list=`` has the query of the list, and ``&at=`` the number of the account's row in it. An
account that no longer matches has left its number to the next one.
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

_MOST = 4_000  # characters, and a tenth as many parameters


@dataclass(frozen=True)
class FromList:
    """``at`` is the number of the row in the list, from 1 on."""

    listing: Listing
    at: int

    @property
    def query(self) -> str:
        return _list_state.query(replace(self.listing, page=1), LIST).removeprefix("?")

    @property
    def parameters(self) -> str:
        """Return the parameters with which another page knows the list."""
        return urlencode({"list": self.query, "at": self.at})

    def url(self, bsnid: str) -> str:
        """Return the list's page that has the row, at the row."""
        page = -(-self.at // self.listing.size)
        query = _list_state.query(replace(self.listing, page=page), LIST)
        return f"{page_url('account-list')}{query}#{row_fragments.row_id(bsnid)}"

    def account_url(self, bsnid: str, *, write: bool) -> str:
        """Return the account's page; with ``write`` the focus is in its composer."""
        url = f"{record_url('account-detail', bsnid)}?{self.parameters}"
        return f"{url}&write=1" if write else url

    def step_url(self, name: str, bsnid: str, *, write: bool = False) -> str:
        """Return the address that leads to the next or the previous account of the list."""
        url = f"{record_url(name, bsnid)}?{self.parameters}"
        return f"{url}&write=1" if write else url


def read(parameters: QueryDict, request: Request) -> FromList | None:
    """Return the list; None if there is none. Wrong parameters of it count as absent."""
    query = parameters.get("list")
    if query is None or len(query) > _MOST or query.count("&") > _MOST // 10:
        return None
    listing = _list_state.read(QueryDict(query), LIST, request.person.email)
    return FromList(listing, page_number(parameters.get("at", "")))
