"""The JavaScript modules' own tests, run by Node; and that what the linter must find is found."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from .conftest import BASE_DIR

TESTS = sorted((BASE_DIR / "tests/js").glob("*.test.mjs"))


def node() -> str:
    """Node on the PATH, or the one that Playwright's wheel ships. Skips where neither runs."""
    for command in (shutil.which("node"), compute_driver_executable()[0]):
        if command and Path(command).exists():
            return command
    pytest.skip("Node is neither on the PATH nor in Playwright's package")


def run_node_tests(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node(), "--test", "--test-reporter=tap", *map(str, files)],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_javascript() -> None:
    done = run_node_tests(*TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.M)[1]) > 30


def test_a_failing_javascript_test_is_noticed(tmp_path: Path) -> None:
    planted = tmp_path / "planted.test.mjs"
    planted.write_text('import { test } from "node:test";\ntest("x", () => { throw Error("no"); });\n')
    assert run_node_tests(planted).returncode != 0
