"""What readers of files hand on: rows as they stand, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .findings import NOTED, SKIPPED
from .headings import said


@dataclass(frozen=True)
class Remark:
    """Something for the report about the row that it comes with."""

    outcome: str
    reason: str
    column: str = ""


@dataclass(frozen=True)
class Unread:
    """A value that could not be read, and why: its row goes in, its column says nothing."""

    reason: str

    def __str__(self) -> str:
        return ""


@dataclass
class Raw:
    """A row's name, and its cells as (heading, value): in a table a heading may come twice.

    ``cells`` is None where the row cannot go in; the remarks then say why.
    """

    name: str
    cells: Sequence[tuple[str, Any]] | None
    remarks: list[Remark] = field(default_factory=list)


def above_headings(name: str) -> Raw:
    return Raw(name, None, [Remark(SKIPPED, "stands above the headings; not imported")])


def cells_under(
    headings: Sequence[str], name: str, cells: Sequence[Any], remarks: list[Remark]
) -> Raw:
    """A row of a table: its cells with their headings. Cells without one are told of; a row
    may be shorter than the headings, the rest of it is empty."""
    missing = len(headings) - len(cells)
    padded = [*cells, *[None] * missing]
    pairs = [(heading, cell) for heading, cell in zip(headings, padded, strict=False) if heading]
    if missing < 0 or "" in headings:
        beyond = [*headings, *[""] * -missing]
        extra = [said(c) for h, c in zip(beyond, padded, strict=True) if not h and said(c)]
        if extra:
            texts = ", ".join(f"“{text[:40]}”" for text in extra[:5])
            cells_are = "a cell" if len(extra) == 1 else f"{len(extra)} cells"
            reason = f"has {cells_are} without a heading; not imported: {texts}"
            remarks = [*remarks, Remark(NOTED, reason)]
    return Raw(name, pairs, remarks)
