"""What the local warehouse does with two inserts of one key at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .conftest import LocalWarehouse


@contextmanager
def inserts_conflict(server: LocalWarehouse, value: bool) -> Iterator[None]:
    """Whether two MERGEs that insert one key at the same moment conflict."""
    server._ask("POST", "/warehouse", {"inserts_conflict": value})
    try:
        yield
    finally:
        server._ask("POST", "/warehouse", {"inserts_conflict": True})
