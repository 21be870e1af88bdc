"""Find out who made each change in the change data feed.

The CRM wrote a row version, and its author is ``updated_by``, if its ``change_id`` is new: it
differs from the id before and did not occur earlier for the row. ``RESTORE`` and clones bring back
earlier ids. A clone's feed begins with inserted rows whose ids are old, and imports keep the
stamps of their files, so an inserted row also needs a stamp close to its commit.

A deleted row does not show who deleted it, so the CRM stamps a row and then deletes it (see
accounts.delete and _children.delete). A stamp does not change the row's own columns. If children
were deleted after an account's stamp, and nothing else happened to the account in between, the
person of that stamp deleted them. All other changes were made outside the CRM.

A write that only sets or removes the reason of a status is not a stamp: its operation has a note.
Nor is a row that an import wrote without a change: imports delete nothing.

Row versions without ``change_id`` are older than that column. Times decide who wrote them: see
_stamps.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from crm.model.changes import Undo
from crm.repository import _made_ids, operations
from crm.repository._sql import Row
from crm.repository._stamps import STAMPED_WITHIN, is_ours

from ._history_sql import Note
from ._row_versions import RowVersion, identity_of

ACCOUNT = 0  # an account's place in TABLES


@dataclass
class Attributed:
    """One row version, and who wrote it.

    :param operation: the id of the operation that wrote it, if known.
    :param writer: the person who wrote it; None if it was written outside the CRM.
    :param returned: whether it inserts a deleted record again.
    :param team: the latest known team of the record's account.
    """

    row: RowVersion
    operation: str | None
    writer: str | None
    returned: bool
    team: str | None = None


@dataclass(slots=True)
class _OfRecord:
    """A row version, with facts from the other versions of its record.

    :param written_id: its ``change_id``, if that is new.
    :param is_stamp: whether it changed no own column, and may be the stamp before a deletion.
    :param stamp_id: its ``change_id``, if it is such a stamp.
    :param earlier: the version before.
    :param deleted_at: the moment of the record's next deletion.
    """

    row: RowVersion
    written_id: str | None
    is_stamp: bool
    stamp_id: str | None
    earlier: _OfRecord | None
    deleted_at: dt.datetime | None


@dataclass(frozen=True)
class _Stamp:
    """The latest version of an account until now; ``id`` only if it is a stamp."""

    moment: dt.datetime
    id: str = ""
    by: str = ""

    @property
    def order(self) -> tuple[dt.datetime, str]:
        return self.moment, self.id + self.by


def attribute(rows: Iterable[RowVersion], not_deleting: Collection[str] = ()) -> list[Attributed]:
    """Return the row versions without stamps, each with its author, in no order.

    ``rows`` has all versions of their records and accounts. ``not_deleting`` are operations
    that are known to have deleted nothing: see ``deletes_nothing``.
    """
    found: list[Attributed] = []
    of_accounts: dict[str | None, list[_OfRecord]] = defaultdict(list)
    for each in _of_records(rows, not_deleting):
        of_accounts[each.row.account].append(each)
    for versions in of_accounts.values():
        now = next((each.row.team for each in versions if each.row.team is not None), None)
        team = _latest_team(versions) if now is None else now
        for change in _of_account(versions):
            change.team = team
            found.append(change)
    return found


def name_deleters(changes: Iterable[Attributed], others: Iterable[Row]) -> None:
    """Set the author of deletions whose commit inserted the row elsewhere: it moved a duplicate
    key.

    :param others: the feed's rows of other accounts. If several have one key, some may have a time
        from before the CRM wrote them.
    """
    inserted = {
        identity_of(row): row
        for row in others
        if row["type"] == "insert" and is_ours(row["moment"], row["updated_at"])
    }
    for each in changes:
        is_unknown = each.writer is None and each.row.after is None
        if is_unknown and (row := inserted.get(each.row.identity)):
            each.operation, each.writer = row["change_id"], row["updated_by"]


def deletes_nothing(note: Note) -> bool:
    """Return whether the operation only noted a reason, or only wrote rows."""
    return note.note is not None or note.kind in (operations.IMPORT, operations.COPY)


def _of_records(rows: Iterable[RowVersion], not_deleting: Collection[str]) -> Iterator[_OfRecord]:
    records: dict[tuple[int, str | None], list[RowVersion]] = defaultdict(list)
    for row in rows:
        records[row.place, row.key].append(row)
    for versions in records.values():
        versions.sort(key=lambda row: row.version)
        deletions = _next_deletions(versions)
        ids = {None, versions[0].old_id}
        earlier = None
        for row, deleted_at in zip(versions, deletions, strict=True):
            written_id = row.new_id if row.new_id not in ids else None
            ids.add(row.new_id)
            is_own_time = row.new_at not in (row.old_at, row.first_at)
            is_stamp = row.is_stamp and written_id not in not_deleting
            stamp_id = written_id if is_stamp and is_own_time else None
            earlier = _OfRecord(row, written_id, is_stamp, stamp_id, earlier, deleted_at)
            yield earlier


def _next_deletions(versions: list[RowVersion]) -> list[dt.datetime | None]:
    """Return for each version the moment of the record's next deletion, or None."""
    found: list[dt.datetime | None] = []
    earliest: dt.datetime | None = None
    for row in reversed(versions):
        found.append(earliest)
        if row.after is None:
            earliest = row.moment if earliest is None else min(earliest, row.moment)
    return found[::-1]


