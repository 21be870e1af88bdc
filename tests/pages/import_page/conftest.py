from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory of the jobs, one for each test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path
