"""One import from beginning to end: read, compare, write, verify.

Accounts come first, then what belongs to them, in chunks of some thousand rows. Each chunk costs
three statements: compare, write, verify. Every step is safe to repeat: to finish an import that
ended half-way, run it again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import operations, summaries
from crm.repository.chunks import BYTES as CHUNK_BYTES
from crm.repository.chunks import ROWS as CHUNK_ROWS
from crm.repository.operations import Operation
from crm.repository.similar_keys import similar_keys
from crm.repository.steps import insist
from crm.repository.transfer import upsert
from crm.repository.transfer.natural_keys import NATURAL_KEYS, Key, natural_key, stored_ids
from crm.repository.transfer.upsert import DIFFERENT, HIDDEN, NEW, OF_HIDDEN, ORPHAN, UNCHANGED
from crm.warehouse import Warehouse

from . import masks, sources
from .chunks import Chunk, chunks, json_array
from .cleaning import Conventions
from .errors import ImportingError, Stopped
from .findings import CHANGED, NOTED, REFUSED, SKIPPED, Findings, Place
from .readers import own_export
from .rows import CleanRow, Reader, has_made_id

SKIP, UPDATE, FAIL = "skip", "update", "fail"
ON_CONFLICT = (SKIP, UPDATE, FAIL)


@dataclass(frozen=True)
class Options:
    """How to import.

    ``on_conflict``: what to do with rows that exist with different values.
    ``strict``: import nothing if any row is refused.
    ``headings``: normal heading → column, before all other rules.
    ``date_order``: dates.MONTH_FIRST or DAY_FIRST; empty: by the dates of each column.
    ``zone``: the time zone of times that name none.
    """

    on_conflict: str = SKIP
    dry_run: bool = False
    strict: bool = False
    headings: dict[str, str] = field(default_factory=dict)
    date_order: str = ""
    zone: str = "UTC"

    @property
    def conventions(self) -> Conventions:
        return Conventions(date_order=self.date_order, zone=ZoneInfo(self.zone))


@dataclass
class TableResult:
    """The result of an import for one table, and whether the warehouse confirms it.

    ``states`` counts rows by what they were before (see upsert.classify).
    Of the ``checked`` rows that the table should hold now, it holds ``found``.
    """

    table: Table
    states: Counter[str] = field(default_factory=Counter)
    written: int = 0
    checked: int = 0
    found: int = 0
    equal: bool = True
    sum_of_source: int = 0
    sum_of_warehouse: int = 0

    @property
    def verified(self) -> bool:
        return self.found == self.checked and self.equal

    @property
    def verdict(self) -> str:
        """Return counts and checksums (xxHash64, combined by XOR), as the warehouse computed
        them."""
        source, stored = (
            f"{value & 0xFFFF_FFFF_FFFF_FFFF:016x}"
            for value in (self.sum_of_source, self.sum_of_warehouse)
        )
        sums = f"equal checksums, {source}" if self.equal else f"checksums {source} and {stored}"
        rows = f"{self.found:,} of {self.checked:,} rows found"
        return f"{self.found:,} rows, {sums}" if self.verified else f"{rows}, {sums}"

    def compare(self, source: int | None, warehouse: int | None) -> None:
        """Add the checksums of some rows, None where there are no rows."""
        self.equal &= source == warehouse
        self.sum_of_source ^= source or 0
        self.sum_of_warehouse ^= warehouse or 0


# Called after each chunk, with the state that each of its rows had before.
Watch = Callable[[Table, Chunk, list[str]], None]


def _watch_nothing(table: Table, chunk: Chunk, states: list[str]) -> None:
    pass


def _never() -> bool:
    return False


def run(
    wh: Warehouse,
    path: Path,
    options: Options,
    findings: Findings,
    watch: Watch = _watch_nothing,
    should_stop: Callable[[], bool] = _never,
    operation: Operation | None = None,
) -> list[TableResult]:
    """Import the file, folder or archive at ``path``; return the result of each table.

    Raises ImportingError before anything is written if the source cannot be read, a row is
    refused under ``strict``, or rows differ under ``on_conflict=fail``; ``findings`` then cover
    all rows. Calls ``should_stop`` before each chunk, and raises Stopped if it returns True; rows
    written by then stay. Raises WarehouseError. Without ``operation`` this is one of its own.
    """
    with sources.opened(path, options.headings, options.conventions) as source:
        keep_audit = own_export.is_own_export(path)
        operation = operation or operations.of_many(wh, operations.IMPORT)
        masks.require_open_keys(operation)
        if not options.dry_run and (options.strict or options.on_conflict == FAIL):
            rehearsal = replace(options, dry_run=True)
            run = _Run(
                wh, source, rehearsal, findings, keep_audit, _watch_nothing, should_stop, operation
            )
            require_allowed(run.all_tables(), options, findings)
            findings.restart()
        run = _Run(wh, source, options, findings, keep_audit, watch, should_stop, operation)
        if options.dry_run:
            return run.all_tables()
        with operations.noted(wh, operation, lambda: summaries.imported(run.written, path.name)):
            return run.all_tables()


def require_allowed(results: list[TableResult], options: Options, findings: Findings) -> None:
    """Raise ImportingError if ``options`` forbid to import what a dry run found."""
    if options.strict and (refused := findings.count(REFUSED)):
        rows = "1 row is" if refused == 1 else f"{refused:,} rows are"
        raise ImportingError(
            f"{rows} refused, so nothing was imported (strict). "
            f"The first: {findings.by_weight()[0]}"
        )
    different = sum(result.states[DIFFERENT] for result in results)
    if options.on_conflict == FAIL and different:
        rows = "1 row already exists" if different == 1 else f"{different:,} rows already exist"
        raise ImportingError(f"{rows} with different values, so nothing was imported.")


@dataclass
class _Run:
    """One pass over the source. ``coming_accounts`` are those that a dry run would add."""

    wh: Warehouse
    source: sources.Source
    options: Options
    findings: Findings
    keep_audit: bool
    watch: Watch
    should_stop: Callable[[], bool]
    operation: Operation
    coming_accounts: set[str | None] = field(default_factory=set)
    written: int = 0

    def all_tables(self) -> list[TableResult]:
        for file, reason in self.source.ignored:
            self.findings.add(SKIPPED, "", Place(file), reason)
        reader = Reader(self.source, self.findings, self.options.headings)
        results = []
        for table in TABLES:
            result = TableResult(table)
            for chunk in self._chunks(reader, table):
                if self.should_stop():
                    raise Stopped("You asked to stop.")
                self.watch(table, chunk, self._import_chunk(table, chunk, result))
            if result.checked:
                self.findings.verdict(table.name, result.verified, result.verdict)
            results.append(result)
        return results

    def _chunks(self, reader: Reader, table: Table) -> Iterator[Chunk]:
        return chunks(
            table,
            reader.rows(table),
            max_rows=CHUNK_ROWS,
            max_bytes=CHUNK_BYTES,
            keep_audit=self.keep_audit,
        )

    def _import_chunk(self, table: Table, chunk: Chunk, result: TableResult) -> list[str]:
        """Write the chunk, unless this is a dry run. Return the state that each row had before."""
        if table in NATURAL_KEYS:
            self._find_ids(table, chunk)
        wh, masked = self.wh, self.operation.masked(table)
        given = json_array(chunk.texts)
        states = upsert.classify(wh, table, given, sparse=True, masked=masked)
        states = [
            self._state(table, row, state) for row, state in zip(chunk.rows, states, strict=True)
        ]
        self._add_findings(table, chunk, states)
        to_write = {NEW, DIFFERENT} if self.options.on_conflict == UPDATE else {NEW}
        rows_and_states = zip(chunk.texts, states, strict=True)
        texts = [text for text, state in rows_and_states if state in {*to_write, UNCHANGED}]
        result.states.update(states)
        if self.options.dry_run or not texts:
            return states
        rows = json_array(texts)
        if any(state in to_write for state in states):
            overwrite, earlier = self.options.on_conflict == UPDATE, result.written
            expected = earlier + sum(state in to_write for state in states)
            write = partial(upsert.upsert, wh, table, rows, self.operation, sparse=True)
            counted = earlier + insist(wh, partial(write, overwrite=overwrite))
            result.written = operations.written_rows(wh, self.operation, table, counted, expected)
            self.written += result.written - earlier
        sums = insist(wh, partial(upsert.checksums, wh, table, rows, sparse=True, masked=masked))
        # Where somebody inserted a key at the same moment, more rows are found than were given.
        result.checked += len(texts)
        result.found += sums.found
        result.compare(sums.source, sums.warehouse)
        return states

    def _find_ids(self, table: Table, chunk: Chunk) -> None:
        """Give rows that have no id in the file the ids of the stored rows with the same natural
        key, if exactly one row in the file and one stored row remain unmatched."""
        made: dict[Key, dict[str | None, int]] = defaultdict(dict)
        for n, row in enumerate(chunk.rows):
            if has_made_id(table, row):
                made[natural_key(table, row)][row["id"]] = n
        if not made:
            return
        for key, stored in stored_ids(self.wh, table, made).items():
            left = stored - made[key].keys()
            rows = [n for id, n in made[key].items() if id not in stored]
            if len(left) == len(rows) == 1:
                chunk.set_id(table, rows[0], left.pop())
                labels = [table.column(name).label for name in NATURAL_KEYS[table]]
                reason = f"matches the stored {table.singular} with the same {', '.join(labels)}"
                self.findings.add(CHANGED, table.name, chunk.places[rows[0]], reason, "id")

    def _state(self, table: Table, row: CleanRow, state: str) -> str:
        """Return the row's state. A dry run counts accounts that it would add as existing."""
        if not self.options.dry_run:
            return state
        if table is ACCOUNTS:
            self.coming_accounts.add(row[table.key])
        elif state == ORPHAN and row[table.parent_key] in self.coming_accounts:
            return NEW
        return state

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
            elif state == DIFFERENT and self.options.on_conflict != UPDATE:
                reason = "already exists with different values; left as it is"
                self.findings.add(SKIPPED, table.name, place, reason)
            elif state == NEW and table is ACCOUNTS and bsnid in similar:
                reason = (
                    f"is new, but its key differs from that of account {similar[bsnid]} only in "
                    "case or blanks"
                )
                self.findings.add(NOTED, table.name, place, reason, table.key)
            if state == NEW or (
                state not in (ORPHAN, HIDDEN, OF_HIDDEN) and self.options.on_conflict == UPDATE
            ):
                masks.note_values(self.findings, self.operation, table, place, row, state)

    def _similar_keys(self, table: Table, chunk: Chunk, states: list[str]) -> dict[str, str]:
        """Find stored keys that nearly equal the keys of new accounts, or of the accounts that
        orphans name."""
        wanted = NEW if table is ACCOUNTS else ORPHAN
        name = table.parent_key or table.key
        rows_and_states = zip(chunk.rows, states, strict=True)
        keys = {row[name] or "" for row, state in rows_and_states if state == wanted}
        return similar_keys(self.wh, keys) if keys else {}
