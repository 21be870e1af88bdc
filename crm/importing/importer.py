"""One import from beginning to end: read, compare, write, verify.

Accounts come first, then what belongs to them, in chunks of some thousand rows. Each chunk costs
three statements: compare, write, verify. Every step is safe to repeat: to finish an import that
ended half-way, run it again.

Where the warehouse has transactions, an import that one statement can carry is written as one
transaction: all of it or nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from crm.model.schema import TABLES, Table
from crm.repository import atomic, operations, summaries
from crm.repository.atomic import NotAtomic, Statement
from crm.repository.chunks import BYTES as CHUNK_BYTES
from crm.repository.chunks import ROWS as CHUNK_ROWS
from crm.repository.operations import Operation
from crm.repository.steps import insist
from crm.repository.transfer import upsert
from crm.repository.transfer.upsert import DIFFERENT
from crm.warehouse import Warehouse

from . import lost, sources
from .chunks import Chunk, chunks, read_ahead
from .errors import ImportingError, Stopped
from .findings import REFUSED, SKIPPED, Findings, Place
from .mapping.chosen import SourceMapping
from .parts import Source
from .planning import Planned, Planner, require_open_keys
from .reader import Reader
from .readers import own_export
from .results import TableResult
from .rows import CLEAR, KEEP

SKIP, UPDATE, FAIL = "skip", "update", "fail"
ON_CONFLICT = (SKIP, UPDATE, FAIL)
EMPTY = (KEEP, CLEAR)


@dataclass(frozen=True)
class Options:
    """How to import.

    ``on_conflict``: what to do with rows that exist with different values.
    ``strict``: import nothing if any row is refused.
    ``mapping``: how to read the source, before all other rules.
    ``taken``: of which fields (``table.column``) the file's value is stored where the file and
    somebody here changed them: see stale.
    ``empty``: what an empty cell does, KEEP or CLEAR what is stored; without it, the files that
    this app exported clear, and all others keep.
    """

    on_conflict: str = SKIP
    dry_run: bool = False
    strict: bool = False
    mapping: SourceMapping = SourceMapping()
    taken: Collection[str] = ()
    empty: str = ""


# Called for each chunk when it is written, with the state that each of its rows had before.
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
    with sources.opened(path, options.mapping) as source:
        keep_audit = own_export.is_own_export(path)
        operation = operation or operations.of_many(wh, operations.IMPORT)
        require_open_keys(operation)
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
    """One pass over the source."""

    wh: Warehouse
    source: Source
    options: Options
    findings: Findings
    keep_audit: bool
    watch: Watch
    should_stop: Callable[[], bool]
    operation: Operation
    written: int = 0
    results: dict[Table, TableResult] = field(
        default_factory=lambda: {table: TableResult(table) for table in TABLES}
    )

    def all_tables(self) -> list[TableResult]:
        for file, reason in self.source.ignored:
            self.findings.add(SKIPPED, "", Place(file), reason)
        lost.count(self.source, self.findings)
        reader = Reader(self.source, self.findings, self.options.empty)
        coming = self._chunks(reader)
        if not self.options.dry_run and atomic.is_possible(self.wh):
            first, is_all = read_ahead(coming, CHUNK_BYTES)
            if is_all and len(first) > 1:
                self._import_together(reader, first)
                return self._verdicts()
            coming = itertools.chain(first, coming)
        planner = self._planner(reader, is_ahead=self.options.dry_run)
        for table, chunk in coming:
            planned = self._plan(planner, table, chunk)
            if not self.options.dry_run:
                self._write(planned)
            self.watch(table, chunk, planned.states)
            if not self.options.dry_run:
                self._verify(planned)
        return self._verdicts()

    def _chunks(self, reader: Reader) -> Iterator[tuple[Table, Chunk]]:
        for table in TABLES:
            for chunk in chunks(
                table,
                reader.rows(table),
                max_rows=CHUNK_ROWS,
                max_bytes=CHUNK_BYTES,
                keep_audit=self.keep_audit,
            ):
                yield table, chunk

    def _planner(self, reader: Reader, *, is_ahead: bool) -> Planner:
        overwrites = self.options.on_conflict == UPDATE
        return Planner(
            self.wh,
            reader,
            self.findings,
            self.operation,
            overwrites,
            is_ahead,
            self.options.taken,
        )

    def _plan(self, planner: Planner, table: Table, chunk: Chunk) -> Planned:
        self._require_going_on()
        planned = planner.plan(table, chunk)
        result = self.results[table]
        result.states.update(planned.states)
        result.stale = planner.stale.count[table]
        result.conflicts = planner.stale.conflicts_of(table)
        result.cleared = planner.cleared[table]
        return planned

    def _require_going_on(self) -> None:
        if self.should_stop():
            raise Stopped("You asked to stop.")

    def _import_together(self, reader: Reader, given: list[tuple[Table, Chunk]]) -> None:
        """Write all chunks as one transaction or, where the warehouse refuses it, one by one."""
        planner = self._planner(reader, is_ahead=True)
        planned = [self._plan(planner, table, chunk) for table, chunk in given]
        self._require_going_on()
        to_write = [each for each in planned if each.to_write]
        is_written = len(to_write) > 1 and self._write_together(to_write)
        for each in planned:
            if not is_written:
                self._write(each)
            self.watch(each.table, each.chunk, each.states)
        for each in planned:
            self._verify(each)

    def _write_together(self, planned: list[Planned]) -> bool:
        """Write the chunks as one transaction; return False where that is not possible."""
        statements = []
        for number, each in enumerate(planned):
            sql, params = upsert.statement(
                self.wh,
                each.table,
                each.rows,
                self.operation,
                overwrite=self.options.on_conflict == UPDATE,
                sparse=True,
                parameter=f"rows{number}",
            )
            statements.append(Statement(sql, params, each.table))
        try:
            found = insist(self.wh, partial(atomic.run, self.wh, self.operation, statements))
        except NotAtomic:
            return False
        for table, count in found.items():
            self.results[table].written = count
        self.written = sum(found.values())
        return True

    def _write(self, planned: Planned) -> None:
        """Write the chunk. Safe to repeat."""
        if not planned.to_write:
            return
        wh, table, result = self.wh, planned.table, self.results[planned.table]
        overwrite, earlier = self.options.on_conflict == UPDATE, result.written
        write = partial(upsert.upsert, wh, table, planned.rows, self.operation, sparse=True)
        counted = earlier + insist(wh, partial(write, overwrite=overwrite))
        expected = earlier + planned.to_write
        result.written = operations.written_rows(wh, self.operation, table, counted, expected)
        self.written += result.written - earlier

    def _verify(self, planned: Planned) -> None:
        """Compare what the table holds now with the chunk."""
        if not planned.rows:
            return
        table, result = planned.table, self.results[planned.table]
        masked = self.operation.masked(table)
        read = partial(upsert.checksums, self.wh, table, planned.rows, sparse=True, masked=masked)
        sums = insist(self.wh, read)
        # Where somebody inserted a key at the same moment, more rows are found than were given.
        result.checked += planned.checked
        result.found += sums.found
        result.compare(sums.source, sums.warehouse)

    def _verdicts(self) -> list[TableResult]:
        """Return the results, and report of each table whether the warehouse confirms it."""
        for table, result in self.results.items():
            if result.checked:
                self.findings.verdict(table.name, result.verified, result.verdict)
        return list(self.results.values())