def _latest_team(versions: list[_OfRecord]) -> str | None:
    teams = (
        (each.row.moment, each.row.version, team)
        for each in versions
        if each.row.place == ACCOUNT
        for team in [next((s["team"] for s in each.row.values[::-1] if "team" in s), None)]
        if team is not None
    )
    return max(teams, default=(None, None, None))[2]


def _of_account(versions: list[_OfRecord]) -> Iterator[Attributed]:
    """Yield an account's and its children's versions, in the order in which they were written.

    The account's stamp comes before its children's deletions, its own deletion after them.
    """
    state: _Stamp | None = None
    old_stamp: _Stamp | None = None
    for each in sorted(versions, key=_order_in_account):
        row = each.row
        if row.place == ACCOUNT:
            is_stamp = each.stamp_id and row.new_by is not None
            latest = _Stamp(row.moment, *((each.stamp_id, row.new_by) if is_stamp else ()))
            state = latest if state is None else max(state, latest, key=lambda s: s.order)
            if _is_old_stamp(each):
                old_stamp = _Stamp(row.moment, by=row.new_by or "")
        if not each.is_stamp:
            operation, writer = _writer(each, state, old_stamp)
            yield Attributed(row, operation, writer, _is_returned(each))


def _order_in_account(each: _OfRecord) -> tuple[dt.datetime, int]:
    row = each.row
    return row.moment, 0 if each.is_stamp else 1 if row.place != ACCOUNT else 2


def _is_old_stamp(each: _OfRecord) -> bool:
    """Return whether it may be a deletion's stamp from before ``change_id`` existed."""
    row, deleted_at = each.row, each.deleted_at
    if not each.is_stamp or row.new_id is not None or row.new_by is None or deleted_at is None:
        return False
    # Not a stamp that came back: see _revert.stamps.
    is_new = row.new_at != row.old_at and is_ours(row.moment, row.new_at)
    return is_new and deleted_at - row.moment < STAMPED_WITHIN


def _writer(
    each: _OfRecord, state: _Stamp | None, old_stamp: _Stamp | None
) -> tuple[str | None, str | None]:
    """Return the id of the operation that wrote the row version, and the person."""
    row = each.row
    if row.after is None:
        return _deleter(each, state, old_stamp)
    if each.written_id is not None:
        is_ours_too = row.before is not None or is_ours(row.moment, row.new_at)
        return each.written_id, row.new_by if is_ours_too else None
    is_old = row.new_id is None and row.new_at != row.old_at and is_ours(row.moment, row.new_at)
    return None, row.new_by if is_old else None


def _deleter(
    each: _OfRecord, state: _Stamp | None, old_stamp: _Stamp | None
) -> tuple[str | None, str | None]:
    row, earlier, is_child = each.row, each.earlier, each.row.place != ACCOUNT
    if earlier and row.old_id is not None and row.old_id == earlier.stamp_id:
        return row.old_id, row.old_by
    if is_child and state and state.id:
        return state.id, state.by
    if row.old_id is None and earlier and earlier.is_stamp and is_ours(row.moment, row.old_at):
        return None, row.old_by
    if is_child and old_stamp and row.moment - old_stamp.moment < STAMPED_WITHIN:
        return None, old_stamp.by
    return None, None


def _is_returned(each: _OfRecord) -> bool:
    row, earlier = each.row, each.earlier
    # The rows that were read of one account may lack versions in which the record had another
    # account.
    while earlier and earlier.row.account != row.account:
        earlier = earlier.earlier
    if row.before is not None or earlier is None or earlier.row.after is not None:
        return False
    return row.first_at is not None and row.first_at < earlier.row.moment


@dataclass(slots=True)
class Entry:
    """A change, with the note of its operation and the note of that operation's revert."""

    change: Attributed
    note: Note | None
    undo: Note | None

    @property
    def person(self) -> str | None:
        """The author. For an operation of many rows the note decides, because an import of an
        export keeps the persons of its file."""
        noted = self.note.person if self.note else None
        return self.change.writer if noted is None else noted

    @property
    def gathered_by(self) -> str | None:
        """The id of the operation of many rows to which the change belongs."""
        return self.change.operation if self.note and self.note.summary is not None else None


def entry_of(change: Attributed, notes: dict[str, Note]) -> Entry:
    operation = change.operation
    if operation is None or not notes:
        return Entry(change, None, None)
    # The id of the revert is computed from the operation's id.
    return Entry(change, notes.get(operation), notes.get(_made_ids.of_revert(operation)))


def undo_of(note: Note | None) -> Undo | None:
    if note is None or note.started_at is None:
        return None
    return Undo(note.person or "", note.summary or "", note.started_at, note.ended_at)
