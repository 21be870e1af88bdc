"""Static files named by their content: pages, and modules that import modules, find them."""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from crm import icons
from edip import static_files

from ..conftest import BASE_DIR

IMPORT = re.compile(r"""(?:from|import)\s*["']([^"']+)["']""")


def collect(source: Path, target: Path, settings: Any) -> dict[str, str]:
    """Collect the files in ``source``; return the hashed name of each by its own name."""
    settings.STATICFILES_DIRS = [source]
    settings.STATIC_ROOT = str(target)
    settings.STORAGES = {"staticfiles": {"BACKEND": "edip.static_files.StaticFilesStorage"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    return json.loads((target / "staticfiles.json").read_text())["paths"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return shutil.copytree(BASE_DIR / "static", tmp_path / "source")


def test_modules_import_hashed_names(source: Path, tmp_path: Path, settings: Any) -> None:
    names = collect(source, tmp_path / "collected", settings)
    modules = [name for name in names if name.startswith("js/")]
    assert len(modules) > 20
    imports = 0
    for module in modules:
        text = (tmp_path / "collected" / names[module]).read_text()
        for imported in IMPORT.findall(text):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(module), imported))
            assert path in names.values(), f"{module} imports {imported}"
            assert (tmp_path / "collected" / path).exists()
            imports += 1
    assert imports > 30


def test_a_changed_module_renames_what_imports_it(
    source: Path, tmp_path: Path, settings: Any
) -> None:
    """Browsers keep files for a year: a new module under an old name would never arrive."""
    before = collect(source, tmp_path / "before", settings)
    with (source / "js/recent_changes/changes.js").open("a") as file:
        file.write("\n// A new line.\n")
    after = collect(source, tmp_path / "after", settings)
    renamed = {name for name in after if before[name] != after[name]}
    assert {"js/recent_changes/changes.js", "js/recent_changes/start.js"} <= renamed
    assert "js/recent_changes/poll.js" not in renamed
    assert "js/app.js" not in renamed


def test_nothing_is_written_where_somebody_else_could(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder's name is no secret: others may have put a file or a link in its place."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shared = static_files._folder.__wrapped__()
    shutil.rmtree(shared)
    for target in (None, tmp_path / "gone", elsewhere):
        shared.symlink_to(target) if target else shared.touch()
        folder = static_files._folder.__wrapped__()
        assert folder != shared
        assert (folder / icons.FILE).exists()
        shared.unlink()
    assert not list(elsewhere.iterdir())


def test_threads_write_the_file_of_icons_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(lambda _: static_files._folder.__wrapped__(), range(200)))
    assert [each.name for each in made[0].iterdir()] == [icons.FILE]


FIND = """
import os
from edip.static_files import IconsFinder
from crm import icons
path = IconsFinder().find(icons.FILE)
print(path, os.path.getsize(path), len(os.listdir(os.path.dirname(path))))
"""


def test_processes_share_one_file_of_icons(tmp_path: Path) -> None:
    """Processes that are killed remove nothing, so each must not have a file of its own."""

    def find() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", FIND],
            cwd=BASE_DIR,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    first = find()
    assert int(first[1]) > 1000
    assert find() == first
    assert first[2] == "1"
    assert len(list(tmp_path.glob("edip-icons-*"))) == 1
