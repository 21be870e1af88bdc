"""The Delta log of one table: read commits, and make the commits that the engine cannot make.

The engine commits data. Changes of a table's description, clones and restored versions are
committed here.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import Schema

from local_warehouse.engine import Engine
from local_warehouse.errors import concurrent_commit

# JSON objects of the log, whose values may have any type: an action, the content of a
# ``commitInfo`` action, and a field of a schema.
Action = dict[str, Any]
CommitInfo = dict[str, Any]
Field = dict[str, Any]
Parameters = Mapping[str, str | None]


LOG = "_delta_log"
# Where old_commits.py moves commits.
OLD_COMMITS = "_old_commits"


def commit_file(location: Path, version: int) -> Path:
    """Return the file of a new commit; an old one may have been moved."""
    return location / LOG / f"{version:020d}.json"


def latest_version(location: Path, known: int = -1) -> int:
    """Return the newest committed version.

    ``known`` is a version that surely exists; it saves listing the folder.
    """
    if known < 0:
        names = os.listdir(location / LOG)
        known = max(int(name[:20]) for name in names if name.endswith(".json") and len(name) == 25)
    while commit_file(location, known + 1).exists():
        known += 1
    return known


@dataclass(frozen=True)
class EarliestVersions:
    """The first version whose commit is in the log, and the first that can be read whole."""

    commit: int
    readable: int


def earliest(location: Path) -> EarliestVersions:
    """Return the earliest versions that the log has.

    Where old commits were deleted, versions can be read from the first checkpoint on. Commits
    before a gap count as deleted.
    """
    names = os.listdir(location / LOG)
    with suppress(FileNotFoundError):
        names += os.listdir(location / OLD_COMMITS)
    commits = {int(n[:20]) for n in names if n.endswith(".json") and len(n) == 25}
    first = latest = max(commits, default=0)
    while first - 1 in commits:
        first -= 1
    if first == 0:
        return EarliestVersions(0, 0)
    checkpoints = {int(n[:20]) for n in names if re.match(r"\d{20}\.checkpoint\.", n)}
    later = [version for version in checkpoints if version >= first]
    return EarliestVersions(first, min(later, default=latest))


def has_commit(location: Path, version: int) -> bool:
    return any(file.exists() for file in _files(location, version))


def _files(location: Path, version: int) -> tuple[Path, Path]:
    """Return the two places of a commit: in the log, and where old ones are moved to."""
    file = commit_file(location, version)
    return file, location / OLD_COMMITS / file.name


def _read(location: Path, version: int) -> str:
    """Return the text of a commit. Raises FileNotFoundError."""
    file, moved = _files(location, version)
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return moved.read_text(encoding="utf-8")


def commit_info(location: Path, version: int) -> CommitInfo:
    """Return the ``commitInfo`` of one version; empty if the file is gone or has none."""
    with suppress(FileNotFoundError):
        for line in _read(location, version).split("\n"):
            if '"commitInfo"' in line:
                info: CommitInfo = json.loads(line)["commitInfo"]
                return info
    return {}


@dataclass(frozen=True)
class CommitFiles:
    """The data files that a commit added, and those that it removed; none that it did both to."""

    added: list[str]
    removed: list[str]
    info: CommitInfo


def files_of_commit(location: Path, version: int) -> CommitFiles:
    """Return the data files of a commit. Raises FileNotFoundError if the commit is gone."""
    added: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    info: CommitInfo = {}
    for action in read_commit(location, version):
        info = action.get("commitInfo", info)
        for name, files in (("add", added), ("remove", removed)):
            if action.get(name, {}).get("dataChange"):
                files[action[name]["path"]] += 1
    return CommitFiles([*(added - removed).elements()], [*(removed - added).elements()], info)


def read_json_lines(text: str) -> list[dict[str, Any]]:
    """Return the objects of a JSON Lines file.

    Only a line feed ends a line: ``str.splitlines`` would also split at U+2028 and U+0085, which
    JSON text may contain.
    """
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def read_commit(location: Path, version: int) -> list[Action]:
    """Return a commit's actions. Raises FileNotFoundError."""
    return read_json_lines(_read(location, version))


def commit_info_action(
    operation: str, parameters: Parameters, metrics: Mapping[str, int] | None = None
) -> Action:
    """Return the ``commitInfo`` action, which DESCRIBE HISTORY shows."""
    info = {
        "timestamp": int(time.time() * 1000),
        "operation": operation,
        "operationParameters": parameters,
        "isBlindAppend": False,
    }
    return {"commitInfo": info | ({"operationMetrics": metrics} if metrics is not None else {})}


def remove_actions(files: Mapping[str, int], *, changes_data: bool) -> list[Action]:
    """Return actions that remove files; ``files`` maps paths to sizes in bytes."""
    now = int(time.time() * 1000)
    return [
        {
            "remove": {
                "path": path,
                "deletionTimestamp": now,
                "dataChange": changes_data,
                "size": size,
            }
        }
        for path, size in files.items()
    ]


def add_actions(
    files: Mapping[str, int],
    rows: Mapping[str, int] | None = None,
    *,
    changes_data: bool,
) -> list[Action]:
    """Return actions that add files; ``files`` maps paths to sizes in bytes.

    ``rows`` maps paths to numbers of rows, from which the engine counts deleted ones.
    """
    now = int(time.time() * 1000)
    return [
        {
            "add": {
                "path": path,
                "partitionValues": {},
                "size": size,
                "modificationTime": now,
                "dataChange": changes_data,
                **_stats((rows or {}).get(path)),
            }
        }
        for path, size in files.items()
    ]


def _stats(rows: int | None) -> dict[str, str]:
    return {} if rows is None else {"stats": json.dumps({"numRecords": rows})}


def as_text(actions: Iterable[Action]) -> str:
    """Return the text of a commit."""
    return "\n".join(json.dumps(action) for action in actions) + "\n"


def commit(location: Path, version: int, actions: Iterable[Action]) -> None:
    """Add a version to the log. Raises SqlError (2D521) if another commit came first."""
    temporary = location / LOG / f".{version}.{os.getpid()}.tmp"
    temporary.write_text(as_text(actions))
    try:
        os.link(temporary, commit_file(location, version))
    except FileExistsError:
        raise concurrent_commit() from None
    finally:
        temporary.unlink()


def new_field(name: str, sql_type: str, engine: Engine) -> Field:
    """Return a nullable column of a SQL type as a field of a Delta schema."""
    empty: pa.Table = engine.run(f"SELECT CAST(NULL AS {sql_type}) AS c LIMIT 0")
    field: Field = json.loads(Schema.from_arrow(empty.schema).to_json())["fields"][0]
    return {**field, "name": name, "nullable": True, "metadata": {}}
