"""``make lint``: each checker finds a planted fault, and pre-commit runs the same commands."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import BASE_DIR

BIN = Path(sys.executable).parent
# The checkers' settings; Django's own checks need the whole app and run in the checkout.
SETTINGS = ("pyproject.toml", ".editorconfig")
# Commands of `make lint` that install a tool are no checks.
INSTALLED = (
    "--old-file=.venv/.installed",
    "--old-file=tests/js/node_modules/@biomejs/biome/bin/biome",
)
# tests/test_architecture.py plants a violation of each contract, tests/test_javascript.py faults
# in JavaScript and CSS.
PLANTED_ELSEWHERE = {"lint-imports", "biome"}
# Checker → the file that gets the fault, the fault, and the checker's message about it.
# Some faults are written in two parts, or the checkers would find them in this file.
FAULTS = {
    "ruff check": ("crm/fault.py", "import os\n", "F401"),
    "ruff format": ("crm/fault.py", "x = 'a'\n", "would be reformatted"),
    "mypy": ("crm/fault.py", "def double(x):\n    return x\n", "no-untyped-def"),
    "djlint": ("templates/fault.html", "<p><b>bold</p>\n", "H025"),
    "codespell": ("docs/fault.md", "Nothing was rec" + "ieved.\n", "==> received"),
    "manage.py": ("", "DJANGO_DEBUG=true", "security.W018"),
}


def commands() -> list[str]:
    """The commands of ``make lint``, as make would run them."""
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *INSTALLED, "lint"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if line.strip()]


def checker(command: str) -> str:
    """Return the checker that a command runs: ``ruff check``, ``mypy``, ``manage.py``, …"""
    found = re.search(
        r"\.venv/(?:node/)?bin/(?:python (?:-\S+ )*|node \S+/)?(ruff \w+|[\w.-]+)", command
    )
    assert found, command
    return found[1]


def test_each_checker_has_a_planted_fault() -> None:
    assert {checker(command) for command in commands()} == FAULTS.keys() | PLANTED_ELSEWHERE


def test_pre_commit_runs_the_same_commands() -> None:
    settings = yaml.safe_load((BASE_DIR / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in settings["repos"] for hook in repo["hooks"]]
    assert [repo["repo"] for repo in settings["repos"]] == ["local"]
    assert [shlex.split(hook["entry"]) for hook in hooks] == [*map(shlex.split, commands())]
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in hooks)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A sound project with our settings, small enough to be checked in seconds."""
    for name in SETTINGS:
        shutil.copy(BASE_DIR / name, tmp_path)
    sound = {
        "bench/__init__.py": "",
        "crm/__init__.py": '"""Nothing."""\n',
        "edip/__init__.py": "",
        "edip/settings.py": 'SECRET_KEY = "x"\n',
        "local_warehouse/__init__.py": "",
        "templates/page.html": "<p>A page.</p>\n",
        "docs/page.md": "Received.\n",
    }
    for name, text in sound.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(command: str, folder: Path, *environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ``make lint`` in a folder, with this Python's tools."""
    words = shlex.split(command)
    at = 1 if words[0] == "env" else 0
    words[at:at] = ["env", *environment] if not at else environment
    words = [re.sub(r"^\.venv/bin", str(BIN), word) for word in words]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(copy: Path, name: str) -> None:
    (command,) = [command for command in commands() if checker(command) == name]
    file, fault, message = FAULTS[name]
    folder = copy if file else BASE_DIR
    sound = run(command, folder)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    if file:
        (folder / file).write_text(fault)
        done = run(command, folder)
    else:
        # The variables come before the command's own, which take precedence.
        done = run(command, folder, fault)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
