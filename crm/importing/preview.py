"""What an import would do, row by row: collected while a dry run goes through the file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from crm.model.changes import values_of
from crm.model.schema import Column, Table
from crm.repository.transfer import upsert
from crm.repository.transfer.upsert import DIFFERENT, NEW
from crm.warehouse import Warehouse

from .chunks import Chunk
from .findings import Place
from .rows import Clean

# Rows shown of each table and state; all of them are counted.
SHOWN = 50


@dataclass
class Preview:
    """Watches a dry run. ``rows`` counts those that were read and may go in."""

    wh: Warehouse
    rows: int = 0
    _kept: dict[tuple[Table, str], list[tuple[Place, Clean, frozenset[str]]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def watch(self, table: Table, chunk: Chunk, states: list[str]) -> None:
        self.rows += len(states)
        rows = zip(chunk.places, chunk.rows, chunk.given, states, strict=True)
        for place, row, given, state in rows:
            kept = self._kept[table, state]
            if len(kept) < SHOWN:
                kept.append((place, row, given))

    def samples(self, table: Table, state: str) -> list[dict[str, Any]]:
        """Each row's place, key and fields: label, what it says now, what it will say."""
        kept = self._kept.get((table, state), [])
        before = self._there(table, [row for _, row, _ in kept]) if state == DIFFERENT else {}
        return [
            {
                "place": str(place),
                "key": " ".join(row[name] or "" for name in table.match),
                "fields": [
                    (column.label, old, new)
                    for column, old, new in _fields(table, before.get(_match(table, row)), row)
                    if (new if state == NEW else old != new and column.name in given)
                ],
            }
            for place, row, given in kept
        ]

    def _there(self, table: Table, rows: list[Clean]) -> dict[tuple[str, ...], Clean]:
        if not rows:
            return {}
        text = json.dumps([[row[name] for name in table.names] for row in rows])
        found = [values_of(table, row) for row in upsert.stored_rows(self.wh, table, text)]
        return {_match(table, row): row for row in found}


def _match(table: Table, row: Clean) -> tuple[str, ...]:
    return tuple(row[name] or "" for name in table.match)


def _fields(table: Table, before: Clean | None, row: Clean) -> Iterator[tuple[Column, str, str]]:
    for column in table.own_columns:
        if column.name in (*table.match, table.key):
            continue  # it is the row's heading, or made
        yield column, (before or {}).get(column.name) or "", row[column.name] or ""
