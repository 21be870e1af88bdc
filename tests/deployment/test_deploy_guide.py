"""Run the blocks of docs/deploy.md that need no workspace, in their order."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from crm.model.namespace import Namespace
from crm.repository.tables import grants

from ..conftest import BASE_DIR, LocalWarehouse
from ..patience import seconds
from .bundle import files
from .conftest import clean_environment

GUIDE = (BASE_DIR / "docs" / "deploy.md").read_text()
BLOCK = re.compile(r"^ *```(\w+)(?: (\w+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(language, mark or "", text) for language, mark, text in BLOCK.findall(GUIDE)]
# Commands that need a workspace, a repository's history or a person's terminal.
NOT_HERE = (
    "databricks ",
    "export ",
    "git ",
    "# export ",
    "--string-value",
    "python manage.py runserver",
    "python manage.py rehearse",  # tests/commands/test_rehearse.py does, since it takes a minute
)
# Runs lines like a shell, up to the first that fails: bash reads the line, and its `python` is a
# fork of this process, which has loaded the app already. Writes nothing if all lines worked.
SHELL = r"""
import os, subprocess, sys
import django
django.setup()
import crm.urls, manage

READ = 'python() { printf "%s\\0" "$@"; }; '
for line in sys.stdin.read().splitlines():
    words = subprocess.check_output(["bash", "-euc", READ + line], text=True).split("\0")[:-1]
    if os.fork() == 0:
        if words[0] != "manage.py":
            os.execv(sys.executable, [sys.executable, *words])
        sys.argv = words
        sys.exit(manage.main())
    if os.wait()[1]:
        sys.exit(line)
"""


@pytest.fixture
def terminal(server: LocalWarehouse) -> dict[str, str]:
    """A terminal that follows the guide, with the local warehouse as the workspace."""
    app, schema = f"app-{uuid.uuid4().hex[:8]}", f"g_{uuid.uuid4().hex[:8]}"
    server._ask("POST", "/principals", {"client_id": app, "secrets": ["s"]})
    return clean_environment() | {
        "DATABRICKS_HOST": server.control.removesuffix("/control"),
        "DATABRICKS_WAREHOUSE_ID": "local",
        "DATABRICKS_TOKEN": server.token,
        "DATABRICKS_CATALOG": "edip_guide",
        "DATABRICKS_SCHEMA": schema,
        "DJANGO_SECRET_KEY": "K7-pQz_4" * 8,
        "APP_ID": app,
    }


def test_every_command_that_can_be_run_here_works(
    terminal: dict[str, str], tmp_path: Path
) -> None:
    commands = [
        line for language, mark, text in BLOCKS if mark == "test" for line in text.splitlines()
    ]
    assert len(commands) >= 10
    # Commands write their files to another folder.
    lines = "\n".join(commands).replace("edip-crm-before.json", str(tmp_path / "before.json"))
    done = subprocess.run(
        [sys.executable, "-c", SHELL],
        cwd=BASE_DIR,
        env=terminal | {"DJANGO_SETTINGS_MODULE": "edip.settings"},
        input=lines,
        capture_output=True,
        text=True,
        timeout=seconds(60),
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert (tmp_path / "before.json").exists()


def test_what_is_not_run_cannot_be_run_here() -> None:
    for language, mark, text in BLOCKS:
        if language != "sh" or mark == "test":
            continue
        for line in text.strip().splitlines():
            allowed = line.strip().startswith(NOT_HERE) or "create_tables --sample-data" in line
            assert allowed, f"could be run: {line}"


def test_the_grants_are_those_that_print_grants_prints() -> None:
    printed = [
        f"{line};" for line in grants.statements(grants.EDITOR, Namespace(), "<application id>")
    ]
    (shown,) = (text for language, _, text in BLOCKS if "GRANT" in text and language == "sql")
    assert shown.strip().splitlines() == printed


def test_files_that_it_names_exist() -> None:
    linked = [BASE_DIR / "docs" / name for name in re.findall(r"\]\((\.\./[^)#]+)\)", GUIDE)]
    quoted = [BASE_DIR / name for name in re.findall(r"`((?:tests|crm)/[\w/.]+)`", GUIDE)]
    assert linked or quoted
    assert [file for file in (*linked, *quoted) if not file.exists()] == []


def test_names_agree_with_the_bundle() -> None:
    bundle = files()
    runnable = {name for kind in bundle["resources"].values() for name in kind}
    for used, declared in (
        (r"--target (\w+)", set(bundle["targets"])),
        (r"bundle run (\w+)", runnable),
    ):
        names = set(re.findall(used, GUIDE))
        assert names, used
        assert names <= declared


def test_each_variable_and_each_job_of_the_bundle_is_explained() -> None:
    bundle = files()
    for name in (*bundle["variables"], *bundle["resources"]["jobs"]):
        assert f"`{name}`" in GUIDE, name
