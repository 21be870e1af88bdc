"""A page of the history of all four tables, read from their change data feeds.

One statement reads a page; a second one reads older versions of few records if these are needed to
find the author of a change. See _window for the rows to read, and _attribution for the authors.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from crm.model.changes import CHANGED, CREATED, DELETED, Change, values_of
from crm.model.schema import TABLES
from crm.repository import operations
from crm.repository.records.account_filter import ALL, AccountFilter
from crm.repository.tables import change_feed, notes
from crm.warehouse import Warehouse

from . import _history_sql
from ._attribution import Attributed, Entry, entry_of, undo_of
from ._window import MOST, Reading, Window, windows
from .cursor import Cursor, Position, is_up_to

PAGE_SIZE = 50
# Rows of the feeds to read for each wanted change: most changes have two, a deletion three.
ROWS_PER_CHANGE = 4


@dataclass(frozen=True)
class Wanted:
    """The filters of the history; an empty field filters nothing.

    ``operation``: only this operation's changes. ``is_gathered``: an operation of many rows is one
    change, the latest of them. ``accounts``: only accounts that pass this filter now.
    ``person`` may be ``OUTSIDE``. ``since`` and ``until`` (exclusive) have a time zone. ``page``
    counts from 1 on, starting at ``after`` if it is given.
    """

    bsnid: str = ""
    key: str = ""
    person: str = ""
    field: str = ""
    kind: str = ""
    table: str = ""
    operation: str = ""
    is_gathered: bool = False
    accounts: AccountFilter = ALL
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    page: int = 1
    size: int = PAGE_SIZE
    after: Cursor | None = None

    @property
    def is_narrowed(self) -> bool:
        """Return whether a filter other than the account leaves changes out."""
        words = (self.key, self.person, self.field, self.kind, self.table, self.operation)
        return any((*words, self.accounts, self.since, self.until))


@dataclass(frozen=True)
class History:
    """One page of changes, newest first.

    :param total: the number of changes that pass the filters; None if not all changes were read.
    :param people: the authors of all changes that were read, regardless of the filters.
    :param known: the number of changes that were read, regardless of the filters.
    :param team: the name of the account, for the history of one account.
    :param older: where the next page begins, if ``total`` is None and there may be older changes.
    :param read_to: the moment of the oldest change that was read, if there may be older ones.
    """

    wanted: Wanted
    changes: list[Change]
    total: int | None
    page: int
    people: list[str] = field(default_factory=list)
    known: int = 0
    team: str = ""
    older: Cursor | None = None
    read_to: dt.datetime | None = None

    @property
    def last(self) -> int:
        """Return the number of the last page, at least 1; of this page if that is unknown."""
        if self.total is None:
            return self.page
        return max(1, -(-self.total // self.wanted.size))


OUTSIDE = "(outside)"
_TABLE_NAMES = tuple(table.name for table in TABLES)
# Their changes can be undone all at once.
_UNDOABLE = (operations.IMPORT, operations.COPY, operations.BULK, operations.MERGE)


def load(wh: Warehouse, wanted: Wanted) -> History:
    """Return one page of the history. One or two statements, more if filters pass few changes.

    The first page of a process may also read the tables' histories. Without the table of
    operations the page lacks the notes, and no operation is gathered. Raises WarehouseError.
    """
    return notes.read(
        wh,
        lambda has_notes: change_feed.read(
            wh, lambda starts: _load(wh, wanted, starts, has_notes)
        ),
    )


def people(wh: Warehouse) -> list[str]:
    """Return the authors of all kept changes, including those that no page has read. One
    statement.

    Raises WarehouseError.
    """
    return notes.read(
        wh,
        lambda has_notes: change_feed.read(
            wh, lambda starts: _history_sql.read_people(wh, starts, has_notes=has_notes)
        ),
    )


def _load(wh: Warehouse, wanted: Wanted, starts: change_feed.Starts, has_notes: bool) -> History:
    passed = set(wanted.after.passed) if wanted.after else set[str]()
    key = wanted.key if wanted.bsnid else ""
    # All changes of one account are counted, and a filter may exclude most changes.
    is_plain = not (wanted.bsnid or wanted.is_narrowed)
    first = ROWS_PER_CHANGE * wanted.page * wanted.size if is_plain else MOST
    accounts, begin = wanted.accounts, _begin(wanted)
    reading = Reading(wh, starts, has_notes, wanted.bsnid, key, begin, passed, accounts, first)
    page = None
    for window in windows(reading):
        page = _Page(wanted, window)
        if page.is_full:
            break
        reading.passed.update(page.begun_earlier(page.gathered, window.begins))
    assert page is not None  # there is always a window
    return page.history()


def _begin(wanted: Wanted) -> Position | None:
    """Return the position after which the wanted changes begin."""
    until = Position.at(wanted.until) if wanted.until else None
    after = wanted.after.position if wanted.after else None
    given = [position for position in (until, after) if position]
    return max(given, key=lambda position: position.order, default=None)


class _Page:
    """The wanted changes of a window."""

    def __init__(self, wanted: Wanted, window: Window) -> None:
        self._wanted, self._window = wanted, window
        self._choose()
        while window.look_up(self._end) or window.look_up_notes(self._changes()):
            self._choose()

    def _changes(self) -> Iterator[Attributed]:
        """Return the changes up to the last shown one, regardless of the filters."""
        end = self._end
        return (each.change for each in self._all if is_up_to(each.change.row, end))

    def _choose(self) -> None:
        wanted, window = self._wanted, self._window
        self._all = [entry_of(each, window.notes) for each in window.changes()]
        self._all = [each for each in self._all if wanted.key in ("", each.change.row.key)]
        fit = [each for each in self._all if _is_wanted(each, wanted)]
        self._counts = Counter(each.change.operation for each in fit)
        self.gathered = set(wanted.after.passed if wanted.after else ())
        self._entries = list(self._gather(fit)) if wanted.is_gathered else fit

    @property
    def _end(self) -> Position | None:
        """Return the position of the last shown change; None for the end of the window."""
        most = self._wanted.page * self._wanted.size
        return Position.of(self._entries[most].change.row) if len(self._entries) > most else None

    def _gather(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for each in entries:
            if each.gathered_by is None:
                yield each
            elif each.gathered_by not in self.gathered:
                self.gathered.add(each.gathered_by)
                yield each

    @property
    def _is_whole(self) -> bool:
        begins, since = self._window.begins, self._wanted.since
        return begins is None or (since is not None and begins < since)

    @property
    def is_full(self) -> bool:
        """Return whether the page is full, and it is known whether there are older changes."""
        return self._is_whole or len(self._entries) > self._wanted.page * self._wanted.size

    def history(self) -> History:
        size = self._wanted.size
        number = max(1, min(self._wanted.page, -(-len(self._entries) // size)))
        shown = self._entries[(number - 1) * size : number * size]
        is_counted = self._is_whole and not self._wanted.after
        people = {each.person for each in self._all if each.person is not None}
        team = max((each.change.team or "" for each in self._all), default="")
        return History(
            self._wanted,
            [self._change(each) for each in shown],
            len(self._entries) if is_counted else None,
            number,
            sorted(people),
            len(self._all),
            team if self._wanted.bsnid else "",
            None if is_counted else self._older(shown, number * size),
            None if self._is_whole else self._window.begins,
        )

    def _older(self, shown: list[Entry], end: int) -> Cursor | None:
        """Return where the next page begins; None if there is none."""
        if len(self._entries) > end:
            position = Position.of(shown[-1].change.row)
        elif not self._is_whole and (reached := self._window.reached):
            position = reached
        else:
            return None
        after = self._wanted.after
        ids = {each.gathered_by for each in self._entries[:end] if self._wanted.is_gathered}
        ids |= after.passed if after else frozenset()
        begun_earlier = self.begun_earlier(filter(None, ids), position.moment)
        return Cursor(position, frozenset(begun_earlier))

    def begun_earlier(self, ids: Iterable[str], moment: dt.datetime | None) -> set[str]:
        """Return the ids that may have changes at the moment or earlier; none without a moment."""
        if moment is None:
            return set()
        notes = self._window.notes
        began = {id: notes[id].started_at if id in notes else None for id in ids}
        return {id for id, started in began.items() if not started or started <= moment}

    def _change(self, entry: Entry) -> Change:
        change, note, undo = entry.change, entry.note, entry.undo
        row, table = change.row, TABLES[change.row.place]
        before, after = row.values
        is_undoable = note is not None and note.kind in _UNDOABLE
        return Change(
            table,
            row.key or "",
            row.account or "",
            values_of(table, None if row.before is None else before),
            values_of(table, None if row.after is None else after),
            team=change.team or "",
            version=row.version,
            moment=row.moment,
            person=entry.person or "",
            operation=change.operation or "",
            summary=(note and note.summary) or "",
            note=(note and note.note) or "",
            removes_reason=note is not None and note.note == "",
            changes=self._count(entry),
            started_at=note.started_at if note and is_undoable else None,
            undo=undo_of(undo),
            outside=entry.person is None,
            returned=change.returned,
        )

    def _count(self, entry: Entry) -> int | None:
        """Return the number of wanted changes of the entry's operation; None if unknown."""
        operation, window = entry.change.operation, self._window
        may_be_elsewhere = operation is not None and (
            operation in window.reading.passed or self.begun_earlier([operation], window.begins)
        )
        return None if may_be_elsewhere else self._counts[operation]


def _is_wanted(entry: Entry, wanted: Wanted) -> bool:
    """Return whether the change passes the filters; unknown words filter nothing."""
    row, person = entry.change.row, entry.person
    before, after = row.values if wanted.field in fields() else ({}, {})
    return (
        (wanted.kind not in (CREATED, CHANGED, DELETED) or wanted.kind == row.kind)
        and (wanted.table not in _TABLE_NAMES or wanted.table == _TABLE_NAMES[row.place])
        and (wanted.since is None or row.moment >= wanted.since)
        and (wanted.until is None or row.moment < wanted.until)
        and wanted.operation in ("", entry.change.operation)
        and (not wanted.person or person == (None if wanted.person == OUTSIDE else wanted.person))
        and (wanted.field not in fields() or before.get(wanted.field) != after.get(wanted.field))
    )


@lru_cache(maxsize=1)
def fields() -> dict[str, str]:
    """Return the columns that the history can be filtered by, with their labels."""
    return {column.name: column.label for table in TABLES for column in table.editable}
