"""Show the progress of an import: one line that is rewritten on a terminal, else a line at times.

A library for this would be one more package on Databricks Apps, where this never runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from crm.importing.chunks import Chunk
from crm.model.schema import Table

# Seconds between two lines without a terminal; shorter work prints none.
LINE_EVERY = 10.0
_ERASED = "\r\x1b[K"


class Output(Protocol):
    def write(self, msg: str, style_func: Callable[[str], str], ending: str) -> None: ...

    def isatty(self) -> bool: ...

    def flush(self) -> None: ...


def say(output: Output, line: str) -> None:
    """Write a line. Django would show those of stderr as errors."""
    output.write(line, str, "\n")


class Progress:
    """The progress of reading or writing (``doing``). ``total`` is in rows, 0 if unknown."""

    def __init__(
        self, output: Output, doing: str, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._output, self._doing, self._clock = output, doing, clock
        self.total, self.rows = total, 0
        self._said = clock()
        # The time and the number of the first rows; the rate is computed from there.
        self._first: tuple[float, int] | None = None
        self._is_shown = False

    def watch(self, table: Table, chunk: Chunk, states: list[str]) -> None:
        self.rows += len(states)
        now = self._clock()
        self._first = self._first or (now, self.rows)
        if self._output.isatty():
            self._rewrite(self._line(now))
            self._is_shown = True
        elif now - self._said >= LINE_EVERY:
            say(self._output, self._line(now))
            self._said = now

    def done(self) -> None:
        """Erase the line, so that the next output replaces it."""
        if self._is_shown:
            self._rewrite("")
            self._is_shown = False

    def _rewrite(self, line: str) -> None:
        self._output.write(f"{_ERASED}{line}", str, "")
        self._output.flush()

    def _line(self, now: float) -> str:
        began, rows = self._first or (now, self.rows)
        rate = (self.rows - rows) / (now - began) if now > began else 0
        if not self.total:
            each = f", {rate:,.0f} a second" if rate else ""
            return f"{self._doing}: {self.rows:,} rows{each}"
        line = f"{self._doing}: {self.rows:,} of {self.total:,} rows"
        return f"{line}, about {_duration((self.total - self.rows) / rate)} left" if rate else line


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
