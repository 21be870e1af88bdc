"""Staged tables: the copy of a table that a transaction changes before others see it.

For the engine a staged table is a separate table, with its own log and with hard links to the data
files of the version with which the transaction began. In the end the changes in its log become one
commit of the real table.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from local_warehouse.catalog.objects import Table
from local_warehouse.engine import Engine

from . import log
from .files import Files
from .log import Action
from .old_commits import open_version
from .snapshot_log import only_commit


@dataclass(frozen=True)
class Staged:
    """A staged table; ``version`` is the real table's version that it began with."""

    table: Table
    id: str
    location: Path
    version: int
    began_with: Files

    def latest(self) -> int:
        """Return the number of commits that the transaction made to the table."""
        return log.latest_version(self.location, 0)

    def actions(self) -> list[Action]:
        """Return the actions that make the same changes as one commit of the real table."""
        commits = [log.read_commit(self.location, n) for n in range(1, self.latest() + 1)]
        ends_with = Files.of(DeltaTable(self.location))
        added = {
            action["add"]["path"]: action
            for actions in commits
            for action in actions
            if "add" in action
        }
        new = ends_with - self.began_with
        return [
            self._commit_info(),
            *log.remove_actions((self.began_with - ends_with).sizes, changes_data=True),
            *(added[path] for path in new.sizes),
        ]

    def _commit_info(self) -> Action:
        """Return the ``commitInfo`` of the transaction's last statement; the commit may
        conflict."""
        info = log.commit_info(self.location, self.latest())
        is_append = all(
            log.commit_info(self.location, n).get("isBlindAppend")
            for n in range(1, self.latest() + 1)
        )
        now = int(time.time() * 1000)
        return {"commitInfo": {**info, "timestamp": now, "isBlindAppend": is_append}}

    def link_new_files(self, location: Path) -> None:
        """Link the files that the transaction wrote into the real table's folder."""
        for path in (Files.of(DeltaTable(self.location)) - self.began_with).sizes:
            os.link(self.location / path, location / path)


@contextmanager
def staged(
    table: Table, location: Path, version: int, folder: Path, engine: Engine
) -> Iterator[Staged]:
    """Give the block a staged copy of a version of the table.

    The caller holds the table. The copy is gone when the block ends.
    """
    id = f"t_{uuid.uuid4().hex}"
    copy = folder / id
    delta = open_version(location, version)
    files = Files.of(delta)
    (copy / "_delta_log").mkdir(parents=True)
    try:
        for path in files.sizes:
            os.link(location / path, copy / path)
        log.commit(copy, 0, only_commit(id, delta.schema().to_json(), files))
        engine.register(id, str(copy))
        yield Staged(table, id, copy, version, files)
    finally:
        engine.forget(id)
        shutil.rmtree(copy, ignore_errors=True)
