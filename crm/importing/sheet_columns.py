"""Which cells of a sheet's rows belong to which column, and what is odd about its headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .findings import NOTED, SKIPPED, Findings, Place
from .headings import columns_by_index, normal
from .sources import Sheet


class SheetColumns:
    """One sheet's headings. In JSON they may differ from record to record.

    Each oddity of a heading is reported once per sheet. ``given``: normal heading → column.
    """

    def __init__(self, sheet: Sheet, given: Mapping[str, str], findings: Findings) -> None:
        self._sheet, self._given, self._findings = sheet, given, findings
        self._known: dict[tuple[str, ...], dict[str, list[int]]] = {}
        self._reported: set[str] = set()

    def indexes(self, cells: Sequence[tuple[str, Any]]) -> dict[str, list[int]]:
        """Map columns to the indexes of their cells, the most certain heading first."""
        headings = tuple(heading for heading, _ in cells)
        if headings not in self._known:
            columns = columns_by_index(self._sheet.table, headings, self._given)
            self._known[headings] = columns
            known = {index for indexes in columns.values() for index in indexes}
            for index, heading in enumerate(headings):
                if index not in known:
                    plural = self._sheet.table.plural
                    reason = f"“{heading}” is no column of {plural}; not imported"
                    self.report_once(SKIPPED, heading, reason)
                elif normal(heading) in map(normal, headings[:index]):
                    reason = (
                        f"“{heading}” stands over several columns; the first filled one counts"
                    )
                    self.report_once(NOTED, heading, reason)
        return self._known[headings]

    def report_once(self, outcome: str, heading: str, reason: str) -> None:
        if (outcome + heading) not in self._reported:
            self._reported.add(outcome + heading)
            place = Place(self._sheet.file, self._sheet.name)
            self._findings.add(outcome, self._sheet.table.name, place, reason, heading)
