"""Following an import while it runs: what is called for each chunk, and before the first write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from crm.model.schema import Table

from .chunks import Chunk
from .findings import Findings
from .results import TableResult

# Called for each chunk when it is written, with the state that each of its rows had before.
Watch = Callable[[Table, Chunk, list[str]], None]


class Look(Protocol):
    """Watches all rows before any is written. ``require`` raises ImportingError if none should
    be."""

    def watch(self, table: Table, chunk: Chunk, states: list[str]) -> None: ...

    def require(self, results: list[TableResult], findings: Findings) -> None: ...


def watch_nothing(table: Table, chunk: Chunk, states: list[str]) -> None:
    pass
