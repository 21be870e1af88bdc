"""Columns that a policy of Unity Catalog masks: an import neither compares nor writes them.

A file may hold what the mask showed to the person who exported it.
"""

from __future__ import annotations

from crm.model.schema import TABLES, Table
from crm.repository.operations import Operation
from crm.repository.transfer.upsert import NEW

from .errors import ImportingError
from .findings import NOTED, Findings, Place
from .rows import CleanRow


def require_open_keys(operation: Operation) -> None:
    """Raise ImportingError if a policy masks a column that rows are matched by."""
    for table in TABLES:
        needed = {table.key, table.owner, *table.match}
        if masked := needed & operation.masked(table):
            raise ImportingError(
                f"A policy masks {', '.join(sorted(masked))} of {table.name}, so rows cannot be "
                "matched. Nothing was imported."
            )


def note_values(
    findings: Findings, operation: Operation, table: Table, place: Place, row: CleanRow, state: str
) -> None:
    """Note the row's values that are not stored, because their columns are masked."""
    for name in sorted(operation.masked(table)):
        if row[name] is not None:
            reason = f"masked by a policy; {'stays empty' if state == NEW else 'left as it is'}"
            findings.add(NOTED, table.name, place, reason, name)
