"""Run the JavaScript modules' tests with Node, and plant faults that Biome must find."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from .conftest import BASE_DIR

BIOME = BASE_DIR / "tests/js/node_modules/@biomejs/biome/bin/biome"
TESTS = sorted((BASE_DIR / "tests/js").glob("*.test.mjs"))


def node() -> str:
    """Return the Node of Playwright's wheel, or the one on the PATH. Skip the test without either."""
    for command in (compute_driver_executable()[0], shutil.which("node")):
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


def test_the_javascript_tests_pass() -> None:
    done = run_node_tests(*TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.M)[1]) > 30


def test_a_failing_javascript_test_is_noticed(tmp_path: Path) -> None:
    planted = tmp_path / "planted.test.mjs"
    planted.write_text(
        'import { test } from "node:test";\ntest("x", () => { throw Error("no"); });\n'
    )
    assert run_node_tests(planted).returncode != 0


@pytest.mark.parametrize(
    ("file", "text", "rule"),
    [
        ("static/js/x.js", "export const x = undefinedName;\n", "noUndeclaredVariables"),
        ("static/js/x.js", "const unused = 1;\n", "noUnusedVariables"),
        ("static/js/x.js", 'export const x  = "badly formatted"\n', "format"),
        ("static/css/x.css", ".a { colour: red; }\n", "noUnknownProperty"),
        ("static/css/x.css", ".a { top: 0; top: 1px; }\n", "noDuplicateProperties"),
        ("tests/js/x.test.mjs", "undefinedName();\n", "noUndeclaredVariables"),
    ],
)
def test_biome_finds_a_planted_fault(tmp_path: Path, file: str, text: str, rule: str) -> None:
    if not BIOME.exists():
        pytest.skip("`make lint` installs Biome")
    shutil.copy(BASE_DIR / "biome.json", tmp_path)
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(text)
    done = subprocess.run(
        [node(), str(BIOME), "ci", "--error-on-warnings", "--colors=off", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert rule in done.stdout + done.stderr


def test_biome_runs_in_the_pinned_version() -> None:
    package = json.loads((BASE_DIR / "tests/js/package.json").read_text())
    lock = json.loads((BASE_DIR / "tests/js/package-lock.json").read_text())["packages"]
    pinned = package["devDependencies"]["@biomejs/biome"]
    assert re.fullmatch(r"[0-9.]+", pinned)
    for name, entry in lock.items():
        if name:
            assert entry["version"] == pinned
            assert entry["integrity"].startswith("sha512-")
