"""Writes planned rows, as one transaction where that is possible, and verifies them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from crm.model.schema import Table
from crm.repository import atomic, operations
from crm.repository.atomic import NotAtomic, Statement
from crm.repository.operations import Operation
from crm.repository.steps import insist
from crm.repository.transfer import upsert, verify
from crm.repository.transfer.verify import Checksums
from crm.warehouse import Warehouse

from .findings import SKIPPED, Findings
from .planning import MEANWHILE, Planned
from .results import TableResult

_CHANGED = "somebody changed or deleted it here while the import ran; it stays as they left it"


@dataclass
class Writer:
    """Writes and verifies one import; ``written`` counts its rows. All steps are safe to
    repeat. They raise WarehouseError."""

    wh: Warehouse
    operation: Operation
    findings: Findings
    results: Mapping[Table, TableResult]
    overwrites: bool
    written: int = 0

    def write_together(self, planned: Sequence[Planned]) -> bool:
        """Write the rows as one transaction; return False where that is not possible."""
        statements = []
        for number, each in enumerate(planned):
            sql, params = upsert.statement(
                self.wh,
                each.table,
                each.rows,
                self.operation,
                overwrite=self.overwrites,
                sparse=True,
                parameter=f"rows{number}",
            )
            statements.append(Statement(sql, params, each.table))
        try:
            run = partial(atomic.run, self.wh, self.operation, statements)
            found: dict[Table, int] = insist(self.wh, run)
        except NotAtomic:
            return False
        for table, count in found.items():
            self.results[table].written = count
        self.written = sum(found.values())
        return bool(found)

    def write(self, planned: Planned) -> None:
        if not planned.to_write:
            return
        wh, table, result = self.wh, planned.table, self.results[planned.table]
        write = partial(upsert.upsert, wh, table, planned.rows, self.operation, sparse=True)
        earlier = result.written
        counted = earlier + insist(wh, partial(write, overwrite=self.overwrites))
        expected = earlier + planned.to_write
        result.written = operations.written_rows(wh, self.operation, table, counted, expected)
        self.written += result.written - earlier

    def verify(self, planned: Planned) -> None:
        """Compare what the table holds now with the rows, but for those of others."""
        if not planned.numbers:
            return
        rows, count = planned.rows, len(planned.numbers)
        sums = self._checksums(planned.table, rows)
        is_equal = sums.found == count and sums.source == sums.warehouse
        if not is_equal and (left := self._changed_by_others(planned)):
            cells = json.loads(rows)
            kept = [row for n, row in enumerate(cells) if n not in left]
            rows, count = json.dumps(kept, ensure_ascii=False), len(kept)
            sums = self._checksums(planned.table, rows)
        result = self.results[planned.table]
        # Where somebody inserted a key at the same moment, more rows are found than were given.
        result.checked += count
        result.found += sums.found
        result.compare(sums.source, sums.warehouse)

    def _checksums(self, table: Table, rows: str) -> Checksums:
        masked = self.operation.masked(table)
        return insist(self.wh, partial(verify.checksums, self.wh, table, rows, masked))

    def _changed_by_others(self, planned: Planned) -> set[int]:
        """Report the rows that others changed or deleted since they were compared; return their
        numbers among those to write."""
        table, states = planned.table, self.results[planned.table].states
        find = partial(verify.changed_by_others, self.wh, table, planned.rows, self.operation)
        left = set(insist(self.wh, find))
        for number in sorted(left):
            n = planned.numbers[number]
            self.findings.add(SKIPPED, table.name, planned.chunk.places[n], _CHANGED)
            states[planned.states[n]] -= 1
            states[MEANWHILE] += 1
        return left
