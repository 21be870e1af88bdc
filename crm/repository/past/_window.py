"""Read the change feeds newest first, in parts, until a page of the history is full.

Small feeds are read at once. For large feeds, the versions of the last commits are read from the
tables' histories, and then parts of the feeds, each part larger than the one before.

Some accounts may have few rows in large feeds. A page that is filtered by accounts ends after a
number of commits, whatever it found, and the next page continues there.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from cachetools import LRUCache, TTLCache

from crm.model.schema import Table
from crm.repository._made_ids import of_revert
from crm.repository._sql import Row
from crm.repository.records.account_filter import ALL, AccountFilter
from crm.repository.tables.change_feed import Starts
from crm.repository.versions.newest import FRESH, NewestCommits
from crm.warehouse import Warehouse

from . import _history_sql, _older_versions, _row_versions
from ._attribution import Attributed, attribute, deletes_nothing, name_deleters
from ._history_sql import Note, Part
from ._older_versions import ALWAYS, NEVER, Older
from ._row_versions import Identity, RowVersion, identity_of
from .cursor import Position, is_up_to

# The most rows of the feeds in one part, and for one page.
MOST, MOST_OF_PAGE = 2_000, 4_000
# The number of commits in the first part, and the growth of each further part.
COMMITS, GROWTH = 60, 4
# The most parts for one page that is filtered by accounts.
PARTS_OF_ACCOUNTS = 3

_lock = threading.Lock()
# Warehouses (per person) whose feeds have more than MOST rows.
_large: LRUCache[Hashable, bool] = LRUCache(maxsize=200)
# Warehouses whose feeds had fewer rows lately.
_small: TTLCache[Hashable, bool] = TTLCache(maxsize=200, ttl=FRESH.total_seconds())


@dataclass(frozen=True)
class Reading:
    """Which part of the feeds to read: see Part.

    :param passed: operations whose rows are no longer needed.
    :param accounts: see Part.
    :param first: the most rows in the first part.
    """

    wh: Warehouse
    starts: Starts
    has_notes: bool
    of: str = ""
    key: str = ""
    after: Position | None = None
    passed: set[str] = field(default_factory=set)
    accounts: AccountFilter = ALL
    first: int = MOST

    def part(self, **more: Any) -> tuple[list[Row], dict[str, Note]]:
        part = Part(self.starts, MOST, of=self.of, key=self.key, after=self.after)
        more = {"accounts": self.accounts, **more}
        return _history_sql.read(self.wh, replace(part, **more), has_notes=self.has_notes)


@dataclass
class Window:
    """All row versions in a part of the history.

    :param end: the position of the oldest row version.
    :param begins: all versions later than this moment are here; None if the feeds have no older
        versions.
    """

    reading: Reading
    commits: NewestCommits | None = None
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, Note] = field(default_factory=dict)
    end: Position | None = None
    begins: dt.datetime | None = None
    _found: list[RowVersion] | None = None
    _older: list[Row] = field(default_factory=list)
    _looked_up: dict[tuple[Table, str], dt.datetime] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def changes(self) -> list[Attributed]:
        """Return the changes, newest first. Their authors may need ``look_up``."""
        halves: dict[Identity, str | None] = {}
        whole: dict[Identity, RowVersion] = {}
        for each in self._versions():
            if each.is_half:
                halves[each.identity] = each.account
            else:
                whole[each.identity] = each
        # The commits are complete without other accounts' rows, except for halves.
        older = [row for row in self._older if identity_of(row) not in whole]
        own = [row for row in self.rows if identity_of(row) in halves] if halves else []
        others = _row_versions.of_feed([*own, *older])
        for each in others:
            # The account of the history, although the child has moved.
            each.account = halves.get(each.identity, each.account)
        not_deleting = {id for id, note in self.notes.items() if deletes_nothing(note)}
        attributed = attribute([*whole.values(), *others], not_deleting)
        shown = whole.keys() | halves.keys()
        changes = [each for each in attributed if each.row.identity in shown]
        name_deleters(changes, self._older)
        return sorted(changes, key=lambda each: each.row.order)

    def _versions(self) -> list[RowVersion]:
        if self._found is None:
            self._found = _row_versions.of_feed(self.rows)
        return self._found

    def look_up(self, until: Position | None) -> bool:
        """Read the older versions that show the authors of the changes up to this position, or
        all; and the other halves of children that moved between a wanted account and another one.

        Return whether it has read any. One statement, or none.
        """
        reading, found = self.reading, Older()
        if self.begins is not None or reading.after:
            found = _older_versions.needed(
                self._versions(),
                self.begins or ALWAYS,
                has_newer=bool(reading.after),
                is_asked=lambda row: is_up_to(row, until),
            )
        if reading.of or reading.accounts:
            found.add_halves(self._versions())
        new = {each for each in found.all() if self._looked_up.get(each, NEVER) > found.since}
        if not new:
            return False
        self._looked_up |= dict.fromkeys(new, found.since)
        records: dict[Table, list[str]] = defaultdict(list)
        for table, key in sorted(new, key=lambda each: each[1]):
            records[table].append(key)
        starts = self.commits.since(found.since) if self.commits else reading.starts
        self._older += _history_sql.read_records(reading.wh, starts, records)
        return True

    def look_up_notes(self, changes: Iterable[Attributed]) -> bool:
        """Read the notes of operations that ended before the window, but made one of these
        deletions. Return whether it has read any."""
        if self.begins is None or not self.reading.has_notes:
            return False
        new = _older_versions.operations(self._versions(), self.begins, changes) - self._asked
        self._asked |= new
        ids = new | set(map(of_revert, new))
        self.notes |= _history_sql.read_notes(self.reading.wh, ids) if new else {}
        return bool(new)

    @property
    def reached(self) -> Position | None:
        """Return the position down to which all versions are here; None if there are no older
        ones."""
        if self.begins and (self.end is None or self.begins < self.end.moment):
            return Position.up_to(self.begins)
        return self.end

    def add(
        self, rows: list[Row], notes: dict[str, Note], begins: dt.datetime | None, most: int
    ) -> bool:
        """Add a part, and return whether it was complete; if not, its last row version is
        dropped."""
        is_complete = len(rows) < most
        if not is_complete:
            cut = identity_of(rows[-1])
            rows = [row for row in rows if identity_of(row) != cut] or rows
        self.rows += rows
        self._found = None
        self.notes |= notes
        if rows:
            last = rows[-1]
            self.end = Position(last["moment"], last["place"], last["version"], last["key"] or "")
        self.begins = begins if is_complete or self.end is None else self.end.moment
        return is_complete


def windows(reading: Reading) -> Iterator[Window]:
    """Yield a window that grows, until it has all rows or many. Raises WarehouseError."""
    key = reading.wh.cache_key
    with _lock:
        # Few rows of some accounts do not mean that the feeds are small.
        may_be_small = key in _small if reading.accounts else key not in _large
    if may_be_small and not (reading.of or reading.after):
        rows, notes = reading.part(is_sorted=False)
        is_small = len(rows) < MOST
        if not reading.accounts:
            with _lock:
                (_small if is_small else _large)[key] = True
        if is_small:
            yield Window(reading, rows=rows, notes=notes)
            return
    after = reading.after.moment if reading.after else None
    commits = NewestCommits(reading.wh, reading.starts, after, reads_all=bool(reading.of))
    yield from _parts(reading, commits)


def _parts(reading: Reading, commits: NewestCommits) -> Iterator[Window]:
    window = Window(reading, commits)
    count, most = COMMITS, min(reading.first, MOST)
    # Commits before this many changed rows are beyond this page.
    enough = None if reading.accounts else MOST_OF_PAGE + MOST
    last = commits.last()
    parts = 0
    while len(window.rows) < MOST_OF_PAGE:
        first, begins = commits.first(count, enough)
        part = reading.part(
            most=most,
            start=commits.readable(first),
            first=first,
            last=last,
            after=window.end or reading.after,
            begins=begins,
            passed=frozenset(reading.passed),
        )
        is_complete = window.add(*part, begins, most)
        most = MOST
        if is_complete:
            count, enough = count * GROWTH, None
            last = {name: version - 1 for name, version in first.items()}
        yield window
        parts += 1
        if window.begins is None or (reading.accounts and parts == PARTS_OF_ACCOUNTS):
            return
