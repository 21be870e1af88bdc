"""Compare the rows of a chunk with the stored ones, and report what an import does to each.

Columns that a policy of Unity Catalog masks are neither compared nor written: a file may hold what
the mask showed to the person who exported it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository.operations import Operation
from crm.repository.similar_keys import similar_keys
from crm.repository.transfer import upsert
from crm.repository.transfer.matching.fold import DIFFERENCES
from crm.repository.transfer.upsert import (
    DIFFERENT,
    HIDDEN,
    NEW,
    OF_HIDDEN,
    ORPHAN,
    UNCHANGED,
    Compared,
)
from crm.warehouse import Warehouse

from . import owners
from .chunks import Chunk, json_array
from .errors import ImportingError
from .findings import CHANGED, NOTED, REFUSED, SKIPPED, Findings, Place
from .matching import Matcher
from .owners import Owners
from .reader import Reader
from .rows import CleanRow
from .stale import StaleRows

# The state of a row that means a stored row that an earlier row means already.
REPEATED = "repeated"
# That of a row which says what holds without it.
IMPLIED = "implied"
# That of a row which differs from what somebody has stored since the import was begun.
MEANWHILE = "changed meanwhile"


@dataclass(frozen=True)
class Planned:
    """A chunk that was compared with the stored rows.

    :param states: what each row was before the import; see ``upsert.classify``.
    :param rows: those that the table should hold afterwards, as ``upsert`` takes them; empty if
        there are none.
    :param numbers: their numbers in the chunk.
    :param to_write: how many of them are not stored yet.
    """

    table: Table
    chunk: Chunk
    states: list[str]
    rows: str
    numbers: list[int]
    to_write: int


@dataclass
class Planner:
    """Plans the chunks of one import, in the order of the file.

    :param overwrites: whether the import writes over rows that exist with different values.
    :param is_ahead: whether chunks are planned before the ones before them are written: then
        accounts of the file count as existing.
    :param taken: see stale.StaleRows.
    :param since: see importer.Options.
    :param cleared: counts the fields whose stored values empty cells clear.
    """

    wh: Warehouse
    reader: Reader
    findings: Findings
    operation: Operation
    overwrites: bool
    is_ahead: bool
    taken: Collection[str] = ()
    since: str = ""
    cleared: Counter[Table] = field(default_factory=Counter)
    _accounts: set[str | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._matcher = Matcher(self.wh, self.reader, self.findings)
        self._owners = Owners(self.wh, self.reader, self.findings)
        self.stale = StaleRows(
            self.wh, self.findings, self.reader.memory, self.overwrites, self.taken
        )

    def plan(self, table: Table, chunk: Chunk) -> Planned:
        """Compare the chunk, and add to the findings. One to sixteen statements."""
        repeats = self._matcher.find_ids(table, chunk, range(len(chunk.rows)))
        compared, refusals = self._classify(table, chunk), dict[int, str]()
        if table.parent_key:
            named, refusals = self._find_owners(table, chunk, compared)
            if named:
                again = {n for n in named if self._is_first(table, chunk, n)}
                repeats |= set(named) - again
                repeats |= self._matcher.find_ids(table, chunk, sorted(again))
                compared = self._classify(table, chunk)
        stale = self.stale.merge(table, chunk, compared, self.operation.masked(table))
        states = [stale.get(n, each.state) for n, each in enumerate(compared)]
        if self.overwrites:
            self._leave_later_ones(table, chunk, states, compared, stale)
        for n in refusals:
            states[n] = ORPHAN
        for n in repeats:
            states[n] = REPEATED
        refusals |= self._not_added(table, chunk, states)
        self._add_findings(table, chunk, states, refusals, stale)
        self._note_cleared(table, chunk, states, compared)
        written = {NEW, DIFFERENT} if self.overwrites else {NEW}
        kept = [n for n, state in enumerate(states) if state in {*written, UNCHANGED}]
        to_write = sum(state in written for state in states)
        rows = json_array(chunk.seen(n, compared[n].version) for n in kept) if kept else ""
        return Planned(table, chunk, states, rows, kept, to_write)

    def _classify(self, table: Table, chunk: Chunk) -> list[Compared]:
        return upsert.classify(
            self.wh,
            table,
            json_array(chunk.texts),
            sparse=True,
            masked=self.operation.masked(table),
            is_coming=self._is_coming(table, chunk),
            has_times=any(row["updated_at"] for row in chunk.rows),
            since=self.since,
        )

    def _find_owners(
        self, table: Table, chunk: Chunk, compared: list[Compared]
    ) -> tuple[list[int], dict[int, str]]:
        """Put the BSNIDs of accounts in place of their teams' names; see owners.Owners.find."""
        orphans = [n for n, each in enumerate(compared) if each.state == ORPHAN]
        named, refusals = self._owners.find(table, chunk, orphans)
        for n, row in enumerate(chunk.rows):
            if n not in refusals and (problem := owners.problem(table, row[table.parent_key])):
                refusals[n] = problem
        return named, refusals

    def _leave_later_ones(
        self,
        table: Table,
        chunk: Chunk,
        states: list[str],
        compared: list[Compared],
        stale: Collection[int],
    ) -> None:
        """Leave alone what was changed after ``since``, but for ``stale`` rows, which are
        merged."""
        for n, each in enumerate(compared):
            if each.is_later and states[n] == DIFFERENT and n not in stale:
                states[n] = MEANWHILE
                reason = "was changed here after the import was previewed; left as it is"
                self.findings.add(SKIPPED, table.name, chunk.places[n], reason)

    def _is_first(self, table: Table, chunk: Chunk, n: int) -> bool:
        return self.reader.is_first(table, chunk.places[n], chunk.rows[n])

    def _is_coming(self, table: Table, chunk: Chunk) -> list[bool]:
        """Return for each row whether its account comes with the import."""
        if not self.is_ahead:
            return []
        if table is ACCOUNTS:
            self._accounts |= {row[table.key] for row in chunk.rows}
            return []
        return [row[table.owner] in self._accounts for row in chunk.rows]

    def _not_added(self, table: Table, chunk: Chunk, states: list[str]) -> dict[int, str]:
        """Change the states of rows that are new, but not added; return why they are refused."""
        refusals: dict[int, str] = {}
        for n, row in enumerate(chunk.rows):
            why = self.reader.memory.why_not_added(table, row) if states[n] == NEW else None
            if why is not None:
                states[n] = ORPHAN if why else IMPLIED
                refusals |= {n: why} if why else {}
        return refusals

    def _note_cleared(
        self, table: Table, chunk: Chunk, states: list[str], compared: list[Compared]
    ) -> None:
        """Name each field whose stored value an empty cell clears."""
        rows = zip(chunk.places, chunk.filled, states, compared, strict=True)
        for place, filled, state, each in rows:
            if state == DIFFERENT and self.overwrites:
                self.cleared[table] += len(filled.intersection(each.cleared))
                for name in filled.intersection(each.cleared):
                    reason = "is empty in the file; the stored value is cleared"
                    self.findings.add(CHANGED, table.name, place, reason, name)

    def _add_findings(
        self,
        table: Table,
        chunk: Chunk,
        states: list[str],
        refusals: Mapping[int, str],
        stale: Collection[int],
    ) -> None:
        """Report what happens to each row, but for ``stale`` ones, which are reported already.

        ``refusals``: why orphans are refused, if not because their account does not exist.
        """
        similar = self._similar_keys(table, chunk, states)
        rows = zip(chunk.places, chunk.rows, states, strict=True)
        for n, (place, row, state) in enumerate(rows):
            bsnid = row[table.owner] or ""
            if n in refusals:
                self.findings.add(REFUSED, table.name, place, refusals[n], table.owner)
            elif state == ORPHAN:
                reason = f"its account {bsnid} does not exist"
                if bsnid in similar:
                    reason += f", but there is {similar[bsnid]}, which differs only in "
                    reason += DIFFERENCES
                self.findings.add(REFUSED, table.name, place, reason, table.parent_key)
            elif state == HIDDEN:
                reason = "already exists, but a row filter hides it from you; left as it is"
                self.findings.add(REFUSED, table.name, place, reason, table.key)
            elif state == OF_HIDDEN:
                reason = f"a row filter hides its account {bsnid} from you; left out"
                self.findings.add(REFUSED, table.name, place, reason, table.parent_key)
            elif state == DIFFERENT and not self.overwrites and n not in stale:
                reason = "already exists with different values; left as it is"
                self.findings.add(SKIPPED, table.name, place, reason)
            elif state == NEW and table is ACCOUNTS:
                self._note_similar(chunk, n, similar.get(bsnid))
            if state == NEW or (state in (DIFFERENT, UNCHANGED) and self.overwrites):
                _note_masked(self.findings, self.operation, table, place, row, state)

    def _note_similar(self, chunk: Chunk, n: int, stored: str | None) -> None:
        """Mark a new account whose key nearly equals a ``stored`` one, or that of another row."""
        if stored or chunk.places[n] in self.reader.similar:
            chunk.similar.add(n)
        if stored:
            reason = "is new, but its key differs from that of account "
            reason += f"{stored} only in {DIFFERENCES}"
            self.findings.add(NOTED, ACCOUNTS.name, chunk.places[n], reason, ACCOUNTS.key)

    def _similar_keys(self, table: Table, chunk: Chunk, states: list[str]) -> dict[str, str]:
        """Find keys that nearly equal others: stored ones for new accounts, and also those of the
        file for the accounts that orphans name."""
        wanted = NEW if table is ACCOUNTS else ORPHAN
        name = table.owner
        rows_and_states = zip(chunk.rows, states, strict=True)
        keys = {row[name] or "" for row, state in rows_and_states if state == wanted}
        similar = {} if table is ACCOUNTS else self.reader.memory.similar_keys(keys)
        return similar | (similar_keys(self.wh, keys) if keys else {})


def require_open_keys(operation: Operation) -> None:
    """Raise ImportingError if a policy masks a column that rows are matched by."""
    for table in TABLES:
        needed = {table.key, table.owner, *table.match}
        if masked := needed & operation.masked(table):
            labels = ", ".join(table.column(name).label for name in sorted(masked))
            raise ImportingError(
                f"A policy masks {labels} of {table.plural}, so rows cannot be "
                "matched. Nothing was imported."
            )


def _note_masked(
    findings: Findings, operation: Operation, table: Table, place: Place, row: CleanRow, state: str
) -> None:
    """Note the row's values that are not stored, because their columns are masked."""
    for name in sorted(operation.masked(table)):
        if row[name] is not None:
            reason = f"masked by a policy; {'stays empty' if state == NEW else 'left as it is'}"
            findings.add(NOTED, table.name, place, reason, name)
