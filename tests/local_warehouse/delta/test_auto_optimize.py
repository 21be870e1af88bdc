"""What the warehouse tidies by itself, and what it keeps for as long as the table says."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from local_warehouse.cancellation import Cancellation
from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import DEFAULT_CATALOG, DEFAULT_SCHEMA, Column, Table
from local_warehouse.delta import log, old_commits, time_travel
from local_warehouse.delta.auto_optimize import USER, AutoOptimize
from local_warehouse.delta.change_feed.changes import ChangeFeed
from local_warehouse.delta.change_feed.row_differences import RowDifferences
from local_warehouse.delta.commits import Commits
from local_warehouse.delta.time_travel import TimeTravel
from local_warehouse.delta.unneeded_files import UnneededFiles

from ..conftest import made_days_ago, wait_until


class Tidied:
    """A table with 24 versions: 8 are 40 days old, the next 8 are 10 days old."""

    def __init__(self, folder: Path) -> None:
        self.catalog, columns = Catalog(folder), [Column("n", "BIGINT")]
        self.table = Table(DEFAULT_CATALOG, DEFAULT_SCHEMA, "t", columns, owner="")
        self.catalog.add_table(self.table)
        self.location = self.catalog.location(self.table)
        for version in range(24):
            write_deltalake(self.location, pa.table({"n": [version]}), mode="overwrite")
            if version % 5 == 0:
                DeltaTable(self.location).create_checkpoint()
        for version in range(16):
            made_days_ago(log.commit_file(self.location, version), 40 if version < 8 else 10)
        self.commits = Commits(self.catalog, folder)
        self.time_travel = TimeTravel(self.catalog, self.commits, folder)
        feed = ChangeFeed(self.catalog, self.commits, RowDifferences(self.catalog), folder)
        unneeded = UnneededFiles(self.catalog, self.commits, self.time_travel, feed)
        self.auto_optimize = AutoOptimize(self.catalog, self.commits, unneeded)

    def readable(self) -> list[int]:
        """Return the versions whose files are all there."""
        first, latest = (
            self.commits.earliest(self.table).readable,
            self.commits.version(self.table),
        )
        found = range(first, latest + 1)
        return [n for n in found if all(file.exists() for file in self._files(n))]

    def _files(self, version: int) -> list[Path]:
        opened = old_commits.open_version(self.location, version)
        return [self.location / Path(uri).name for uri in opened.file_uris()]

    def tidy(self) -> None:
        self.auto_optimize._cleaned_at.clear()  # as if a day had passed
        self.auto_optimize._optimize(self.table)


@pytest.fixture
def tidied(tmp_path: Path) -> Tidied:
    return Tidied(tmp_path)


def test_files_and_commits_go_after_their_retention(tidied: Tidied) -> None:
    """Files stay for a week and commits for 30 days, unless the table says otherwise."""
    commits = tidied.commits
    for version in range(24):
        commits.record(tidied.table, version, "ana", "")
    tidied.tidy()
    # Version 15 was the latest when the week began; the two last are VACUUM's notes.
    assert tidied.readable() == list(range(15, 26))
    # Version 7 was the latest when the 30 days began; the checkpoint before is that of version 5.
    assert commits.earliest(tidied.table) == log.EarliestVersions(5, 5)
    makers = [(n, maker["user"]) for n, maker in sorted(commits.makers(tidied.table).items())]
    assert makers == [*((n, "ana") for n in range(5, 24)), (24, USER), (25, USER)]
    assert DeltaTable(tidied.location).to_pyarrow_table().to_pydict() == {"n": [23]}
    tidied.tidy()
    assert commits.version(tidied.table) == 25


def test_nothing_goes_within_the_retention(tidied: Tidied) -> None:
    tidied.table.properties = {
        "delta.deletedFileRetentionDuration": "50 days",
        "delta.logRetentionDuration": "50 days",
    }
    tidied.tidy()
    assert tidied.readable() == list(range(24))


def test_a_full_disk_leaves_no_links_to_files(
    tidied: Tidied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with (
            pytest.raises(OSError, match="No space"),
            tidied.time_travel.reading(tidied.table, 20),
        ):
            pass
    assert list((tmp_path / "past").iterdir()) == []
    with tidied.time_travel.reading(tidied.table, 20) as path:
        assert DeltaTable(path).to_pyarrow_table().to_pydict() == {"n": [20]}


def test_folders_of_past_versions_have_few_files(
    tidied: Tidied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_travel, "FILES_KEPT", 4)  # a data file and the log in each folder
    for version in range(20, 24):
        with tidied.time_travel.reading(tidied.table, version):
            pass
    assert len(list((tmp_path / "past").iterdir())) == 2


def test_commits_before_a_gap_are_no_history(tidied: Tidied) -> None:
    """The engine deleted commits between those that were moved away and the latest."""
    tidied.table.properties["delta.deletedFileRetentionDuration"] = "50 days"
    old_commits.move_old_commits(tidied.location, kept=12, more=0)
    log.commit_file(tidied.location, 12).unlink()
    tidied.commits.forget(tidied.table)
    assert tidied.commits.earliest(tidied.table) == log.EarliestVersions(13, 15)
    tidied.tidy()
    assert tidied.commits.earliest(tidied.table).commit == 13
    assert list((tidied.location / log.OLD_COMMITS).iterdir()) == []


def test_the_log_changes_only_between_writes(
    tidied: Tidied, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_commits.move_old_commits, "__defaults__", (12, 0))
    entries = sorted(os.listdir(tidied.location / log.LOG))
    with tidied.commits.exclusively(tidied.table, Cancellation()):
        thread = threading.Thread(target=tidied.auto_optimize._optimize, args=[tidied.table])
        thread.start()
        wait_until(lambda: tidied.commits.writers() == 2)
        assert sorted(os.listdir(tidied.location / log.LOG)) == entries
    thread.join()
    assert sorted(os.listdir(tidied.location / log.LOG)) != entries


def test_it_can_be_switched_off(tidied: Tidied) -> None:
    for version in range(24, 49):
        with tidied.commits.exclusively(tidied.table, Cancellation()):
            write_deltalake(tidied.location, pa.table({"n": [version]}), mode="append")
        tidied.auto_optimize.is_on = version >= 40
        tidied.auto_optimize.after_write(tidied.table)
        if version == 39:
            assert tidied.readable()[0] == 0
    wait_until(lambda: tidied.commits.earliest(tidied.table).commit > 0)
