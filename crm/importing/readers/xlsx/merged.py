"""Cells that are merged over rows: the value is in the first row, and holds for all."""

from __future__ import annotations

from typing import Any

from .after_rows import Merged


class MergedCells:
    """Fills rows, given in order; cells that begin in a row that is not given, such as that of
    the headings, fill none. ``is_any``: it has filled some."""

    def __init__(self, merged: Merged) -> None:
        self._coming = merged[::-1]
        # Column → (last row, value) of cells that reach further down.
        self._open: dict[int, tuple[int, Any]] = {}
        self.is_any = False

    def fill(self, number: int, cells: list[Any]) -> list[Any]:
        """Return the cells of a row, with the values of merged cells that reach into it."""
        for column, (last, value) in list(self._open.items()):
            if number > last:
                del self._open[column]
            elif value is not None and (len(cells) <= column or cells[column] is None):
                cells += [None] * (column + 1 - len(cells))
                cells[column] = value
                self.is_any = True
        while self._coming and self._coming[-1][0] <= number:
            first, last, column = self._coming.pop()
            if first == number and column < len(cells):
                self._open[column] = (last, cells[column])
        return cells
