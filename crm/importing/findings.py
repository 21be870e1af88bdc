"""Findings: the values and rows that an import did not store exactly as the file has them, each
with its place and the reason."""

from __future__ import annotations

import csv
import logging
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TextIO

from crm.exporting.tabular import harmless
from crm.model.schema import TABLE_BY_NAME

from .errors import ImportingError

log = logging.getLogger(__name__)

# Findings kept of each outcome, so that many notes do not crowd out the refused rows.
KEPT = 500
# Kinds of findings that are kept, and rows that are named of each.
KINDS, ROWS = 1_000, 10
# Rows whose refusals are kept, to be given back: see refused.
REFUSALS = 100_000
# What findings of one kind may differ in: values and places in quotes, keys, and numbers.
_QUOTED = re.compile(r"“[^”]*”|(?<=account )\S+|\b[\w-]*\d[\w.,:-]*")
COLUMNS = ("outcome", "table", "file", "sheet", "row", "column", "reason")

# Outcomes: a value was stored in another form; something was not needed and not imported; a row
# is wrong and was not imported; a row was imported, but a person should check it.
CHANGED, SKIPPED, REFUSED, NOTED = "changed", "skipped", "refused", "noted"
BY_WEIGHT = (REFUSED, NOTED, CHANGED, SKIPPED)
# The reason of a finding about a table in a file, which is always kept: see doubts.
NO_ROWS = "has no rows"


@dataclass(frozen=True)
class Place:
    """A place in the source. ``row`` is a line number of a CSV file, a row number of a sheet, or
    the key of a JSON record."""

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

    @property
    def label(self) -> str:
        """Return what people call the column; a heading of the file stays as it is."""
        table = TABLE_BY_NAME.get(self.table)
        if table is None or self.column not in table.names:
            return self.column
        return table.column(self.column).label

    def __str__(self) -> str:
        label = f", {self.label}" if self.label else ""
        return f"{self.outcome}: {self.place}{label}: {self.reason}"


@dataclass
class Kind:
    """Findings of one file or sheet that differ only in the values that they quote.

    ``first`` is the first of them, and ``rows`` are the rows of the first ``ROWS``.
    """

    first: Finding
    count: int = 0
    rows: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """Return the place of the only finding, or else the first of their rows."""
        place, label = self.first.place, self.first.label
        if self.count == 1:
            return f"{place}, {label}" if label else str(place)
        whole = str(Place(place.file, place.sheet))
        rows = ", ".join(self.rows) + (", …" if self.count > len(self.rows) else "")
        return f"{whole}, {label}, rows {rows}" if label else f"{whole}, rows {rows}"

    def __str__(self) -> str:
        if self.count == 1:
            return str(self.first)
        return f"{self.first.outcome}, {self.count:,} times: {self.where}: {self.first.reason}"


@dataclass
class Findings:
    """Counts all findings, keeps the first ``KEPT`` of each outcome in ``first`` and the first
    ``KINDS`` kinds, and writes every finding to ``report``, a CSV file, if there is one.
    ``refusals``: why rows were refused, as (table, reason); of the first ``REFUSALS`` places.
    ``lost``: by file or sheet, how many values under which heading are not imported.
    ``report_error``: why there is no report although one was wanted.

    Use as a context manager. Raises ImportingError if the report cannot be written.
    """

    report: Path | None = None
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: list[Finding] = field(default_factory=list)
    kinds: dict[tuple[str, ...], Kind] = field(default_factory=dict)
    refusals: dict[Place, list[tuple[str, str]]] = field(default_factory=dict)
    lost: dict[str, dict[str, int]] = field(default_factory=dict)
    report_error: str = ""

    def __enter__(self) -> Findings:
        self._file, self.report_error = _open(self.report) if self.report else None, ""
        if self._file:
            self._writer = csv.writer(self._file)
            self._writer.writerow(COLUMNS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file:
            try:
                self._file.close()
            except OSError as why:
                self._give_up(why)

    def add(self, outcome: str, table: str, place: Place, reason: str, column: str = "") -> None:
        finding = Finding(outcome, table, place, reason, column)
        self.counts[table, outcome] += 1
        if self.count(outcome) <= KEPT or reason == NO_ROWS:
            self.first.append(finding)
        if outcome == REFUSED and (place in self.refusals or len(self.refusals) < REFUSALS):
            is_named = reason.startswith(finding.label)
            why = reason if is_named else f"{finding.label}: {reason}"
            self.refusals.setdefault(place, []).append((table, why))
        self._add_to_kind(finding)
        self._report(outcome, table, place.file, place.sheet, place.row, finding.label, reason)

    def add_lost(self, place: Place, heading: str, count: int) -> None:
        """Note that so many values under a heading are not imported; ``place`` is the sheet."""
        columns = self.lost.setdefault(str(place), {})
        columns[heading] = columns.get(heading, 0) + count

    def _add_to_kind(self, finding: Finding) -> None:
        place = finding.place
        same = _QUOTED.sub("", finding.reason)
        key = (finding.outcome, finding.table, place.file, place.sheet, finding.column, same)
        kind = self.kinds.get(key)
        if kind is None:
            if len(self.kinds) >= KINDS:
                return
            kind = self.kinds[key] = Kind(finding)
        kind.count += 1
        if len(kind.rows) < ROWS:
            kind.rows.append(place.row)

    def verdict(self, table: str, verified: bool, reason: str) -> None:
        """Write to the report whether the warehouse confirms that it stored a table's rows."""
        self._report("verified" if verified else "NOT verified", table, "", "", "", "", reason)

    def _report(self, *cells: str) -> None:
        if self._file:
            try:
                self._writer.writerow([harmless(cell) for cell in cells])
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Go on without the report: what is imported matters more. A part of it is no report."""
        log.warning("the report of an import was not written: %s", error)
        file, self._file = self._file, None
        self.report_error = error.strerror or str(error)
        with suppress(OSError):
            if file:
                file.close()
        with suppress(OSError):
            if self.report and self.report.is_file():
                self.report.unlink()

    def restart(self) -> None:
        """Drop all findings so far, and begin the report anew."""
        self.__exit__(None, None, None)
        self.counts.clear()
        self.first.clear()
        self.kinds.clear()
        self.refusals.clear()
        self.lost.clear()
        self.__enter__()

    def kinds_by_weight(self) -> list[Kind]:
        """Return the kinds that were kept, refused rows first, then the most frequent."""
        weight = BY_WEIGHT.index
        return sorted(self.kinds.values(), key=lambda k: (weight(k.first.outcome), -k.count))

    def by_weight(self) -> list[Finding]:
        """Return the findings that were kept, refused rows first."""
        return sorted(self.first, key=lambda finding: BY_WEIGHT.index(finding.outcome))

    def count(self, outcome: str, table: str = "") -> int:
        return sum(
            n for (of, what), n in self.counts.items() if what == outcome and table in ("", of)
        )


def _open(report: Path) -> TextIO:
    try:
        return report.open("w", newline="", encoding="utf-8", errors="replace")
    except OSError as error:
        reason = f"The report cannot be written to {report}: {error.strerror}."
        raise ImportingError(reason) from error
