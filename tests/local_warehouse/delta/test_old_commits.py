"""Old commits that are moved out of the log while a version is opened."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError

from local_warehouse.delta import old_commits
from local_warehouse.delta.log import LOG


def test_a_version_is_found_whose_commits_are_moved_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        write_deltalake(tmp_path, pa.table({"n": [n]}), mode="overwrite")
    old_commits.open_version(tmp_path, 5).create_checkpoint()
    old_commits.move_old_commits(tmp_path, kept=4, more=0)
    needed = old_commits._needed

    def list_and_move(location: Path, version: int) -> list[Path]:
        found = list(needed(location, version))
        old_commits.move_old_commits(location, kept=1, more=0)
        return found

    monkeypatch.setattr(old_commits, "_needed", list_and_move)
    assert old_commits.open_version(tmp_path, 4).version() == 4
    assert len(list((tmp_path / LOG).glob("*.json"))) == 1
    with pytest.raises(DeltaError):
        old_commits.open_version(tmp_path, 9)
