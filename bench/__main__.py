"""Run all benches, print their tables, and with --write put them into docs/performance.md.

    make bench    or    python -m bench [--minutes M] [--sizes N,…] [--parts NAME,…] [--write]

``--sizes`` are numbers of accounts. Data sets are created once, in .local/bench. The parts share
the time; a value that a part did not have time to measure is shown as ``–`` or left out.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from . import (
    _data,
    choices,
    growth,
    importing,
    large_files,
    least,
    live,
    local_warehouse,
    pages,
    search,
    users,
)
from ._report import Table, code, machine, show, write
from .pages import sizes
from .postgres import compare

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

# The data sets, and the number of seconds that a part may measure.
Part = Callable[[tuple[int, ...], float], list[Table]]
PARTS: dict[str, tuple[float, Part]] = {
    "pages": (0.28, lambda sizes, seconds: pages.tables(sizes, 10, seconds)),
    "least": (0.04, lambda sizes, seconds: least.tables((sizes[0], sizes[-1]), 10)),
    "search": (0.03, lambda sizes, seconds: search.tables((sizes[0], sizes[-1]), 10)),
    "users": (
        0.23,
        lambda sizes, seconds: users.tables(sizes[0], users.LATENCIES, users.PEOPLE, seconds),
    ),
    "postgres": (
        0.20,
        lambda sizes, seconds: compare.tables((sizes[0], sizes[-1]), compare.LATENCIES, seconds),
    ),
    "choices": (0.03, lambda sizes, seconds: choices.tables(sizes[0], 20)),
    "commits": (0.12, lambda sizes, seconds: growth.tables(300, growth.COMMITS, seconds)),
    "bulk": (0.03, lambda sizes, seconds: importing.tables(20 * sizes[0], 50)),
    "files": (0.03, lambda sizes, seconds: large_files.tables(20)),
    "live": (0.02, lambda sizes, seconds: live.tables(20, (1, 10), min(10, seconds))),
    "wire": (0.02, lambda sizes, seconds: local_warehouse.tables(100, 1000)),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=15)
    options.add_argument("--sizes", type=sizes, default=pages.SIZES)
    options.add_argument("--parts", default=",".join(PARTS), help="some of these")
    options.add_argument("--write", action="store_true")
    given = options.parse_args()
    names = given.parts.split(",")
    noise = Table("machine", f"{code()}Before the run: {machine()}", ["part", "seconds", "sizes"])
    found, failed = [noise], False
    # Making the data takes some of the time, at the first run.
    seconds = given.minutes * 60 * 0.8
    for name in names:
        share, part = PARTS[name]
        started = time.monotonic()
        try:
            measured = part(given.sizes, seconds * share)
        except Exception:  # the results of the other parts are still useful
            traceback.print_exc()
            failed = True
            continue
        took = time.monotonic() - started
        noise.rows.append([name, round(took), ", ".join(f"{size:,}" for size in given.sizes)])
        show(measured)
        found += measured
    noise.note += f" After it: {machine()}"
    show([noise])
    if given.write:
        write(found, DOCUMENT)
    _data.FOLDER.mkdir(parents=True, exist_ok=True)
    results = "\n".join(table.markdown() for table in found)
    (_data.FOLDER / "results.md").write_text(results)
    sys.exit(failed)


if __name__ == "__main__":
    main()
