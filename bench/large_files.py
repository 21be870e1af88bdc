"""Import large files, and measure the memory of the process that reads them.

    python -m bench.large_files [--megabytes N]

Each file goes through the local warehouse and is verified. The memory is the most that the
process has had above what it had before: it should not grow with the file.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from ._report import Table, show
from ._setup import PERSON, application, in_own_process

# About as long as the longest updates that people write; longer texts would make few rows.
_TEXT = "What happened this week at the length that people write when much did. " * 12
_COLUMNS = ("id", "account_bsnid", "author", "date", "description")
KINDS = ("csv", "json")
# The texts before, between and after the records of JSON.
_LIST = ("[", ",\n", "]")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megabytes", type=int, default=500)
    show(tables(options.parse_args().megabytes))


def tables(megabytes: int) -> list[Table]:
    """Measure each kind at a tenth of the size and at the size."""
    table = Table(
        "large_files",
        f"Updates of 900 characters in files of up to {megabytes:,} MB.",
        ["file", "MB", "rows", "seconds", "rows per second", "memory above the start (MB)"],
    )
    for kind in KINDS:
        for size in (megabytes // 10, megabytes):
            table.rows.append(in_own_process(measure, kind, size))
    return [table]


def measure(kind: str, megabytes: int) -> list[object]:
    with application() as (folder, _):
        path = folder / f"updates.{kind}"
        rows = write_updates(path, megabytes)
        before = _peak(restart=True)
        started = time.perf_counter()
        _import(path)
        seconds = time.perf_counter() - started
        return [kind, megabytes, rows, seconds, rows / seconds, _peak() - before]


def write_updates(path: Path, megabytes: int) -> int:
    """Write updates of one account until the file is that large; return how many."""
    begin, between, end = (",".join(_COLUMNS) + "\n", "", "") if path.suffix == ".csv" else _LIST
    size = rows = 0
    with path.open("w", newline="") as file:
        file.write(begin)
        while size < megabytes * 10**6:
            rows += 1
            line = _line(path.suffix, rows)
            size += file.write(between + line if rows > 1 else line)
        file.write(end)
    return rows


def _line(suffix: str, number: int) -> str:
    text = f"{number}: {_TEXT}"
    row = [f"u{number}", "B1", f"Author {number % 40}", "2025-06-27", text]
    if suffix == ".csv":
        return ",".join(row) + "\n"
    return json.dumps(dict(zip(_COLUMNS, row, strict=True)))


def _import(path: Path) -> None:
    from crm.identity.warehouses import for_person
    from crm.importing import importer
    from crm.importing.findings import Findings
    from crm.repository.records import accounts

    wh = for_person(PERSON).for_bulk()
    accounts.create(wh, {"bsnid": "B1", "team": "Team", "business_area": "Area"})
    with Findings() as findings:
        outcomes = importer.run(wh, path, importer.Options(), findings)
    assert all(outcome.verified for outcome in outcomes)


def _peak(*, restart: bool = False) -> float:
    """Return the most memory that this process has had, in MB; from now on with ``restart``."""
    if restart:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
