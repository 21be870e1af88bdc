"""An import from beginning to end: read, compare, take in, verify.

Accounts go first, then what belongs to them, in chunks of some thousand rows; each chunk costs
three statements (compare, take in, verify). Every step may be repeated: an import that died
half-way is simply run again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository.transfer import upsert
from crm.repository.transfer.upsert import DIFFERENT, NEW, ORPHAN, UNCHANGED
from crm.warehouse import Warehouse

from . import sources
from .chunks import Chunk, chunks, together
from .errors import ImportingError
from .findings import REFUSED, SKIPPED, Findings, Place
from .readers import own_export
from .rows import Reader

CHUNK_ROWS = 5_000
# Well under the 1 MB that a statement's parameters may have together.
CHUNK_BYTES = 800_000

SKIP, UPDATE, FAIL = "skip", "update", "fail"
ON_CONFLICT = (SKIP, UPDATE, FAIL)


@dataclass(frozen=True)
class Options:
    """``on_conflict``: what becomes of rows that are there already and say something else.
    ``headings``: normal heading → column, before all other rules."""

    on_conflict: str = SKIP
    dry_run: bool = False
    strict: bool = False
    headings: dict[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """What an import did to one table, and whether the warehouse confirms it."""

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
        """Counts and checksums (xxHash64, combined by XOR), as the warehouse computed them."""
        source, stored = (
            f"{value & 0xFFFF_FFFF_FFFF_FFFF:016x}"
            for value in (self.sum_of_source, self.sum_of_warehouse)
        )
        sums = f"equal checksums, {source}" if self.equal else f"checksums {source} and {stored}"
        rows = f"{self.found:,} of {self.checked:,} rows found"
        return f"{self.found:,} rows, {sums}" if self.verified else f"{rows}, {sums}"

    def compare(self, source: int | None, warehouse: int | None) -> None:
        """Take in the checksums of some rows; None where there are none."""
        self.equal &= source == warehouse
        self.sum_of_source ^= source or 0
        self.sum_of_warehouse ^= warehouse or 0


# Told of each chunk when it is done, with the state of each of its rows.
Watch = Callable[[Table, Chunk, list[str]], None]


def _nobody(*_: object) -> None:
    pass


def run(
    wh: Warehouse,
    path: Path,
    options: Options,
    findings: Findings,
    watch: Watch = _nobody,
    before_chunk: Callable[[], None] = _nobody,
) -> list[Outcome]:
    """Raises ImportingError before anything is written: the source cannot be read, a row is
    refused under ``strict``, or rows differ under ``on_conflict=fail``. ``findings`` then hold
    what there is to say of all rows.

    What ``before_chunk`` raises ends the import; what was written stays.
    """
    with sources.opened(path) as source:
        literal = own_export.is_one(path)
        if not options.dry_run and (options.strict or options.on_conflict == FAIL):
            rehearsal = replace(options, dry_run=True)
            run = _Run(wh, source, rehearsal, findings, literal, _nobody, before_chunk)
            stop_if_unwanted(run.all_tables(), options, findings)
            _begin_again(findings)
        return _Run(wh, source, options, findings, literal, watch, before_chunk).all_tables()


def stop_if_unwanted(outcomes: list[Outcome], options: Options, findings: Findings) -> None:
    """Raises ImportingError where ``options`` want no import at all, rather than of a part."""
    if options.strict and (refused := findings.count(REFUSED)):
        raise ImportingError(
            f"{_rows(refused)} refused, so nothing was imported (strict). "
            f"The first: {findings.by_weight()[0]}"
        )
    different = sum(outcome.states[DIFFERENT] for outcome in outcomes)
    if options.on_conflict == FAIL and different:
        raise ImportingError(
            f"{_rows(different)} there already and say{'s' if different == 1 else ''} something "
            "else, so nothing was imported."
        )


def _rows(number: int) -> str:
    return "1 row is" if number == 1 else f"{number:,} rows are"


def _begin_again(findings: Findings) -> None:
    """The rehearsal went well: what is found counts from here."""
    findings.__exit__(None, None, None)
    findings.counts.clear()
    findings.first.clear()
    findings.__enter__()


@dataclass
class _Run:
    wh: Warehouse
    source: sources.Source
    options: Options
    findings: Findings
    literal: bool
    watch: Watch
    before_chunk: Callable[[], None]
    # The accounts that a dry run would have added by now.
    coming: set[str] = field(default_factory=set)

    def all_tables(self) -> list[Outcome]:
        for file, reason in self.source.ignored:
            self.findings.add(SKIPPED, "", Place(file), reason)
        reader = Reader(self.source, self.findings, self.options.headings)
        outcomes = []
        for table in TABLES:
            outcome = Outcome(table)
            for chunk in self._chunks(reader, table):
                self.before_chunk()
                self.watch(table, chunk, self._one_chunk(table, chunk, outcome))
            if outcome.checked:
                self.findings.verdict(table.name, outcome.verified, outcome.verdict)
            outcomes.append(outcome)
        return outcomes

    def _chunks(self, reader: Reader, table: Table) -> Iterator[Chunk]:
        return chunks(
            table,
            reader.rows(table),
            most_rows=CHUNK_ROWS,
            most_bytes=CHUNK_BYTES,
            literal=self.literal,
        )

    def _one_chunk(self, table: Table, chunk: Chunk, outcome: Outcome) -> list[str]:
        """Take it in; the state of each row before."""
        states = upsert.classify(self.wh, table, together(chunk.texts), sparse=True)
        wanted = {NEW, DIFFERENT} if self.options.on_conflict == UPDATE else {NEW}
        kept: list[str] = []
        for n, text in enumerate(chunk.texts):
            states[n] = self._judged(table, chunk, n, states[n])
            if states[n] in wanted or states[n] == UNCHANGED:
                kept.append(text)
        outcome.states.update(states)
        if self.options.dry_run or not kept:
            return states
        rows = together(kept)
        if any(state in wanted for state in states):
            overwrite = self.options.on_conflict == UPDATE
            outcome.written += upsert.upsert(
                self.wh, table, rows, overwrite=overwrite, sparse=True
            )
        sums = upsert.checksums(self.wh, table, rows, sparse=True)
        outcome.checked += sums.rows
        outcome.found += sums.found
        outcome.compare(sums.source, sums.warehouse)
        return states

    def _judged(self, table: Table, chunk: Chunk, n: int, state: str) -> str:
        """The state of a row; says what is to be said of it."""
        place, row = chunk.places[n], chunk.rows[n]
        if table is ACCOUNTS:
            if self.options.dry_run:
                self.coming.add(row[table.key])
        elif state == ORPHAN and self.options.dry_run and row[table.parent_key] in self.coming:
            return NEW
        if state == ORPHAN:
            reason = f"its account {row[table.parent_key]} does not exist"
            self.findings.add(REFUSED, table.name, place, reason, table.parent_key)
        elif state == DIFFERENT and self.options.on_conflict != UPDATE:
            reason = "is there already and says something else"
            self.findings.add(SKIPPED, table.name, place, reason)
        return state
