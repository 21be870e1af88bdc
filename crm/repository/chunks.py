"""Split rows into JSON parameters that are small enough for one statement each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

ROWS = 5_000
# Well under the limit of a statement: crm/warehouse/connector.py.
BYTES = 700_000


def arrays(texts: Iterable[str]) -> Iterator[str]:
    """Yield JSON arrays of at most ``ROWS`` rows (JSON texts) and ``BYTES`` bytes.

    A larger row is alone in its array.
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
    """Return by how many bytes an array of one large row exceeds ``BYTES``; else 0."""
    return max(0, len(array.encode()) - 2 - BYTES)
