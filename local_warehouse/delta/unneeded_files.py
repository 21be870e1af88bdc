"""Find the data files of a table that VACUUM may delete.

The commit that removed a file has the time of its removal. The engine forgets removed files at its
next checkpoint (commands/create.py sets this), since every write reads all files that it
remembers.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from deltalake import DeltaTable

from . import log
from .files import Files
from .log import EarliestVersions

_HOUR = 3600 * 1000
# Even where deleted files are kept for no time at all, the engine may go on with a cancelled
# statement and still commit the files that it has written.
_UNCOMMITTED = _HOUR


def find_unneeded_files(
    location: Path, hours: int, earliest: EarliestVersions, latest: int, *, lite: bool
) -> Files:
    """Return the files that no version of the last ``hours`` needs.

    These are files that a commit removed before then and, unless ``lite``, files that no commit
    names. The caller keeps other writers away.
    """
    now = int(time.time() * 1000)
    kept, expired = set(Files.of(DeltaTable(location)).sizes), set[str]()
    for version in range(earliest.commit, latest + 1):
        for path, removed_at in _removed(location, version):
            (expired if removed_at <= now - hours * _HOUR else kept).add(path)
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
    """Return the files that a commit removed, each with the time in milliseconds."""
    actions = log.read_commit(location, version)
    info: log.CommitInfo = next(
        (action["commitInfo"] for action in actions if "commitInfo" in action), {}
    )
    committed = info.get("timestamp", int(time.time() * 1000))
    removals = [action["remove"] for action in actions if "remove" in action]
    return [(each["path"], each.get("deletionTimestamp") or committed) for each in removals]
