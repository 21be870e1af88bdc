"""Rows as JSON parameters, each of which one statement can carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

ROWS = 5_000
# Well under what a statement takes: crm/warehouse/connector.py.
BYTES = 700_000


def arrays(texts: Iterable[str]) -> Iterator[str]:
    """Join rows, each a JSON text, to JSON arrays of at most ``ROWS`` rows and ``BYTES`` bytes.

    A row that is larger stands alone.
    """
    chunk: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode()) + 1
        if chunk and (size + length > BYTES or len(chunk) == ROWS):
            yield f"[{','.join(chunk)}]"
            chunk, size = [], 0
        chunk.append(text)
        size += length
    if chunk:
        yield f"[{','.join(chunk)}]"


def oversize(array: str) -> int:
    """Return by how many bytes an array exceeds ``BYTES``, as one large row does; else 0."""
    return max(0, len(array.encode()) - 2 - BYTES)
