"""Finds the column of each cell in a sheet's rows, and reports odd headings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from crm.model.missing import is_empty
from crm.model.schema import Column

from . import dates
from .cleaning import Conventions
from .findings import NOTED, SKIPPED, Findings, Place
from .headings import IS_LEFT_OUT, LEFT_OUT, columns_by_index, normal
from .raw_rows import Sheet
from .readers import own_export


class SheetColumns:
    """One sheet's headings. In JSON they may differ from record to record.

    Each oddity of a heading is reported once per sheet.
    """

    def __init__(self, sheet: Sheet, findings: Findings) -> None:
        self._sheet, self._findings = sheet, findings
        self._known: dict[tuple[str, ...], dict[str, list[int]]] = {}
        self._reported: set[str] = set()
        self._conventions: dict[str, Conventions] = {}
        # Indexes of headings that are no columns, and how many values stand under each of them.
        self._unknown: dict[tuple[str, ...], list[int]] = {}
        self._lost: Counter[str] = Counter()

    def indexes(self, cells: Sequence[tuple[str, Any]]) -> dict[str, list[int]]:
        """Map columns to the indexes of their cells, the most certain heading first."""
        headings = tuple(heading for heading, _ in cells)
        if headings not in self._known:
            columns = columns_by_index(self._sheet.table, headings, self._sheet.columns)
            self._known[headings] = columns
            known = {index for indexes in columns.values() for index in indexes}
            self._unknown[headings] = [n for n in range(len(headings)) if n not in known]
            for index, heading in enumerate(headings):
                if index in known and normal(heading) in map(normal, headings[:index]):
                    reason = (
                        f"“{heading}” stands over several columns; the first filled one is used"
                    )
                    self.report_once(NOTED, heading, reason)
        for index in self._unknown[headings]:
            self._lost[headings[index]] += not is_empty(cells[index][1])
        return self._known[headings]

    def report_unknown(self) -> None:
        """Report each heading that is not a column, with the number of values that are lost."""
        for heading, count in self._lost.items():
            lost = "1 value is" if count == 1 else f"{count:,} values are"
            lost = f"{lost} not imported" if count else "it has no values"
            why = f"is not a column of {self._sheet.table.plural}"
            if self._sheet.is_own and own_export.is_of_other_tables(self._sheet.table, heading):
                reason = f"“{heading}” is made from other tables; not imported"
                self.report_once(SKIPPED, heading, reason)
                continue
            if self._sheet.columns.get(normal(heading)) == LEFT_OUT:
                why = IS_LEFT_OUT
            reason = f"“{heading}” {why}; {lost}"
            self.report_once(SKIPPED, heading, reason)
            if count:
                place = Place(self._sheet.file, self._sheet.name)
                self._findings.add_lost(place, heading, count)

    def conventions(self, column: Column) -> Conventions:
        return self._conventions.get(column.name, self._sheet.conventions)

    def learn_date_order(self, column: Column) -> Conventions:
        """Find out from all dates of a column whether the day, the month or the year comes first.

        Reads the sheet once more. If every date allows both orders, or the dates contradict each
        other, the order stays unknown.
        """
        if column.name not in self._conventions:
            order = dates.ColumnOrder()
            for row in self._sheet.rows():
                cells = row.cells or ()
                headings = tuple(heading for heading, _ in cells)
                found = self._known.get(headings) or columns_by_index(
                    self._sheet.table, headings, self._sheet.columns
                )
                for index in found.get(column.name, ()):
                    value = cells[index][1]
                    if isinstance(value, str):
                        order.add(dates.allowed(value))
                if len(order.shown) > 1:
                    break
            shown = order.shown[0] if len(order.shown) == 1 else ""
            self._conventions[column.name] = replace(self._sheet.conventions, date_order=shown)
        return self._conventions[column.name]

    def report_once(self, outcome: str, heading: str, reason: str) -> None:
        if (outcome + heading) not in self._reported:
            self._reported.add(outcome + heading)
            place = Place(self._sheet.file, self._sheet.name)
            self._findings.add(outcome, self._sheet.table.name, place, reason, heading)
