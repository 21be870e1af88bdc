"""Combine rows of the change data feed: one row version for each record and commit."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from crm.model.changes import kind_of
from crm.repository._sql import Row

BEFORE = ("update_preimage", "delete")
# The half that a part of the feed has of a child's move into, or out of, its accounts.
_HALVES = ({"update_preimage"}, {"update_postimage"})


# The table's place in ``TABLES``, the key, and the commit version.
Identity = tuple[int, str | None, int]
# Sorts row versions as the history does.
Order = tuple[int, int, int, str]
Value = TypeVar("Value", str, dt.datetime)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


def order_of(moment: dt.datetime, place: int, version: int, key: str | None) -> Order:
    """Return the place in the history, newest first: at one moment, later tables come first; in
    one commit, records are sorted by key."""
    return (EPOCH - moment) // MICROSECOND, -place, -version, key or ""


@dataclass
class RowVersion:
    """One record in one commit: its rows before and after, as JSON texts of the own columns.

    Several rows of one key count as one, with the largest value of each column.

    :param place: the table's place in ``TABLES``.
    :param account: the BSNID of the record's account.
    :param team: the account's present team, if it was read.
    """

    place: int
    key: str | None
    account: str | None
    version: int
    moment: dt.datetime
    before: str | None = None
    after: str | None = None
    old_at: dt.datetime | None = None
    new_at: dt.datetime | None = None
    first_at: dt.datetime | None = None
    old_by: str | None = None
    new_by: str | None = None
    old_id: str | None = None
    new_id: str | None = None
    team: str | None = None
    types: set[str] = field(default_factory=set)

    def add(self, row: Row) -> None:
        """Add one row of the feed."""
        # A child that moved has rows of two accounts.
        account = _largest(self.account, row["account"])
        kept = self.team if account == self.account else None
        team = row.get("team") if row["account"] == account else None
        self.account, self.team = account, kept if team is None else team
        self.types.add(row["type"])
        if row["type"] in BEFORE:
            self.before = _largest(self.before, row["content"])
            self.old_at = _largest(self.old_at, row["updated_at"])
            self.old_by = _largest(self.old_by, row["updated_by"])
            self.old_id = _largest(self.old_id, row["change_id"])
        else:
            self.after = _largest(self.after, row["content"])
            self.first_at = _largest(self.first_at, row["created_at"])
            self.new_at = _largest(self.new_at, row["updated_at"])
            self.new_by = _largest(self.new_by, row["updated_by"])
            self.new_id = _largest(self.new_id, row["change_id"])

    @property
    def identity(self) -> Identity:
        return self.place, self.key, self.version

    @cached_property
    def order(self) -> Order:
        return order_of(self.moment, self.place, self.version, self.key)

    @property
    def is_half(self) -> bool:
        """Return whether only the image before, or only the one after, an update is here."""
        return self.types in _HALVES

    @property
    def kind(self) -> str:
        return kind_of(self.before, self.after)

    @property
    def is_stamp(self) -> bool:
        """Return whether the commit left the record's own columns as they were."""
        return self.before is not None and self.before == self.after

    @cached_property
    def values(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the own columns before and after, without those that are NULL."""
        return json.loads(self.before or "{}"), json.loads(self.after or "{}")


def _largest(one: Value | None, other: Value | None) -> Value | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def identity_of(row: Row) -> Identity:
    return row["place"], row["key"], row["version"]


def of_feed(rows: Iterable[Row]) -> list[RowVersion]:
    """Return the row versions of the feed's rows, in the order of the first row of each."""
    found: dict[Identity, RowVersion] = {}
    for row in rows:
        identity = place, key, version = identity_of(row)
        each = found.get(identity)
        if each is None:
            each = RowVersion(place, key, row["account"], version, row["moment"])
            found[identity] = each
        each.add(row)
    return list(found.values())
