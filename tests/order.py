"""The order of the tests where several processes run them: what takes long comes first.

At the end of a run, one process would be at work and the others idle; and tests that wait for a
slow warehouse would all wait together, instead of beside tests that need the processors.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

TESTS = Path(__file__).resolve().parent

# What four of the workers begin with: files, or the beginning of their names. Each worker with
# tests in a browser starts an app and a browser for them, so two workers have them all.
FIRST = (
    ("browser/test_every", "browser/test_import", "browser/test_time", "browser/test_long"),
    ("browser/", "test_links.py", "test_new_column.py"),
    ("deployment/", "apps/", "commands/", "faults/"),
    ("warehouse/", "importing/test_size.py", "importing/test_copy", "contract/", "test_lint.py"),
)


class Item(Protocol):
    """A test, as pytest collects it."""

    @property
    def nodeid(self) -> str: ...


Test = TypeVar("Test", bound=Item)


def shares_in_order(items: list[Test], workers: int) -> list[Test]:
    """Return the tests so that each worker's share begins with its part of ``FIRST``.

    xdist gives each worker an equal share of the list, and lets those that are done take tests
    from the end of another's.
    """
    if workers == 1:
        return items
    first: list[list[Test]] = [[] for _ in range(workers)]
    rest: list[Test] = []
    for item in items:
        where = item.nodeid.removeprefix("tests/")
        number = next((n for n, names in enumerate(FIRST) if where.startswith(names)), None)
        (rest if number is None else first[number % workers]).append(item)
    found: list[Test] = []
    for number, own in enumerate(first):
        share = (len(items) - len(found)) // (workers - number)
        more = max(0, share - len(own))
        found += [*own, *rest[:more]]
        del rest[:more]
    return found + rest


def import_in_turn(config: pytest.Config) -> None:
    """Let each of several workers import the tests from another file on, and so compile them for
    all.

    Otherwise, after a checkout, all of them would compile the same files at the same time.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = sorted(TESTS.rglob("test_*.py"))
    first = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for file in files[first:] + files[:first]:
        with suppress(Exception):  # pytest imports it again, and reports the error
            import_module(".".join(file.relative_to(TESTS.parent).with_suffix("").parts))
