"""Counts the values of files and sheets that are not imported at all, by their headings."""

from __future__ import annotations

from collections import Counter

from crm.model.missing import is_empty
from crm.model.schema import ACCOUNTS

from .findings import Findings, Place
from .parts import Source


def count(source: Source, findings: Findings) -> None:
    """Count the values of each part that belongs to no table, and note them as lost."""
    for place, counts in source.lost.items():
        findings.lost[place] = counts
    for part in source.parts:
        if part.table is not None or part.is_json:
            continue
        values: Counter[str] = Counter()
        # A table is only needed to find the row with the headings.
        for row in part.as_table(part.guess or ACCOUNTS).rows():
            for heading, value in row.cells or ():
                values[heading] += not is_empty(value)
        for heading, number in values.items():
            if number:
                findings.add_lost(Place(part.file, part.name), heading, number)
