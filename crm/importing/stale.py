"""Stale rows: rows of a file that are older than the stored ones, by their own ``updated_at``.

Somebody has changed the stored row since the file was exported. What the row said then, by time
travel, tells who changed which field: only what the file changed is stored, and what was changed
later stays. Where both changed one field, a person chooses; the later value stays until then.
Where nobody knows what the row said then, it stays as it is.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from crm.model.changes import values_of
from crm.model.schema import Table
from crm.repository._sql import Row
from crm.repository.transfer import upsert
from crm.repository.transfer.earlier_rows import earlier_rows
from crm.repository.transfer.matching.natural_keys import Key, match_key
from crm.repository.transfer.upsert import DIFFERENT, NEW, UNCHANGED, Compared
from crm.warehouse import Warehouse

from .chunks import Chunk, json_array
from .findings import CHANGED, NOTED, SKIPPED, Findings
from .memory import Memory

# The state of a stale row that is left as it is.
STALE = "stale"
# At how many moments rows of a file are looked for that were deleted since.
MOMENTS = 3

Values = Mapping[str, str]


@dataclass
class StaleRows:
    """Merges the stale rows of one import.

    :param overwrites: whether the import writes over rows that exist with different values.
    :param taken: of which fields, as ``table.column``, the file's value is stored where both
        changed it.
    """

    wh: Warehouse
    findings: Findings
    memory: Memory
    overwrites: bool
    taken: Collection[str]
    count: Counter[Table] = field(default_factory=Counter)
    _conflicts: Counter[tuple[Table, str]] = field(default_factory=Counter)

    def conflicts_of(self, table: Table) -> dict[str, int]:
        """Return how often the file and somebody here changed a column, by its name."""
        return {name: n for (of, name), n in self._conflicts.items() if of is table}

    def merge(
        self, table: Table, chunk: Chunk, compared: Sequence[Compared], masked: Collection[str]
    ) -> dict[int, str]:
        """Leave out of the stale rows what must not be stored; return their states.

        The time of a status may be that of its onboarding: no row is older for that. Without
        stale rows no statement, else four to nine.
        """
        if "updated_at" in masked:
            return {}
        stale = [
            n
            for n, each in enumerate(compared)
            if each.state == DIFFERENT
            and _is_stale(chunk, n, each.stored_at)
            and not self.memory.has_since(table, chunk.rows[n])
        ]
        self.count[table] += len(stale)
        if not stale:
            return {}
        if not self.overwrites:
            for n in stale:
                self._add(table, chunk, n, SKIPPED, "is older than the stored row; left as it is")
            return dict.fromkeys(stale, DIFFERENT)
        names = [
            name
            for name in table.own_names
            if name not in masked and name not in (table.key, *table.match)
        ]
        rows = json_array(chunk.texts[n] for n in stale)
        stored = _by_key(table, upsert.stored_rows(self.wh, table, rows))
        before = self._before(table, chunk, {n: compared[n].stored_at for n in stale})
        return {
            n: self._merged(
                table, chunk, n, names, stored, before.get(n), is_later=compared[n].is_later
            )
            for n in stale
        }

    def _before(
        self, table: Table, chunk: Chunk, stored_at: Mapping[int, dt.datetime | None]
    ) -> dict[int, Row]:
        """Map the rows to what they said when the file was exported, as far as that is known.

        All rows of one export are in the version from which the newest of them was exported. Rows
        from elsewhere are in the last version in which nobody had changed any of them.
        """
        found: dict[int, Row] = {}
        for is_before in (False, True):
            left = [n for n in stored_at if n not in found]
            if not left:
                break
            if is_before:
                moment = min(changed for n in left if (changed := stored_at[n]))
            else:
                moment = max(_latest(chunk, n) for n in left)
            texts = json_array(chunk.texts[n] for n in left)
            earlier = earlier_rows(self.wh, table, texts, moment, is_before=is_before)
            rows = _by_key(table, earlier)
            for n in left:
                row = rows.get(match_key(table, chunk.rows[n]))
                if row and _is_of(chunk, n, row["updated_at"]):
                    found[n] = row
        return found

    def _merged(
        self,
        table: Table,
        chunk: Chunk,
        n: int,
        names: Sequence[str],
        stored: Mapping[Key, Row],
        before: Row | None,
        *,
        is_later: bool,
    ) -> str:
        """Merge one row; return its state. Where the stored row ``is_later``, nobody has seen its
        conflicts, and no value of the file is taken."""
        now = values_of(table, stored.get(match_key(table, chunk.rows[n])))
        then = values_of(table, before)
        if now is None or then is None:
            why = "its values at the time of the export are unknown"
            reason = f"is older than the stored row, and {why}; left as it is"
            self._add(table, chunk, n, SKIPPED, reason)
            return STALE
        self._add(table, chunk, n, CHANGED, "is older than the stored row; merged with it")
        kept, is_written = set(), False
        for name in names:
            value = chunk.rows[n][name] or ""
            if name not in chunk.filled[n] or value == now[name]:
                continue
            taken = () if is_later else self.taken
            if self._is_kept(table, chunk, n, name, value, now[name], then[name], taken):
                kept.add(name)
            else:
                is_written = True
        chunk.leave_out(table, n, kept)
        return DIFFERENT if is_written else UNCHANGED

    def _is_kept(
        self,
        table: Table,
        chunk: Chunk,
        n: int,
        name: str,
        value: str,
        now: str,
        then: str,
        taken: Collection[str],
    ) -> bool:
        """Return whether the stored value of a field stays, and report it."""
        if value == then:
            self._add(table, chunk, n, SKIPPED, "was changed later; the later value stays", name)
            return True
        if now == then:
            return False
        self._conflicts[table, name] += 1
        is_kept = f"{table.name}.{name}" not in taken
        what = "the later value stays" if is_kept else "the file’s value is stored"
        self._add(table, chunk, n, NOTED, f"was changed in the file and later here; {what}", name)
        return is_kept

    def _add(
        self, table: Table, chunk: Chunk, n: int, outcome: str, reason: str, column: str = ""
    ) -> None:
        self.findings.add(outcome, table.name, chunk.places[n], reason, column)


def deleted_since(wh: Warehouse, table: Table, chunk: Chunk, states: Sequence[str]) -> list[int]:
    """Return the new rows that were stored when the file was exported: somebody has deleted them.

    Rows that were added to the file later, or come from elsewhere, may have the latest times: then
    earlier ones are tried. No statement where no new row has a time, else one to seven. Raises
    WarehouseError.
    """
    new = [n for n, state in enumerate(states) if state == NEW and chunk.rows[n]["updated_at"]]
    for _ in range(MOMENTS):
        if not new:
            break
        texts = json_array(chunk.texts[n] for n in new)
        moment = max(_latest(chunk, n) for n in new)
        stored = _by_key(table, earlier_rows(wh, table, texts, moment))
        rows = ((n, stored.get(match_key(table, chunk.rows[n]))) for n in new)
        found = [n for n, row in rows if row and _is_of(chunk, n, row["updated_at"])]
        if found:
            return found
        # No earlier version has a row of this time.
        new = [n for n in new if _latest(chunk, n) < moment]
    return []


def _moment(chunk: Chunk, n: int) -> dt.datetime:
    return dt.datetime.fromisoformat(chunk.rows[n]["updated_at"] or "")


def _latest(chunk: Chunk, n: int) -> dt.datetime:
    """Return the last moment that a row's time may mean: Excel writes times without seconds."""
    moment = _moment(chunk, n)
    if moment.year == dt.MAXYEAR:
        return moment
    if moment.time() == dt.time():
        return moment + dt.timedelta(days=1)
    if moment.microsecond == 0 and moment.second == 0:
        return moment + dt.timedelta(minutes=1)
    if moment.microsecond == 0:
        return moment + dt.timedelta(seconds=1)
    return moment + dt.timedelta(milliseconds=moment.microsecond % 1000 == 0)


def _is_stale(chunk: Chunk, n: int, stored_at: dt.datetime | None) -> bool:
    has_time = chunk.rows[n]["updated_at"] is not None
    return has_time and stored_at is not None and stored_at > _latest(chunk, n)


def _is_of(chunk: Chunk, n: int, updated_at: dt.datetime | None) -> bool:
    return updated_at is not None and _moment(chunk, n) <= updated_at <= _latest(chunk, n)


def _by_key(table: Table, rows: Sequence[Row]) -> dict[Key, Row]:
    return {match_key(table, row): row for row in rows}
