"""Rows by the thousand, as a statement takes them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from crm.model.schema import AUDIT_NAMES, Table
from crm.repository.transfer import upsert

from .findings import Place
from .rows import Clean


@dataclass
class Chunk:
    """Rows, of each where it stands and the columns that it speaks of (``given``)."""

    places: list[Place] = field(default_factory=list)
    rows: list[Clean] = field(default_factory=list)
    given: list[frozenset[str]] = field(default_factory=list)
    # As the warehouse gets them.
    texts: list[str] = field(default_factory=list)
    size: int = 0


def chunks(
    table: Table,
    rows: Iterable[tuple[Place, Clean, frozenset[str]]],
    *,
    most_rows: int,
    most_bytes: int,
    literal: bool,
) -> Iterator[Chunk]:
    """``literal``: who and when go in as they are given, as a null, too."""
    chunk = Chunk()
    for place, row, given in rows:
        text = _as_json(table, row, given if literal else given - AUDIT_NAMES)
        length = len(text.encode()) + 1
        if chunk.rows and (chunk.size + length > most_bytes or len(chunk.rows) == most_rows):
            yield chunk
            chunk = Chunk()
        chunk.places.append(place)
        chunk.rows.append(row)
        chunk.given.append(given)
        chunk.texts.append(text)
        chunk.size += length
    if chunk.rows:
        yield chunk


def together(texts: Iterable[str]) -> str:
    return f"[{','.join(texts)}]"


def _as_json(table: Table, row: Clean, given: Collection[str]) -> str:
    """In JSON each record may have other keys, so each says of which columns it speaks."""
    values = [row[name] for name in table.names]
    cells = [*values, upsert.presence(table, given)]
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
