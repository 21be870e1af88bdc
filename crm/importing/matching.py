"""Finds the stored rows that rows without an id mean: use cases and updates with the same natural
key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from crm.model.schema import Table
from crm.repository.transfer.matching.natural_keys import (
    NATURAL_KEYS,
    Key,
    folded_key,
    natural_key,
    stored_ids,
)
from crm.warehouse import Warehouse

from .chunks import Chunk
from .findings import CHANGED, NOTED, REFUSED, Findings
from .reader import Reader
from .rows import has_made_id


@dataclass
class Matcher:
    """Matches rows whose ids were made from their content.

    A stored row that is another row of the file is matched already. Where exactly one row of the
    file and one stored row are left, they are matched. Where more are left, nobody can tell which
    row means which: these rows are unclear, and new.
    """

    wh: Warehouse
    reader: Reader
    findings: Findings

    def find_ids(self, table: Table, chunk: Chunk, numbers: Iterable[int]) -> set[int]:
        """Give these rows the ids of the stored rows that they mean.

        Returns the rows that mean a stored row that an earlier row means already: they are
        refused. At most one statement.
        """
        made: dict[Key, dict[str, int]] = defaultdict(dict)
        for n in numbers:
            row = chunk.rows[n]
            if table in NATURAL_KEYS and has_made_id(table, row):
                key = folded_key(table, natural_key(table, row))
                made[key][row["id"] or ""] = n
        repeats: set[int] = set()
        for key, stored in stored_ids(self.wh, table, made).items() if made else ():
            repeats |= self._match(table, chunk, made[key], stored)
        return repeats

    def _match(
        self, table: Table, chunk: Chunk, made: dict[str, int], stored: dict[str, Key]
    ) -> set[int]:
        """Match the rows of one folded key: those with the same natural key first. ``made``: made
        id → row; ``stored``: id → natural key."""
        taken = {id for id in stored if self.reader.memory.is_matched(table, id)}
        repeats = {n for id, n in made.items() if id in taken}
        for n in repeats:
            reason = f"is the stored {table.singular} that an earlier row was matched to"
            self._add(table, chunk, n, REFUSED, reason)
        left = {id: key for id, key in stored.items() if not self.reader.has_read(table, id)}
        rows = [n for id, n in made.items() if id not in stored]
        for key in set(left.values()):
            equal = [id for id, of in left.items() if of == key]
            alike = [n for n in rows if natural_key(table, chunk.rows[n]) == key]
            if len(equal) == len(alike) == 1:
                self._give(table, chunk, alike[0], equal[0])
                rows.remove(alike[0])
                del left[equal[0]]
        if len(left) == len(rows) == 1:
            self._give(table, chunk, rows[0], next(iter(left)))
        elif left and rows:
            chunk.unclear |= set(rows)
            reason = (
                f"may be a stored {table.singular} with the same {_labels(table)}, or a new one"
            )
            for n in rows:
                self._add(table, chunk, n, NOTED, reason)
        return repeats

    def _give(self, table: Table, chunk: Chunk, n: int, id: str) -> None:
        """Give a row the id of the stored one that it means."""
        chunk.set_values(table, n, {table.key: id})
        self.reader.memory.note_match(table, id, str(chunk.places[n]))
        reason = f"matches the stored {table.singular} with the same {_labels(table)}"
        self._add(table, chunk, n, CHANGED, reason)

    def _add(self, table: Table, chunk: Chunk, n: int, outcome: str, reason: str) -> None:
        self.findings.add(outcome, table.name, chunk.places[n], reason, table.key)


def _labels(table: Table) -> str:
    return " and ".join(table.column(name).label for name in NATURAL_KEYS[table])
