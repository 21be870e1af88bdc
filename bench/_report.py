"""Tables of the benches as Markdown, and the load of the machine."""

from __future__ import annotations

import datetime as dt
import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# A table begins with this line in docs/performance.md and ends with the other.
BEGIN, END = "<!-- bench: {name} -->", "<!-- end -->"


@dataclass
class Table:
    """One table of measurements.

    :param name: identifies the table in docs/performance.md.
    :param note: a sentence about what was measured, and how often.
    """

    name: str
    note: str
    head: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)

    def markdown(self) -> str:
        lines = [self.head, ["---"] + ["---:"] * (len(self.head) - 1), *self.rows]
        text = "\n".join("| " + " | ".join(map(shown, line)) + " |" for line in lines)
        return f"{self.note}\n\n{text}\n"


def shown(value: object) -> str:
    """Return a cell: numbers with about three digits, ``–`` for what was not measured."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


def show(tables: Iterable[Table]) -> None:
    for table in tables:
        print(f"\n{BEGIN.format(name=table.name)}\n{table.markdown()}{END}", flush=True)


def write(tables: Iterable[Table], document: Path) -> None:
    """Put each table into its place in the document. Raises ValueError if it has none."""
    text = document.read_text()
    for table in tables:
        begin = BEGIN.format(name=table.name)
        before, found, rest = text.partition(begin)
        _, is_ended, after = rest.partition(END)
        if not (found and is_ended):
            raise ValueError(f"{document} has no place for the table {table.name}")
        text = f"{before}{begin}\n{table.markdown()}{END}{after}"
    document.write_text(text)


class Stopwatch:
    """Says when a bench has to stop; values that it did not measure are shown as ``–``."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return self._end - time.monotonic()


def code() -> str:
    """Return a sentence about the commit that is measured; nothing where there is no Git."""
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    return f"The commit {done.stdout.strip()}. " if done.returncode == 0 else ""


def machine() -> str:
    """Return a sentence about the machine, how busy it is, and how steady its speed is."""
    times = [_spin() for _ in range(15)]
    middle = statistics.median(times)
    spread = (max(times) - min(times)) / middle
    busy = os.getloadavg()[0]
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}: a load of {busy:.1f} in the last minute; a fixed loop took "
        f"{middle * 1000:.0f} ms of CPU, with a spread of {spread:.0%}."
    )


def _spin() -> float:
    started = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number * number
    return time.process_time() - started
