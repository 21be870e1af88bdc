"""What an import has to say about single rows: where, what, and why."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TextIO

from crm.exporting.tabular import harmless

from .errors import ImportingError

# Of each outcome: many harmless remarks must not push out what was refused.
KEPT = 500
COLUMNS = ("outcome", "table", "file", "sheet", "row", "column", "reason")

# Outcomes: the row went in otherwise than it stood; it was left out as unneeded; it was left
# out as wrong; it went in, but somebody should look.
CHANGED, SKIPPED, REFUSED, NOTED = "changed", "skipped", "refused", "noted"
BY_WEIGHT = (REFUSED, NOTED, CHANGED, SKIPPED)


@dataclass(frozen=True)
class Place:
    """Where a row stands. ``row`` counts as the file does: a CSV's first row is its heading;
    in JSON it is the record's key."""

    file: str
    sheet: str = ""
    row: str = ""

    def __str__(self) -> str:
        sheet = f", sheet {self.sheet}" if self.sheet else ""
        return f"{self.file}{sheet}, row {self.row}" if self.row else f"{self.file}{sheet}"


@dataclass(frozen=True)
class Finding:
    outcome: str
    table: str
    place: Place
    reason: str
    column: str = ""

    def __str__(self) -> str:
        column = f", {self.column}" if self.column else ""
        return f"{self.outcome}: {self.place}{column}: {self.reason}"


@dataclass
class Findings:
    """Counts all findings, keeps the first, and writes every one to ``report`` (CSV).

    Use as a context manager; without a report only the first ``KEPT`` of each outcome can be
    listed.
    """

    report: Path | None = None
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: list[Finding] = field(default_factory=list)

    def __enter__(self) -> Findings:
        self._file = self._opened(self.report) if self.report else None
        if self._file:
            self._writer = csv.writer(self._file)
            self._writer.writerow(COLUMNS)
        return self

    def _opened(self, report: Path) -> TextIO:
        try:
            return report.open("w", newline="", encoding="utf-8", errors="replace")
        except OSError as error:
            reason = f"The report cannot be written to {report}: {error.strerror}."
            raise ImportingError(reason) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, outcome: str, table: str, place: Place, reason: str, column: str = "") -> None:
        finding = Finding(outcome, table, place, reason, column)
        self.counts[table, outcome] += 1
        if self.count(outcome) <= KEPT:
            self.first.append(finding)
        self._report(outcome, table, place.file, place.sheet, place.row, column, reason)

    def verdict(self, table: str, verified: bool, reason: str) -> None:
        """What the warehouse says in the end of a table as a whole: a line of the report."""
        self._report("verified" if verified else "NOT verified", table, "", "", "", "", reason)

    def _report(self, *cells: str) -> None:
        if self._file:
            self._writer.writerow([harmless(cell) for cell in cells])

    def by_weight(self) -> list[Finding]:
        """The first of each outcome, what was refused before all else."""
        return sorted(self.first, key=lambda finding: BY_WEIGHT.index(finding.outcome))

    def count(self, outcome: str, table: str = "") -> int:
        return sum(
            n for (of, what), n in self.counts.items() if what == outcome and table in ("", of)
        )
