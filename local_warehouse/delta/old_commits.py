"""Keep old commits of a table apart from its log.

The engine lists the whole log for every statement, although it reads only the latest checkpoint
and the commits after it: 3,000 old commits cost an UPDATE 100 ms. So they are moved to a folder
beside the log. Versions that need them are opened from a copy of the log.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from .log import LOG, OLD_COMMITS

# Commits that stay in the log, and how many more it may have before the others are moved.
KEPT, MORE = 64, 16
_NAME = re.compile(r"(\d{20})\.(json$|checkpoint\.)")


def move_old_commits(location: Path, kept: int = KEPT, more: int = MORE) -> None:
    """Move commits and checkpoints out of the log that the engine does not need any more.

    A statement that began many commits ago still finds the latest ``kept``; nothing is moved
    before there are ``more`` than these.
    """
    log, old = location / LOG, location / OLD_COMMITS
    found = dict(_entries(log))
    commits = sorted(version for name, version in found.items() if name.endswith(".json"))
    checkpoints = sorted(version for name, version in found.items() if ".checkpoint." in name)
    if len(commits) <= kept + more:
        return
    first_kept = commits[-kept]
    if not checkpoints or checkpoints[-1] < first_kept:
        return
    old.mkdir(exist_ok=True)
    for name, version in found.items():
        if version < first_kept:
            os.rename(log / name, old / name)


def delete_commits(location: Path, before: int) -> None:
    """Delete the commits and checkpoints before a version."""
    for folder in (location / OLD_COMMITS, location / LOG):
        with suppress(FileNotFoundError):
            for name, version in _entries(folder):
                if version < before:
                    (folder / name).unlink(missing_ok=True)


def latest_checkpoint(location: Path, before: int) -> int:
    """Return the version of the latest checkpoint before a version; 0 if there is none."""
    found = []
    for folder in (location / LOG, location / OLD_COMMITS):
        with suppress(FileNotFoundError):
            found += [n for name, n in _entries(folder) if ".checkpoint." in name and n < before]
    return max(found, default=0)


def open_version(location: Path, version: int) -> DeltaTable:
    """Return the table as of a version. Raises DeltaError if its commits are gone."""
    try:
        return DeltaTable(location, version=version)
    except DeltaError:
        if not (location / OLD_COMMITS).exists():
            raise
    while True:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            (copy / LOG).mkdir()
            for file in _needed(location, version):
                (copy / LOG / file.name).symlink_to(file.absolute())
            try:
                return DeltaTable(copy, version=version)
            except DeltaError:
                if all(link.exists() for link in (copy / LOG).iterdir()):
                    raise
                # A commit was moved since: it is found where it is now.


def _needed(location: Path, version: int) -> Iterator[Path]:
    """Return the latest checkpoint before the version, and the commits from there to it."""
    # In this order: what is moved meanwhile is found in the second folder.
    both = [location / LOG, location / OLD_COMMITS]
    found = {
        name: (number, folder / name)
        for folder in both
        for name, number in _entries(folder)
        if number <= version
    }
    first = max((n for name, (n, _) in found.items() if ".checkpoint." in name), default=0)
    return (file for number, file in found.values() if number >= first)


def _entries(folder: Path) -> Iterator[tuple[str, int]]:
    """Return the names of commits and checkpoints, with their versions."""
    for name in os.listdir(folder):
        if match := _NAME.match(name):
            yield name, int(match[1])
