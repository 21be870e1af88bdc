"""Compare the rows of a chunk with the stored ones, and report what an import does to each.

Columns that a policy of Unity Catalog masks are neither compared nor written: a file may hold what
the mask showed to the person who exported it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository.operations import Operation
from crm.repository.similar_keys import similar_keys
from crm.repository.transfer import upsert
from crm.repository.transfer.natural_keys import NATURAL_KEYS, Key, natural_key, stored_ids
from crm.repository.transfer.upsert import DIFFERENT, HIDDEN, NEW, OF_HIDDEN, ORPHAN, UNCHANGED
from crm.warehouse import Warehouse

from .chunks import Chunk, json_array
from .errors import ImportingError
from .findings import CHANGED, NOTED, REFUSED, SKIPPED, Findings, Place
from .rows import CleanRow, Reader, has_made_id


@dataclass(frozen=True)
class Planned:
    """A chunk that was compared with the stored rows.

    :param states: what each row was before the import; see ``upsert.classify``.
    :param rows: those that the table should hold afterwards, as JSON; empty if there are none.
    :param checked: how many these are, and ``to_write`` how many of them are not stored yet.
    """

    table: Table
    chunk: Chunk
    states: list[str]
    rows: str
    checked: int
    to_write: int


@dataclass
class Planner:
    """Plans the chunks of one import, in the order of the file.

    :param overwrites: whether the import writes over rows that exist with different values.
    :param is_ahead: whether chunks are planned before the ones before them are written: then
        accounts of the file count as existing.
    """

    wh: Warehouse
    reader: Reader
    findings: Findings
    operation: Operation
    overwrites: bool
    is_ahead: bool
    _accounts: set[str | None] = field(default_factory=set)

    def plan(self, table: Table, chunk: Chunk) -> Planned:
        """Compare the chunk, and add to the findings. One to five statements."""
        if table in NATURAL_KEYS:
            self._find_ids(table, chunk)
        states = upsert.classify(
            self.wh,
            table,
            json_array(chunk.texts),
            sparse=True,
            masked=self.operation.masked(table),
            is_coming=self._is_coming(table, chunk),
        )
        self._add_findings(table, chunk, states)
        written = {NEW, DIFFERENT} if self.overwrites else {NEW}
        kept = [
            text
            for text, state in zip(chunk.texts, states, strict=True)
            if state in {*written, UNCHANGED}
        ]
        to_write = sum(state in written for state in states)
        rows = json_array(kept) if kept else ""
        return Planned(table, chunk, states, rows, len(kept), to_write)

    def _is_coming(self, table: Table, chunk: Chunk) -> list[bool]:
        """Return for each row whether its account comes with the import."""
        if not self.is_ahead:
            return []
        if table is ACCOUNTS:
            self._accounts |= {row[table.key] for row in chunk.rows}
            return []
        return [row[table.owner] in self._accounts for row in chunk.rows]

    def _find_ids(self, table: Table, chunk: Chunk) -> None:
        """Give rows that have no id in the file the ids of the stored rows with the same natural
        key, if exactly one row in the chunk and one stored row remain unmatched.

        A stored row that is another row of the file is matched already.
        """
        made: dict[Key, dict[str | None, int]] = defaultdict(dict)
        for n, row in enumerate(chunk.rows):
            if has_made_id(table, row):
                made[natural_key(table, row)][row["id"]] = n
        if not made:
            return
        for key, stored in stored_ids(self.wh, table, made).items():
            left = {id for id in stored if not self.reader.has_read(table, id)}
            rows = [n for id, n in made[key].items() if id not in stored]
            if len(left) == len(rows) == 1:
                id, place = left.pop(), chunk.places[rows[0]]
                chunk.set_id(table, rows[0], id)
                self.reader.note_match(table, id, place)
                labels = [table.column(name).label for name in NATURAL_KEYS[table]]
                reason = f"matches the stored {table.singular} with the same {', '.join(labels)}"
                self.findings.add(CHANGED, table.name, place, reason, "id")

    def _add_findings(self, table: Table, chunk: Chunk, states: list[str]) -> None:
        similar = self._similar_keys(table, chunk, states)
        for place, row, state in zip(chunk.places, chunk.rows, states, strict=True):
            bsnid = row[table.parent_key or table.key] or ""
            if state == ORPHAN:
                reason = f"its account {bsnid} does not exist"
                reason += f", but {similar[bsnid]} does" if bsnid in similar else ""
                self.findings.add(REFUSED, table.name, place, reason, table.parent_key)
            elif state == HIDDEN:
                reason = "already exists, but a row filter hides it from you; left as it is"
                self.findings.add(REFUSED, table.name, place, reason, table.key)
            elif state == OF_HIDDEN:
                reason = f"a row filter hides its account {bsnid} from you; left out"
                self.findings.add(REFUSED, table.name, place, reason, table.parent_key)
            elif state == DIFFERENT and not self.overwrites:
                reason = "already exists with different values; left as it is"
                self.findings.add(SKIPPED, table.name, place, reason)
            elif state == NEW and table is ACCOUNTS and bsnid in similar:
                reason = (
                    f"is new, but its key differs from that of account {similar[bsnid]} only in "
                    "case or blanks"
                )
                self.findings.add(NOTED, table.name, place, reason, table.key)
            if state == NEW or (state not in (ORPHAN, HIDDEN, OF_HIDDEN) and self.overwrites):
                _note_masked(self.findings, self.operation, table, place, row, state)

    def _similar_keys(self, table: Table, chunk: Chunk, states: list[str]) -> dict[str, str]:
        """Find stored keys that nearly equal the keys of new accounts, or of the accounts that
        orphans name."""
        wanted = NEW if table is ACCOUNTS else ORPHAN
        name = table.parent_key or table.key
        rows_and_states = zip(chunk.rows, states, strict=True)
        keys = {row[name] or "" for row, state in rows_and_states if state == wanted}
        return similar_keys(self.wh, keys) if keys else {}


def require_open_keys(operation: Operation) -> None:
    """Raise ImportingError if a policy masks a column that rows are matched by."""
    for table in TABLES:
        needed = {table.key, table.owner, *table.match}
        if masked := needed & operation.masked(table):
            raise ImportingError(
                f"A policy masks {', '.join(sorted(masked))} of {table.name}, so rows cannot be "
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
