"""Find a person's rights, from the settings or from Unity Catalog's grants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cachetools import TTLCache, cached

from crm.model.namespace import Namespace
from crm.repository.tables import privileges
from crm.warehouse import Warehouse

Masks = Mapping[str, frozenset[str]]

# Seconds for which a person's rights are cached. Unity Catalog checks each statement, so it
# refuses an action that a page still offers after a right was revoked.
REMEMBERED = 600.0
_MOST_REMEMBERED = 1000
_lock = threading.Lock()
_writers: TTLCache[tuple[str, Namespace, str], bool] = TTLCache(_MOST_REMEMBERED, REMEMBERED)
_followers: TTLCache[tuple[str, Namespace, str], bool] = TTLCache(_MOST_REMEMBERED, REMEMBERED)
_masks: TTLCache[tuple[str, Namespace, str], Masks] = TTLCache(_MOST_REMEMBERED, REMEMBERED)
_filters: TTLCache[tuple[str, Namespace, str], frozenset[str]] = TTLCache(
    _MOST_REMEMBERED, REMEMBERED
)


def is_listed(email: str, entries: Iterable[str]) -> bool:
    """Return whether the e-mail or its domain (``example.com`` or ``@example.com``) is an
    entry."""
    name = email.strip().lower()
    domain = name.rpartition("@")[2] if "@" in name else ""
    listed = {entry.strip().lower().removeprefix("@") for entry in entries if entry.strip()}
    return bool(name) and (name in listed or domain in listed)


@dataclass(frozen=True)
class GrantedRights:
    """The rights that Unity Catalog grants to the person with this warehouse."""

    open_warehouse: Callable[[], Warehouse] = field(repr=False)

    def may_write(self) -> bool:
        return _may_write(self.open_warehouse())

    def may_follow(self) -> bool:
        return _may_follow(self.open_warehouse())

    def masks(self) -> Masks:
        return masked_columns(self.open_warehouse())

    def filters(self) -> frozenset[str]:
        return filtered_tables(self.open_warehouse())


@cached(_writers, key=lambda wh: wh.cache_key, lock=_lock)
def _may_write(wh: Warehouse) -> bool:
    return privileges.may_write(wh)


@cached(_followers, key=lambda wh: wh.cache_key, lock=_lock)
def _may_follow(wh: Warehouse) -> bool:
    return privileges.may_follow(wh)


@cached(_masks, key=lambda wh: wh.cache_key, lock=_lock)
def masked_columns(wh: Warehouse) -> Masks:
    """Return the columns that a policy masks, by table name, with every sign-in.

    A change of many rows asks this: under a shared sign-in, a person's own rights do not tell it.
    """
    return privileges.masked_columns(wh)


@cached(_filters, key=lambda wh: wh.cache_key, lock=_lock)
def filtered_tables(wh: Warehouse) -> frozenset[str]:
    """Return the names of the tables that have a row filter, with every sign-in."""
    return privileges.filtered_tables(wh)


def forget_all() -> None:
    """Empty the cache of rights; for tests."""
    with _lock:
        _writers.clear()
        _followers.clear()
        _masks.clear()
        _filters.clear()
