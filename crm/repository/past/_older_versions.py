"""Find the records whose older versions are needed to tell who made the changes of a window.

A window has all row versions from a moment on. What lies before it matters in few cases only, so
it is read for those records alone.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection

from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository._stamps import STAMPED_WITHIN
from crm.repository.versions import CLOCKS_DIFFER

from ._row_versions import RowVersion

Records = dict[Table, set[str]]


def needed(rows: Collection[RowVersion], begins: dt.datetime, *, has_newer: bool) -> Records:
    """Return the keys of these records, by table; also of accounts whose team is not known.

    :param rows: all row versions later than ``begins``, and maybe some of that moment.
    :param has_newer: there may be newer row versions than these.
    """
    found: Records = defaultdict(set)
    seen: set[tuple[int, str | None]] = set()
    accounts: set[str | None] = set()
    named = {row.account for row in rows if row.team is not None}
    for row in sorted(rows, key=_oldest_first):
        is_first = (row.place, row.key) not in seen
        seen.add((row.place, row.key))
        is_account = row.place == TABLES.index(ACCOUNTS)
        if _may_be_older(row, begins, is_first=is_first) and row.key is not None:
            found[TABLES[row.place]].add(row.key)
        if is_account:
            accounts.add(row.key)
        # A stamp of the account may tell who deleted a child. Times tell of a stamp without
        # ``change_id``, also that of the account's deletion.
        is_account_known = row.account in accounts and not has_newer
        may_be_stamped = row.after is None and not is_account
        is_close = row.moment < begins + STAMPED_WITHIN
        if may_be_stamped and row.account and (is_close or not is_account_known):
            found[ACCOUNTS].add(row.account)
    known = named if has_newer else named | accounts
    if unnamed := {row.account for row in rows if row.account} - known:
        found[ACCOUNTS] |= unnamed
    return dict(found)


def _oldest_first(row: RowVersion) -> tuple[dt.datetime, bool, int]:
    return row.moment, row.place == TABLES.index(ACCOUNTS), row.version


def _may_be_older(row: RowVersion, begins: dt.datetime, *, is_first: bool) -> bool:
    """Return whether older versions of the record may tell who wrote this one.

    A deletion's stamp may be older. So may the deletion after which a record returned. An id that
    an earlier version had comes back with its time, which is that of its commit or earlier; so an
    id whose time lies in the window is new, except where clocks differ.
    """
    if is_first and row.after is None:
        return True
    if is_first and row.before is None and _is_before(row.first_at, begins):
        return True
    if row.new_id is None or row.new_id == row.old_id:
        return False
    is_late = row.new_at is not None and row.new_at > row.moment + CLOCKS_DIFFER
    return is_late or _is_before(row.new_at, begins + CLOCKS_DIFFER)


def _is_before(moment: dt.datetime | None, begins: dt.datetime) -> bool:
    return moment is None or moment < begins
