"""Follows an import of a file: what is doubtful before any row is written, and its progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from crm.importing.chunks import Chunk
from crm.importing.doubts import Doubts
from crm.importing.errors import ImportingError
from crm.importing.findings import Findings
from crm.importing.importer import UPDATE, Options
from crm.importing.results import TableResult
from crm.model.schema import Table
from crm.repository.transfer.upsert import DIFFERENT, NEW, UNCHANGED

from ._import_progress import Output, Progress


@dataclass
class Look:
    """A look at all rows before any is written: nothing is written where there are doubts."""

    doubts: Doubts
    reading: Progress
    chosen: Options
    say_doubtful: Callable[[str], None]

    def watch(self, table: Table, chunk: Chunk, states: list[str]) -> None:
        self.doubts.watch(table, chunk, states)
        self.reading.watch(table, chunk, states)

    def say(self, results: list[TableResult], findings: Findings) -> list[str]:
        self.reading.done()
        found = self.doubts.found(results, findings)
        for doubt in found:
            self.say_doubtful(doubt)
        return found

    def require(self, results: list[TableResult], findings: Findings) -> None:
        if self.say(results, findings) and brings_rows(results, self.chosen):
            raise ImportingError(
                "Nothing was imported, as it may not be what you want: see above. "
                "--accept-doubts imports it all the same."
            )


@dataclass
class Writing:
    """The progress of writing, which begins with the first chunk: of as many rows as were
    read."""

    output: Output
    reading: Progress
    progress: Progress | None = None

    def watch(self, table: Table, chunk: Chunk, states: list[str]) -> None:
        if self.progress is None:
            self.progress = Progress(self.output, "Importing", self.reading.rows)
        self.progress.watch(table, chunk, states)

    def done(self) -> None:
        if self.progress:
            self.progress.done()


def brings_rows(results: list[TableResult], chosen: Options) -> bool:
    """Return whether the tables hold, or would hold, some row as the source has it."""
    states = sum((result.states for result in results), Counter[str]())
    changes = states[DIFFERENT] if chosen.on_conflict == UPDATE else 0
    return bool(states[NEW] or states[UNCHANGED] or changes)
