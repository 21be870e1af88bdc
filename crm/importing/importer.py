"""An import from beginning to end: read, compare, take in, verify.

Accounts go first, then what belongs to them, in chunks of some thousand rows; each chunk costs
three statements (compare, take in, verify). Every step may be repeated: an import that died
half-way is simply run again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from crm.repository import importing
from crm.repository.importing import DIFFERENT, NEW, ORPHAN, UNCHANGED
from crm.schema import ACCOUNTS, TABLES, Table
from crm.warehouse import Warehouse

from . import sources
from .errors import ImportingError
from .findings import REFUSED, SKIPPED, Findings, Place
from .rows import Clean, Reader

CHUNK_ROWS = 5_000
# Well under the 1 MB that a statement's parameters may have together.
CHUNK_BYTES = 800_000
# As many may be open at once.
CHUNKS_BEGUN = 16

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


@dataclass
class Chunk:
    """Rows that say something of the same columns (``given``)."""

    given: frozenset[str]
    places: list[Place] = field(default_factory=list)
    rows: list[Clean] = field(default_factory=list)
    size: int = 0


# Told of each chunk when it is done, with the state of each of its rows.
Watch = Callable[[Table, Chunk, list[str]], None]


def run(
    wh: Warehouse,
    path: Path,
    options: Options,
    findings: Findings,
    watch: Watch = lambda table, chunk, states: None,
) -> list[Outcome]:
    """Raises ImportingError before anything is written: the source cannot be read, a row is
    refused under ``strict``, or rows differ under ``on_conflict=fail``."""
    with sources.opened(path) as source:
        for file, reason in source.ignored:
            findings.add(SKIPPED, "", Place(file), reason)
        if not options.dry_run and (options.strict or options.on_conflict == FAIL):
            _rehearse(wh, source, options)
        reader = Reader(source, findings, options.headings)
        return _all_tables(wh, reader, options, findings, watch)


def _rehearse(wh: Warehouse, source: sources.Source, options: Options) -> None:
    with Findings() as findings:
        reader = Reader(source, findings, options.headings)
        rehearsal = Options(dry_run=True, headings=options.headings)
        outcomes = _all_tables(wh, reader, rehearsal, findings)
    if options.strict and (refused := findings.count(REFUSED)):
        raise ImportingError(
            f"{refused} rows are refused, so nothing was imported "
            f"(strict). The first: {findings.by_weight()[0]}"
        )
    different = sum(outcome.states[DIFFERENT] for outcome in outcomes)
    if options.on_conflict == FAIL and different:
        raise ImportingError(
            f"{different} rows are there already and say something else, so nothing was imported."
        )


def _all_tables(
    wh: Warehouse,
    reader: Reader,
    options: Options,
    findings: Findings,
    watch: Watch = lambda table, chunk, states: None,
) -> list[Outcome]:
    coming: set[str] = set()
    outcomes = []
    for table in TABLES:
        outcome = Outcome(table)
        for chunk in _chunks(table, reader.rows(table)):
            watch(table, chunk, _one_chunk(wh, table, chunk, options, findings, outcome, coming))
        if outcome.checked:
            findings.verdict(table.name, outcome.verified, outcome.verdict)
        outcomes.append(outcome)
    return outcomes


def _one_chunk(
    wh: Warehouse,
    table: Table,
    chunk: Chunk,
    options: Options,
    findings: Findings,
    outcome: Outcome,
    coming: set[str],
) -> list[str]:
    """The state of each row. ``coming`` collects the accounts that a dry run would have added
    by now."""
    states = importing.classify(wh, table, _as_json(table, chunk.rows), chunk.given)
    wanted = {NEW} | ({UPDATE: {DIFFERENT}}.get(options.on_conflict) or set())
    kept: list[Clean] = []
    for n, (place, row) in enumerate(zip(chunk.places, chunk.rows, strict=True)):
        if states[n] == ORPHAN and options.dry_run and row[table.parent_key] in coming:
            states[n] = NEW
        state = states[n]
        outcome.states[state] += 1
        if state == ORPHAN:
            reason = f"its account {row[table.parent_key]} does not exist"
            findings.add(REFUSED, table.name, place, reason, table.parent_key)
        elif state == DIFFERENT and options.on_conflict != UPDATE:
            findings.add(SKIPPED, table.name, place, "is there already and says something else")
        if table is ACCOUNTS:
            coming.add(row["bsnid"])
        if state in wanted or state == UNCHANGED:
            kept.append(row)
    if options.dry_run or not kept:
        return states
    text = _as_json(table, kept)
    if any(state in wanted for state in states):
        overwrite = options.on_conflict == UPDATE
        outcome.written += importing.take_in(wh, table, text, chunk.given, overwrite=overwrite)
    sums = importing.sums(wh, table, text, chunk.given)
    outcome.checked += sums.rows
    outcome.found += sums.found
    outcome.compare(sums.source, sums.warehouse)
    return states


def _chunks(table: Table, rows: Iterator[tuple[Place, Clean, frozenset[str]]]) -> Iterator[Chunk]:
    """In JSON each record may have other keys: there is an open chunk for each set of them."""
    begun: dict[frozenset[str], Chunk] = {}
    for place, row, given in rows:
        length = len(json.dumps([row[name] for name in table.names], ensure_ascii=False).encode())
        chunk = begun.setdefault(given, Chunk(given))
        if chunk.rows and (chunk.size + length > CHUNK_BYTES or len(chunk.rows) == CHUNK_ROWS):
            yield begun.pop(given)
            chunk = begun[given] = Chunk(given)
        chunk.places.append(place)
        chunk.rows.append(row)
        chunk.size += length + 2
        if len(begun) > CHUNKS_BEGUN:
            yield begun.pop(next(iter(begun)))
    yield from begun.values()


def _as_json(table: Table, rows: list[Clean]) -> str:
    values = [[row[name] for name in table.names] for row in rows]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
