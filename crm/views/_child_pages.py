"""Pages of an account's use cases and updates, so that its page does not grow with them.

``?updates=2`` shows the second page of updates, ``?update=<id>`` the one that has this update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django_htmx.http import push_url

from crm.model.records import AccountDetail, Record
from crm.model.schema import UPDATES, USE_CASES, Table
from crm.request import Request, page_number

SIZE = 20


@dataclass(frozen=True)
class ChildPage:
    """A page of records: ``records`` of ``total``, from number ``first`` on.

    ``url`` is the address of the page of the account that has this page of records.
    ``back`` is the query that leads back to this page from a form; empty on the first page.
    ``previous`` and ``next`` are addresses of the pages around it; empty where there is none.
    """

    records: Sequence[Record]
    total: int
    first: int
    url: str
    back: str
    previous: str
    next: str

    @property
    def last(self) -> int:
        return self.first + len(self.records) - 1


def pages(request: Request, detail: AccountDetail, turned: Table | None) -> dict[str, ChildPage]:
    """Return the page of each kind that the address asks for, by the table's name.

    If htmx turns the pages of one kind, the other kind keeps the page that the browser's address
    names, since the clicked link may be older than that address.
    """
    shown = _shown_by_browser(request) if turned else request.GET
    records = {USE_CASES: detail.use_cases, UPDATES: detail.updates}
    numbers = {
        table: _number(request.GET if table is turned else shown, table, each)
        for table, each in records.items()
    }
    return {table.name: _page(request, table, each, numbers) for table, each in records.items()}


def _shown_by_browser(request: Request) -> QueryDict:
    address, _, _ = (request.htmx.current_url or "").partition("#")
    return QueryDict(address.partition("?")[2])


def push(response: HttpResponse, pages: Mapping[str, ChildPage], turned: Table) -> None:
    """Make the browser show the address of the page that htmx turned to."""
    push_url(response, pages[turned.name].url)


def query(table: Table, key: str) -> str:
    """Return the query of the address of the page that has the record."""
    return urlencode({_one(table): key})


def _one(table: Table) -> str:
    return table.singular.replace(" ", "_")


def _number(parameters: QueryDict, table: Table, records: Sequence[Record]) -> int:
    """Return the number of the page; wrong parameters count as absent."""
    keys = [record.value(table.key) for record in records]
    key = parameters.get(_one(table))
    if key in keys:
        return keys.index(key) // SIZE + 1
    last = max(1, -(-len(records) // SIZE))
    return min(page_number(parameters.get(table.name, "")), last)


def _page(
    request: Request, table: Table, records: Sequence[Record], numbers: dict[Table, int]
) -> ChildPage:
    number, total = numbers[table], len(records)
    start = (number - 1) * SIZE

    def url(page: int) -> str:
        shown = {each.name: n for each, n in (numbers | {table: page}).items() if n > 1}
        return f"{request.path}?{urlencode(shown)}" if shown else request.path

    return ChildPage(
        records[start : start + SIZE],
        total,
        start + 1,
        url(number),
        "?" + urlencode({"next": url(number)}) if number > 1 else "",
        url(number - 1) if number > 1 else "",
        url(number + 1) if start + SIZE < total else "",
    )
