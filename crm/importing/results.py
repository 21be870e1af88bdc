"""What an import did to one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from crm.model.schema import Table


@dataclass
class TableResult:
    """The result of an import for one table, and whether the warehouse confirms it.

    ``states`` counts rows by what they were before (see upsert.classify).
    Of the ``checked`` rows that the table should hold now, it holds ``found``. ``stale`` counts
    rows that are older than the stored ones, ``conflicts`` how often both changed a column, and
    ``cleared`` the fields whose stored values empty cells clear.
    """

    table: Table
    states: Counter[str] = field(default_factory=Counter)
    written: int = 0
    checked: int = 0
    found: int = 0
    equal: bool = True
    sum_of_source: int = 0
    sum_of_warehouse: int = 0
    stale: int = 0
    cleared: int = 0
    conflicts: Mapping[str, int] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        return self.found == self.checked and self.equal

    @property
    def verdict(self) -> str:
        """Return counts and checksums (xxHash64, combined by XOR), as the warehouse computed
        them."""
        source, stored = (
            f"{value & 0xFFFF_FFFF_FFFF_FFFF:016x}"
            for value in (self.sum_of_source, self.sum_of_warehouse)
        )
        sums = f"equal checksums, {source}" if self.equal else f"checksums {source} and {stored}"
        if self.verified:
            return f"{self.found:,} row{'' if self.found == 1 else 's'}, {sums}"
        return f"{self.found:,} of {self.checked:,} rows found, {sums}"

    def compare(self, source: int | None, warehouse: int | None) -> None:
        """Add the checksums of some rows, None where there are no rows."""
        self.equal &= source == warehouse
        self.sum_of_source ^= source or 0
        self.sum_of_warehouse ^= warehouse or 0
