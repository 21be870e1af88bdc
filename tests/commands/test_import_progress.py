"""The progress of an import: one line that is rewritten on a terminal, else a line at times."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from crm.importing.chunks import Chunk
from crm.management.commands._import_progress import Progress
from crm.model.schema import ACCOUNTS


class Output(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def write(self, msg: str, style_func: Callable[[str], str] = str, ending: str = "") -> int:
        return super().write(style_func(msg) + ending)

    def isatty(self) -> bool:
        return self.is_terminal


def follow(output: Output, total: int, *moments: float) -> str:
    """Return what is printed if 1,000 more rows are done at each of these moments."""
    clock = iter([0.0, *moments])
    progress = Progress(output, "Importing", total, lambda: next(clock))
    for _ in moments:
        progress.watch(ACCOUNTS, Chunk(), ["new"] * 1_000)
    progress.done()
    return output.getvalue()


def test_a_terminal_has_one_line_that_is_erased_at_the_end() -> None:
    said = follow(Output(True), 10_000, 1.0, 2.0, 3.0).split("\r\x1b[K")
    assert said == [
        "",
        "Importing: 1,000 of 10,000 rows",
        "Importing: 2,000 of 10,000 rows, about 8 s left",
        "Importing: 3,000 of 10,000 rows, about 7 s left",
        "",
    ]


def test_without_a_terminal_short_work_says_nothing() -> None:
    assert follow(Output(False), 10_000, 1.0, 2.0, 9.0) == ""


@pytest.mark.parametrize(
    ("total", "line"),
    [
        (0, "Importing: 3,000 rows, 100 a second\n"),
        (10_000, "Importing: 3,000 of 10,000 rows, about 70 s left\n"),
        (100_000, "Importing: 3,000 of 100,000 rows, about 16 min left\n"),
        (3_000_000, "Importing: 3,000 of 3,000,000 rows, about 8.3 h left\n"),
    ],
)
def test_without_a_terminal_long_work_says_a_line_now_and_then(total: int, line: str) -> None:
    """Every ten seconds at most."""
    said = follow(Output(False), total, 5.0, 9.0, 25.0, 26.0)
    assert said == line
