"""The accounts of a chat's digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError

from crm.digest.content import plain
from crm.model.schema import ACCOUNTS
from crm.page_urls import page_url, record_url
from crm.repository.records import saved_views
from crm.repository.records.account_filter import FILTERS, AccountFilter
from crm.views import _saved_views
from crm.views._charts import link
from crm.warehouse import Warehouse

_OPTIONS = {"vp": "vp", "area": "business_area", "partner": "primary_it_partner"}


@dataclass(frozen=True)
class Of:
    """The accounts of a digest.

    :param key: part of the chat's name in the table of digests; empty for all accounts.
    :param whose: a description of the accounts.
    :param path: the path of the page that shows more.
    """

    key: str
    whose: str
    path: str
    accounts: AccountFilter


def accounts(wh: Warehouse, options: dict[str, Any]) -> Of:
    """Return the accounts that the options choose. A saved view costs one statement.

    Raises CommandError for a choice that digests do not support, and WarehouseError.
    """
    values = {column: (options[name],) for name, column in _OPTIONS.items() if options[name]}
    if options["view"]:
        if values:
            raise CommandError("--view cannot be combined with another choice of accounts.")
        return _of_view(wh, options["view"])
    if not values:
        return Of("", "All accounts", page_url("attention"), AccountFilter())
    of = ", ".join(value for (value,) in values.values())
    key = ",".join(f"{name}={value}" for name, (value,) in values.items())
    return Of(key, f"Accounts of {of}", link("account-list", values), AccountFilter(values=values))


def _of_view(wh: Warehouse, id: str) -> Of:
    view = saved_views.get(wh, id)
    if view is None or view.list_name != ACCOUNTS.name:
        raise CommandError(f"There is no saved view of accounts with the id {id!r}.")
    if not view.is_shared:
        raise CommandError(f"The view “{view.name}” is not shared: nobody else could open it.")
    listing = _saved_views.listing_of(view, view.person)
    others = sorted(listing.filters.keys() - set(FILTERS)) + sorted(listing.dates)
    others += ["a search"] if listing.q else []
    others += ["Mine, which is different for each reader"] if listing.of_person else []
    if others:
        raise CommandError(
            f"The view “{view.name}” also filters by {', '.join(others)}. Digests know only "
            "filters by VP, business area and primary IT partner."
        )
    path = record_url("saved-view", id)
    return Of(f"view={id}", plain(view.name), path, AccountFilter(values=listing.filters))
