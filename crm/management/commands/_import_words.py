"""Lines of the output of import_legacy."""

from __future__ import annotations

from collections.abc import Iterator

from crm.importing.findings import Findings
from crm.importing.planning import MEANWHILE
from crm.importing.results import TableResult


def stale(result: TableResult) -> Iterator[str]:
    """Yield lines about rows that are older than the stored ones."""
    if meanwhile := result.states[MEANWHILE]:
        yield f"  {meanwhile:,} were changed here meanwhile, and stay as they are"
    if result.stale:
        yield f"  {result.stale:,} of these are older than what is stored"
    for name, count in result.conflicts.items():
        yield (
            f"  {result.table.column(name).label}: changed in the file and later here, in "
            f"{count:,}; --take {result.table.name}.{name} stores the file's"
        )


def lost(findings: Findings) -> Iterator[str]:
    """Yield a line for each file or sheet with values that are not imported."""
    for place, columns in findings.lost.items():
        counts = ", ".join(f"{heading} {count:,}" for heading, count in columns.items())
        yield f"Not imported from {place}, in values: {counts}"
