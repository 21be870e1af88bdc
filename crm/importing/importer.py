"""One import from beginning to end: read, compare, write, verify.

Accounts come first, then what belongs to them, in chunks of some thousand rows. Each chunk costs
three statements: compare, write, verify. Every step is safe to repeat: to finish an import that
ended half-way, run it again.

Where the warehouse has transactions, an import that one statement can carry is written as one
transaction: all of it or nothing.

Where all rows have to be looked at before the first is written, up to LOOK_BYTES of them are kept
in memory meanwhile; a larger source is read twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from crm.model.schema import TABLES, Table
from crm.repository import atomic, operations, summaries
from crm.repository.chunks import BYTES as CHUNK_BYTES
from crm.repository.chunks import ROWS as CHUNK_ROWS
from crm.repository.operations import Operation
from crm.repository.steps import noted
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
from .watching import Look, Watch, watch_nothing
from .writing import Writer

LOOK_BYTES = 16 * 2**20
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
    ``since``: when a person saw what the import would do, as ISO text: what was changed here later
    is not overwritten.
    """

    on_conflict: str = SKIP
    dry_run: bool = False
    strict: bool = False
    mapping: SourceMapping = SourceMapping()
    taken: Collection[str] = ()
    empty: str = ""
    since: str = ""


def _never() -> bool:
    return False


def run(
    wh: Warehouse,
    path: Path,
    options: Options,
    findings: Findings,
    watch: Watch = watch_nothing,
    should_stop: Callable[[], bool] = _never,
    operation: Operation | None = None,
    look: Look | None = None,
) -> list[TableResult]:
    """Import the file, folder or archive at ``path``; return the result of each table.

    Raises ImportingError before anything is written if the source cannot be read, a row is
    refused under ``strict``, rows differ under ``on_conflict=fail``, or ``look`` requires it;
    ``findings`` then cover all rows. Calls ``should_stop`` before each chunk, and raises Stopped
    if it returns True; rows written by then stay. Raises WarehouseError. Without ``operation``
    this is one of its own.
    """
    with sources.opened(path, options.mapping) as source:
        keep_audit = own_export.is_own_export(path)
        operation = operation or operations.of_many(wh, operations.IMPORT)
        require_open_keys(operation)
        run = _Run(wh, source, options, findings, keep_audit, watch, should_stop, operation)
        if options.dry_run:
            return run.all_tables()
        if look or options.strict or options.on_conflict == FAIL:
            run = _looked_at(run, look)
        with noted(wh, operation, lambda: summaries.imported(run.writer.written, path.name)):
            return run.all_tables()


def _looked_at(run: _Run, look: Look | None) -> _Run:
    """Look at all rows, and return the run that writes them. Raises ImportingError."""
    options, findings, watch = run.options, run.findings, look.watch if look else watch_nothing
    # What is overwritten is compared again just before: somebody may edit it meanwhile.
    if options.on_conflict == UPDATE:
        options = replace(options, since=options.since or upsert.moment(run.wh))
    if options.on_conflict != UPDATE and run.plan_ahead(LOOK_BYTES, watch):
        results, to_write = list(run.results.values()), run
    else:
        findings.restart()
        results = run.anew(replace(options, dry_run=True), watch).all_tables()
        to_write = run.anew(options, run.watch)
    require_allowed(results, options, findings)
    if look:
        look.require(results, findings)
    if to_write is not run:
        findings.restart()
    return to_write


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
    results: dict[Table, TableResult] = field(
        default_factory=lambda: {table: TableResult(table) for table in TABLES}
    )

    def __post_init__(self) -> None:
        self._planned: list[Planned] | None = None
        self._reader: Reader | None = None
        self._coming: Iterator[tuple[Table, Chunk]] = iter(())
        overwrites = self.options.on_conflict == UPDATE
        given = (self.wh, self.operation, self.findings, self.results, overwrites)
        self.writer = Writer(*given)

    def anew(self, options: Options, watch: Watch) -> _Run:
        """Return another run over the same source."""
        given = (self.wh, self.source, options, self.findings, self.keep_audit, watch)
        return _Run(*given, self.should_stop, self.operation)

    def plan_ahead(self, most: int, watch: Watch = watch_nothing) -> bool:
        """Compare all rows, to be written later, unless they have more than ``most`` bytes.

        Returns whether they have not.
        """
        reader = self._start()
        first, is_all = read_ahead(self._coming, most)
        if not is_all:
            self._coming = itertools.chain(first, self._coming)
            return False
        planner, self._planned = self._planner(reader, is_ahead=True), []
        for table, chunk in first:
            self._planned.append(self._plan(planner, table, chunk))
            watch(table, chunk, self._planned[-1].states)
        return True

    def _start(self) -> Reader:
        """Return the reader of the source, and begin to read on the first call."""
        if self._reader is None:
            for file, reason in self.source.ignored:
                self.findings.add(SKIPPED, "", Place(file), reason)
            lost.count(self.source, self.findings)
            self._reader = Reader(self.source, self.findings, self.options.empty)
            self._coming = self._chunks(self._reader)
        return self._reader

    def all_tables(self) -> list[TableResult]:
        reader, is_dry = self._start(), self.options.dry_run
        if self._planned is None and not is_dry and atomic.is_possible(self.wh):
            self.plan_ahead(CHUNK_BYTES)
        if self._planned is not None:
            self._write_planned(self._planned)
            return self._verdicts()
        planner = self._planner(reader, is_ahead=is_dry)
        for table, chunk in self._coming:
            planned = self._plan(planner, table, chunk)
            if not is_dry:
                self.writer.write(planned)
            self.watch(table, chunk, planned.states)
            if not is_dry:
                self.writer.verify(planned)
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
            self.options.since,
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

    def _write_planned(self, planned: list[Planned]) -> None:
        """Write all chunks as one transaction or, where that is not possible, one by one."""
        self._require_going_on()
        to_write = [each for each in planned if each.to_write]
        fit = len(to_write) > 1 and sum(each.chunk.size for each in planned) <= CHUNK_BYTES
        writer = self.writer
        is_written = fit and atomic.is_possible(self.wh) and writer.write_together(to_write)
        for each in planned:
            if not is_written:
                self._require_going_on()
                writer.write(each)
            self.watch(each.table, each.chunk, each.states)
        for each in planned:
            writer.verify(each)

    def _verdicts(self) -> list[TableResult]:
        """Return the results, and report of each table whether the warehouse confirms it."""
        for table, result in self.results.items():
            if result.checked:
                self.findings.verdict(table.name, result.verified, result.verdict)
        return list(self.results.values())
