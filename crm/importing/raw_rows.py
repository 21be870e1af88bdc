"""Rows as the readers find them in a file, before anything is cleaned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from crm.model.schema import Table

from .cleaning import USUAL, Conventions
from .findings import NOTED, REFUSED, SKIPPED
from .headings import REASON, cell_text, normal


@dataclass(frozen=True)
class Remark:
    """A finding about a file or a row, before its place is known."""

    outcome: str
    reason: str
    column: str = ""


@dataclass(frozen=True)
class Unreadable:
    """A value that could not be read, and why. Its row is imported without that column."""

    reason: str

    def __str__(self) -> str:
        return ""


class Long(int):
    """A number of a workbook with more digits than Excel keeps."""


@dataclass
class RawRow:
    """One row of a file: its name, and its cells as (heading, value).

    Two cells may have the same heading. ``cells`` is None for a row that is not imported; its
    remarks then say why. ``is_implied``: where nothing is stored, what it says holds anyway.
    """

    name: str
    cells: Sequence[tuple[str, Any]] | None
    remarks: list[Remark] = field(default_factory=list)
    is_implied: bool = False

    @property
    def is_remark(self) -> bool:
        """Return whether this is only about the file, or a title above its headings."""
        return self.cells is None and not any(r.outcome == REFUSED for r in self.remarks)


Rows = Callable[[], Iterator[RawRow]]


@dataclass(frozen=True)
class Sheet:
    """Rows of one table from one file, or one sheet of a workbook.

    ``columns`` maps normal headings to columns, and comes before all other rules.
    ``may_be_empty``: that it has no row is nothing to remark on. ``is_own``: this app exported it.
    ``is_derived``: its rows come from columns of accounts; other rows of the source come first.
    ``is_partners``: it only has the IT partners of accounts.
    """

    table: Table
    file: str
    name: str
    rows: Rows
    conventions: Conventions = USUAL
    columns: Mapping[str, str] = field(default_factory=dict)
    may_be_empty: bool = False
    is_own: bool = False
    is_derived: bool = False
    is_partners: bool = False


def without_reasons(rows: Rows) -> Rows:
    """Return the rows without the reasons that a file of refused rows has (see refused)."""
    return partial(_without_reasons, rows)


def _without_reasons(rows: Rows) -> Iterator[RawRow]:
    for row in rows():
        if row.cells is not None:
            row.cells = [cell for cell in row.cells if normal(cell[0]) != REASON]
        yield row


def above_headings(name: str) -> RawRow:
    """A row that is above the headings, such as a title."""
    return RawRow(name, None, [Remark(SKIPPED, "is above the headings; not imported")])


def no_known_heading(headings: Sequence[str]) -> RawRow:
    """A remark on a table that may well have no headings."""
    shown = ", ".join(f"“{heading[:40]}”" for heading in [*filter(None, headings)][:5])
    reason = f"none of its headings is known: {shown}; its first row should name the columns"
    return RawRow("", None, [Remark(NOTED, reason)])


FIRST_COLUMN_NAMELESS = "its first column has no heading; not imported if it numbers the rows"
_COUNT = re.compile(r"\d+(\.0)?")


def under_headings(
    headings: Sequence[str], name: str, cells: Sequence[Any], remarks: list[Remark]
) -> RawRow:
    """Return a table's row, with a remark about cells that have no heading.

    A row may be shorter than the headings: its last cells are then empty.
    """
    missing = len(headings) - len(cells)
    padded = [*cells, *[None] * missing]
    pairs = [(heading, cell) for heading, cell in zip(headings, padded, strict=False) if heading]
    if missing < 0 or "" in headings:
        beyond = [*headings, *[""] * -missing]
        cells_and_headings = zip(beyond, padded, strict=True)
        extra = [cell_text(c) for h, c in cells_and_headings if not h and cell_text(c)]
        if extra and not headings[0] and _COUNT.fullmatch(cell_text(padded[0])):
            extra = extra[1:]  # pandas' index: see FIRST_COLUMN_NAMELESS
        if extra:
            texts = ", ".join(f"“{text[:40]}”" for text in extra[:5])
            count = "a cell" if len(extra) == 1 else f"{len(extra)} cells"
            reason = f"has {count} without a heading; not imported: {texts}"
            remarks = [*remarks, Remark(NOTED, reason)]
    return RawRow(name, pairs, remarks)
