"""Which data files of a table VACUUM may delete.

The engine forgets removed files at its next checkpoint, since every write reads all that it
remembers (create.py tells it so). When a file was removed says the commit that did.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from deltalake import DeltaTable

from . import log
from .files import Files
from .log import Reach

_HOUR = 3600 * 1000
# Even where deleted files are kept for no time at all: a cancelled statement is worked on by the
# engine, and may still commit what it has written.
_UNCOMMITTED = _HOUR


def unneeded(location: Path, hours: int, reach: Reach, latest: int, *, lite: bool) -> Files:
    """Files that no version within ``hours`` needs: what was removed before, and, unless ``lite``,
    what no commit names. Nobody must write meanwhile."""
    now = int(time.time() * 1000)
    kept, expired = set(Files.of(DeltaTable(location)).sizes), set()
    for version in range(reach.commits, latest + 1):
        for path, removed in _removed(location, version):
            (expired if removed <= now - hours * _HOUR else kept).add(path)
    abandoned = (now - max(hours * _HOUR, _UNCOMMITTED)) / 1000
    found = {}
    for entry in os.scandir(location):
        if entry.name in kept or entry.name.startswith(("_", ".")) or not entry.is_file():
            continue
        status = entry.stat()
        if entry.name in expired or (not lite and status.st_mtime < abandoned):
            found[entry.name] = status.st_size
    return Files(found)


def _removed(location: Path, version: int) -> list[tuple[str, int]]:
    """The files that a commit removed, and when."""
    actions = log.read_commit(location, version)
    info = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    committed = info.get("timestamp", int(time.time() * 1000))
    removals = [action["remove"] for action in actions if "remove" in action]
    return [(each["path"], each.get("deletionTimestamp") or committed) for each in removals]
