"""The files of the local warehouse, by what they are for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

LOGS = ("_delta_log", "_old_commits")


@dataclass(frozen=True)
class Files:
    """How many files there are.

    ``live`` and ``log``: data files and files of the log that statements read, in the table that
    has most of them. ``history``: files that only older versions need: data files that later
    commits replaced, and old commits. ``others``: folders of past versions, changes, and the like.
    """

    live: int
    log: int
    history: int
    others: int


def count(folder: Path) -> Files:
    """Count the files in the warehouse's folder."""
    tables = list(_locations(folder))
    live = [_live(location) for location in tables]
    logs = [len(os.listdir(location / LOGS[0])) for location in tables]
    every, of_tables = _number(folder), sum(_number(location) for location in tables)
    return Files(max(live), max(logs), of_tables - sum(live) - sum(logs), every - of_tables)


def unexplained(folder: Path) -> list[str]:
    """Return the tables' data files that no version needs: no commit names them."""
    found = []
    for location in _locations(folder):
        known = {path for text in _commits(location) for path in _paths(text)}
        names = {file.name for file in location.glob("*.parquet")}
        found += [f"{location.name}/{name}" for name in sorted(names - known)]
    return found


def _locations(folder: Path) -> Iterator[Path]:
    """Yield the folder of each table; one that is just being made has no log yet."""
    for location in sorted((folder / "tables").iterdir()):
        if (location / LOGS[0]).exists():
            yield location


def _live(location: Path) -> int:
    """Return how many data files the latest version has; 0 while its log is being tidied."""
    try:
        return len(DeltaTable(location).file_uris())
    except DeltaError:
        return 0


def _number(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def _commits(location: Path) -> Iterator[str]:
    for name in LOGS:
        for file in (location / name).glob("*.json"):
            yield file.read_text()


def _paths(commit: str) -> Iterator[str]:
    """Yield the data files that a commit names."""
    for line in commit.splitlines():
        action = json.loads(line)
        for kind in ("add", "remove"):
            if kind in action:
                yield action[kind]["path"]
