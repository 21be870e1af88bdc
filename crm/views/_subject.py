"""The description of a list that its pages need: repository, templates, labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from django.urls import reverse

from crm.model.records import FacetPage, Listing, Page
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.model.vocabulary import words
from crm.page_urls import page_url
from crm.warehouse import Warehouse

from ._dates import CHANGED, DateFilter

_OTHER_LABELS = {
    "last_update": "Latest update",
    "use_cases": "Use cases",
    "team": "Team",
    "enablement_tier": "Tier",
}


class ListSource(Protocol):
    """The names that a list needs in a module of crm/repository/records."""

    @property
    def FILTERS(self) -> tuple[str, ...]: ...

    @property
    def SORTS(self) -> tuple[str, ...]: ...

    def search(self, wh: Warehouse, listing: Listing, /) -> Page[Any]: ...

    def facet(
        self, wh: Warehouse, listing: Listing, name: str, find: str, most: int, /
    ) -> FacetPage: ...

    def find_all(self, wh: Warehouse, listing: Listing, /) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Subject:
    """A kind of list: the source of its rows and the folder of its templates.

    :param rare: filters that are shown only while they are active.
    """

    table: Table
    repository: ListSource
    template: str
    default_sort: str
    dates: tuple[DateFilter, ...] = CHANGED
    rare: tuple[str, ...] = ()

    @property
    def url_name(self) -> str:
        """The prefix of its URL names."""
        return self.table.singular.replace(" ", "-")

    @property
    def list_url(self) -> str:
        return page_url(f"{self.url_name}-list")

    @property
    def bulk_url(self) -> str:
        """The URL of the page that changes selected rows."""
        return reverse(f"{self.url_name}-bulk", args=["change"])

    @property
    def live(self) -> str:
        """The tables whose changes affect the list; the list of accounts depends on all."""
        tables = TABLES if self.table is ACCOUNTS else (self.table, ACCOUNTS)
        return " ".join(table.name for table in tables)

    def label(self, name: str) -> str:
        """Return the label of a filter or sort key; platform and status may be a child table's."""
        if name == "team" and self.table.parent_key:
            return "Account"
        tables = (self.table, *TABLES)
        found = (t.column(name).label for t in tables if name in t.names)
        return _OTHER_LABELS.get(name) or next(found, name.replace("_", " ").capitalize())

    def known_words(self, name: str) -> tuple[str, ...]:
        for table in (self.table, *TABLES):
            if name in table.names and table.column(name).vocabulary:
                return words(table.column(name).vocabulary)
        return ()
