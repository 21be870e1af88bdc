"""The rows that an import would write: a dry run collects the first of each table and state."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from crm.importing.chunks import Chunk
from crm.importing.findings import Place
from crm.importing.rows import CleanRow
from crm.model.changes import values_of
from crm.model.schema import Column, Table
from crm.repository.transfer import upsert
from crm.repository.transfer.matching.natural_keys import match_key
from crm.repository.transfer.upsert import DIFFERENT, NEW
from crm.warehouse import Warehouse

# Rows shown of each table and state; all of them are counted.
SHOWN = 50


@dataclass
class Preview:
    """Watches a dry run. ``rows`` counts the rows that were read and not refused."""

    wh: Warehouse
    rows: int = 0
    _kept: dict[tuple[Table, str], list[tuple[Place, CleanRow, frozenset[str]]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def watch(self, table: Table, chunk: Chunk, states: list[str]) -> None:
        self.rows += len(states)
        rows = zip(chunk.places, chunk.rows, chunk.filled, states, strict=True)
        for place, row, filled, state in rows:
            kept = self._kept[table, state]
            if len(kept) < SHOWN:
                kept.append((place, row, filled))

    def samples(self, table: Table, state: str) -> list[dict[str, Any]]:
        """Return each row's place, key and fields (label, stored value, value in the file).

        Of new rows: every field with a value; of rows that differ: the fields that differ.
        """
        kept = self._kept.get((table, state), [])
        stored = self._stored(table, [row for _, row, _ in kept]) if state == DIFFERENT else {}
        return [
            {
                "place": str(place),
                "key": " ".join(match_key(table, row)),
                "fields": [
                    (column.label, old, new)
                    for column, old, new in _fields(table, stored.get(match_key(table, row)), row)
                    if (new if state == NEW else old != new and column.name in filled)
                ],
            }
            for place, row, filled in kept
        ]

    def _stored(self, table: Table, rows: list[CleanRow]) -> dict[tuple[str, ...], CleanRow]:
        if not rows:
            return {}
        text = json.dumps([[row[name] for name in table.names] for row in rows])
        found = upsert.stored_rows(self.wh, table, text)
        rows_found: list[CleanRow] = [{**(values_of(table, row) or {})} for row in found]
        return {match_key(table, row): row for row in rows_found}


def _fields(
    table: Table, stored: CleanRow | None, row: CleanRow
) -> Iterator[tuple[Column, str, str]]:
    for column in table.own_columns:
        if column.name in (*table.match, table.key):
            continue  # shown as the row's title, or made by us
        yield column, (stored or {}).get(column.name) or "", row[column.name] or ""
