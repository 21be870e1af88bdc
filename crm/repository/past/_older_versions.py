"""Find the records whose older versions are needed to find the authors of a window's changes.

A window has all row versions from a moment on. Older versions, and versions of other accounts,
matter only for few records, so they are read for those records only.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository._stamps import STAMPED_WITHIN
from crm.repository.versions import CLOCKS_DIFFER

from ._attribution import Attributed
from ._row_versions import RowVersion

_ACCOUNT = TABLES.index(ACCOUNTS)
ALWAYS = dt.datetime.min.replace(tzinfo=dt.UTC)
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass
class Older:
    """The records whose older versions are needed, by table.

    :param since: versions from before this moment are not needed.
    """

    records: defaultdict[Table, set[str]] = field(default_factory=lambda: defaultdict(set))
    since: dt.datetime = NEVER

    def add(self, place: int, key: str, since: dt.datetime = ALWAYS) -> None:
        self.records[TABLES[place]].add(key)
        self.since = min(self.since, since)

    def add_halves(self, rows: Collection[RowVersion]) -> None:
        """Add the records that moved between the accounts of the window and others."""
        for row in rows:
            if row.is_half and row.key is not None:
                self.add(row.place, row.key, row.moment)

    def all(self) -> Iterator[tuple[Table, str]]:
        return ((table, key) for table, keys in self.records.items() for key in keys)


def needed(
    rows: Collection[RowVersion],
    begins: dt.datetime,
    *,
    has_newer: bool,
    is_asked: Callable[[RowVersion], bool] = lambda _: True,
) -> Older:
    """Return the records that need older versions, and the accounts whose team is not known.

    :param rows: all row versions later than ``begins``, and maybe some of that moment.
    :param has_newer: whether there may be newer row versions than these.
    :param is_asked: returns whether the author of a row version is wanted.
    """
    found = Older()
    seen: set[tuple[int, str | None]] = set()
    accounts: set[str | None] = set()
    named = {row.account for row in rows if row.team is not None}
    asked: set[str] = set()
    for row in sorted(rows, key=_oldest_first):
        is_first = (row.place, row.key) not in seen
        seen.add((row.place, row.key))
        if row.place == _ACCOUNT:
            accounts.add(row.key)
        if not is_asked(row):
            continue
        if row.account:
            asked.add(row.account)
        since = _matters_since(row, begins, is_first=is_first)
        if since != NEVER and row.key is not None:
            found.add(row.place, row.key, since)
        is_account_known = row.account in accounts and not has_newer
        if row.account and _may_be_stamped(row, begins, is_account_known=is_account_known):
            found.add(_ACCOUNT, row.account)
    for account in asked - (named if has_newer else named | accounts):
        found.add(_ACCOUNT, account)
    return found


def operations(
    rows: Collection[RowVersion], begins: dt.datetime, changes: Iterable[Attributed]
) -> set[str]:
    """Return the operations that made deletions among the changes, and may be older than the
    window because their stamp is older or was restored."""
    stamped = {row.new_id for row in rows if row.new_at and row.new_at > begins}
    found = {each.operation for each in changes if each.operation and each.row.after is None}
    return found - stamped


def _oldest_first(row: RowVersion) -> tuple[dt.datetime, bool, int]:
    return row.moment, row.place == _ACCOUNT, row.version


def _may_be_stamped(row: RowVersion, begins: dt.datetime, *, is_account_known: bool) -> bool:
    """Return whether a stamp of the account outside the window may show who deleted the child.

    A stamp without ``change_id`` counts by its time, also that of the account's deletion.
    """
    is_deleted_child = row.after is None and row.place != _ACCOUNT
    return is_deleted_child and (row.moment < begins + STAMPED_WITHIN or not is_account_known)


def _matters_since(row: RowVersion, begins: dt.datetime, *, is_first: bool) -> dt.datetime:
    """Return the moment from which on older versions are needed to find who wrote this one; NEVER
    if none are needed.

    A deletion's stamp may be older than the window, and so may the deletion before a record was
    inserted again. A restored id comes with its time, which is that of its commit or earlier. So
    an id whose time is in the window is new, and an older id is among the versions since its time,
    apart from clock differences.
    """
    if is_first and row.after is None:
        return ALWAYS
    if is_first and row.before is None and (row.first_at is None or row.first_at < begins):
        return ALWAYS
    if row.new_id is None or row.new_id == row.old_id:
        return NEVER
    if row.new_at is None or row.new_at > row.moment + CLOCKS_DIFFER:
        return ALWAYS
    if row.new_at >= begins + CLOCKS_DIFFER:
        return NEVER
    return max(row.new_at, ALWAYS + CLOCKS_DIFFER) - CLOCKS_DIFFER
