"""The refused rows of a source: reads it again, and picks out the rows whose places were noted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crm.importing.findings import Findings, Place
from crm.importing.parts import Part, Source
from crm.importing.raw_rows import Unreadable

Cells = Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class RefusedRow:
    cells: Cells
    reason: str


def by_part(source: Source, findings: Findings) -> Iterator[tuple[Part, Iterable[RefusedRow]]]:
    """Yield each part that has refused rows, with these rows. They are read when iterated."""
    refused = {(place.file, place.sheet) for place in findings.refusals}
    for part in source.parts:
        sheet = "" if part.is_json else part.name
        if part.table is not None and (part.file, sheet) in refused:
            yield part, _rows(part, findings)


def _rows(part: Part, findings: Findings) -> Iterator[RefusedRow]:
    assert part.table is not None
    sheet = part.as_table(part.table)
    for row in sheet.rows():
        # A row that could not be read has no cells to give back.
        if row.name and row.cells is not None:
            noted = findings.refusals.get(Place(sheet.file, sheet.name, row.name), ())
            # Records of several tables of a JSON file may have the same place.
            reasons = [r for name, r in noted if not part.is_json or name == part.table.name]
            if reasons:
                yield RefusedRow(_readable(row.cells), "; ".join(dict.fromkeys(reasons)))


def _readable(cells: Cells) -> Cells:
    return [(h, None if isinstance(value, Unreadable) else value) for h, value in cells]
