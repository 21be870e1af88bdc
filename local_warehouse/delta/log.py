"""The Delta log of one table: reading commits, and committing what the engine cannot.

The engine commits data; changes of a table's description, clones and restored versions are
committed here.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import Schema

from local_warehouse.engine import Engine
from local_warehouse.errors import SqlError


def _commit_file(location: Path, version: int) -> Path:
    return location / "_delta_log" / f"{version:020d}.json"


def latest_version(location: Path, known: int = -1) -> int:
    """The newest committed version; ``known`` is one that surely exists (saves listing)."""
    if known < 0:
        names = (entry.name for entry in os.scandir(location / "_delta_log"))
        known = max(int(name[:20]) for name in names if name.endswith(".json") and len(name) == 25)
    while _commit_file(location, known + 1).exists():
        known += 1
    return known


@dataclass(frozen=True)
class Reach:
    """The first version whose commit is in the log, and the first that can be read as a whole."""

    commits: int
    versions: int


def reach(location: Path) -> Reach:
    """Where commits were cleaned away, a version can be read from the first checkpoint on."""
    names = [entry.name for entry in os.scandir(location / "_delta_log")]
    commits = sorted(int(n[:20]) for n in names if n.endswith(".json") and len(n) == 25)
    if not commits or commits[0] == 0:
        return Reach(0, 0)
    checkpoints = {int(n[:20]) for n in names if re.match(r"\d{20}\.checkpoint\.", n)}
    later = [version for version in checkpoints if version >= commits[0]]
    return Reach(commits[0], min(later, default=commits[-1]))


def has_commit(location: Path, version: int) -> bool:
    return _commit_file(location, version).exists()


def commit_info(location: Path, version: int) -> dict:
    """The ``commitInfo`` of one version; empty where the file is gone or has none."""
    try:
        with _commit_file(location, version).open() as file:
            for line in file:
                if '"commitInfo"' in line:
                    return json.loads(line)["commitInfo"]
    except FileNotFoundError:
        pass
    return {}


@dataclass(frozen=True)
class CommitFiles:
    """The data files whose rows a commit added and removed, each less those in both."""

    added: list[str]
    removed: list[str]
    info: dict


def files_of_commit(location: Path, version: int) -> CommitFiles:
    """Raises FileNotFoundError where the commit is gone."""
    added: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    info: dict = {}
    for action in read_commit(location, version):
        info = action.get("commitInfo", info)
        for name, files in (("add", added), ("remove", removed)):
            if action.get(name, {}).get("dataChange"):
                files[action[name]["path"]] += 1
    return CommitFiles([*(added - removed).elements()], [*(removed - added).elements()], info)


def read_commit(location: Path, version: int) -> list[dict]:
    """A commit's actions. Raises FileNotFoundError."""
    return [json.loads(line) for line in _commit_file(location, version).read_text().splitlines()]


def info(operation: str, parameters: dict[str, str | None], metrics: dict | None = None) -> dict:
    """The ``commitInfo`` action: what DESCRIBE HISTORY tells of a version."""
    told = {
        "timestamp": int(time.time() * 1000),
        "operation": operation,
        "operationParameters": parameters,
        "isBlindAppend": False,
    }
    return {"commitInfo": told | ({"operationMetrics": metrics} if metrics is not None else {})}


def removed(files: Mapping[str, int], *, changes_data: bool) -> list[dict]:
    """Remove actions for files, given with their sizes."""
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


def added(files: Mapping[str, int], *, changes_data: bool) -> list[dict]:
    """Add actions for files, given with their sizes."""
    now = int(time.time() * 1000)
    return [
        {
            "add": {
                "path": path,
                "partitionValues": {},
                "size": size,
                "modificationTime": now,
                "dataChange": changes_data,
            }
        }
        for path, size in files.items()
    ]


def commit(location: Path, version: int, actions: Iterable[dict]) -> None:
    """Add a version to the log. Raises SqlError (2D521) if another commit came first."""
    temporary = location / "_delta_log" / f".{version}.{os.getpid()}.tmp"
    temporary.write_text("\n".join(json.dumps(action) for action in actions) + "\n")
    try:
        os.link(temporary, _commit_file(location, version))
    except FileExistsError:
        raise SqlError(
            "DELTA_CONCURRENT_WRITE", "A concurrent transaction has written new data.", "2D521"
        ) from None
    finally:
        temporary.unlink()


def new_field(name: str, sql_type: str, engine: Engine) -> dict:
    """A nullable column of a SQL type as Delta's schema describes it."""
    empty: pa.Table = engine.run(f"SELECT CAST(NULL AS {sql_type}) AS c LIMIT 0")
    field = json.loads(Schema.from_arrow(empty.schema).to_json())["fields"][0]
    return {**field, "name": name, "nullable": True, "metadata": {}}
