"""The bundle's jobs as Databricks runs them: a Python file with parameters, and nothing else.

The platform signs a real job in as ``run_as``; here a job uses a profile of the Databricks CLI,
like an engineer's terminal.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..conftest import BASE_DIR, LocalWarehouse
from ..deployment.conftest import clean_environment
from ..patience import seconds

# Runs one task for each line, in a fork; writes its output, and whether it failed. For the first
# two tasks only the slow packages are imported before; for the others Django is also loaded, with
# their settings.
RUN = r"""
import json, os, runpy, sys, tempfile
import databricks.sdk, databricks.sql, django.core.management, pandas, sqlalchemy.pool

for place, line in enumerate(sys.stdin):
    file, parameters = json.loads(line)
    with tempfile.TemporaryFile("w+") as output:
        if os.fork() == 0:
            os.dup2(output.fileno(), 1), os.dup2(output.fileno(), 2)
            sys.argv = [file, *parameters]
            runpy.run_path(file, run_name="__main__")
            sys.stdout.flush()
            os._exit(0)
        failed = os.wait()[1] != 0
        output.seek(0)
        print(json.dumps([output.read(), failed]), flush=True)
    if place == 1:
        os.environ |= dict(each.split("=", 1) for each in parameters[1].split())
        os.environ |= {"DJANGO_SECRET_KEY": "x" * 50, "DJANGO_SETTINGS_MODULE": "edip.settings"}
        django.setup()
        import crm.urls
"""


@dataclass(frozen=True)
class Jobs:
    """The jobs of a bundle that was deployed."""

    declared: dict[str, Any]
    process: subprocess.Popen[str]

    def run(self, name: str) -> tuple[str, bool]:
        """Run a job; return what it wrote, and whether it failed."""
        return self._run(*self._task(name))

    def command(self, *words: str) -> str:
        """Run another command with the settings of the jobs; return what it wrote."""
        file, parameters = self._task("backup")
        text, has_failed = self._run(file, [*parameters[:2], *words])
        assert not has_failed, text
        return text

    def _task(self, name: str) -> tuple[str, list[str]]:
        (task,) = self.declared[name]["tasks"]
        python = task["spark_python_task"]
        return str((BASE_DIR / "resources" / python["python_file"]).resolve()), python[
            "parameters"
        ]

    def _run(self, file: str, parameters: list[str]) -> tuple[str, bool]:
        self.process.stdin.write(json.dumps([file, parameters]) + "\n")
        self.process.stdin.flush()
        text, has_failed = json.loads(self.process.stdout.readline())
        return text, has_failed


@contextmanager
def jobs(declared: dict[str, Any], server: LocalWarehouse, folder: Path) -> Iterator[Jobs]:
    profiles = folder / "databrickscfg"
    host = server.control.removesuffix("/control")
    profiles.write_text(f"[engineer]\nhost = {host}\ntoken = {server.token}\n")
    names = {"DATABRICKS_CONFIG_FILE": str(profiles), "DATABRICKS_CONFIG_PROFILE": "engineer"}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=BASE_DIR,
        env=clean_environment() | names,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Jobs(declared, process)
    finally:
        process.stdin.close()
        process.wait(seconds(10))
        process.stdout.close()
