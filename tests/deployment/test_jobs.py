"""Each job of the bundle runs its command, with nothing but the parameters of the bundle."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from crm.model.schema import ACCOUNTS
from crm.warehouse import Warehouse

from ..conftest import BASE_DIR, CATALOG, LocalWarehouse
from .bundle import files, resolved
from .conftest import clean_environment

# Runs tasks one after the other, each in a fork, and writes each one's output and whether it
# failed. The first fork has nothing but its parameters; the others find loaded what takes long.
RUN = r"""
import json, os, runpy, sys, tempfile

tasks = json.load(sys.stdin)
for place, (file, parameters) in enumerate(tasks):
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
    if place == 0:
        os.environ |= dict(each.split("=", 1) for each in parameters[1].split())
        os.environ |= {"DJANGO_SECRET_KEY": "x" * 50, "DJANGO_SETTINGS_MODULE": "edip.settings"}
        import django
        django.setup()
        import crm.urls
"""


def job_values(server: LocalWarehouse, schema: str) -> dict[str, Any]:
    return {
        "workspace__file_path": str(BASE_DIR),
        "workspace_url": server.control.removesuffix("/control"),
        "warehouse_id": "local",
        "catalog": CATALOG,
        "schema": schema,
    }


def run(server: LocalWarehouse, schema: str, *names: str) -> list[tuple[str, bool]]:
    """Run jobs; return what each wrote, and whether it failed."""
    tasks = []
    jobs = resolved("production", **job_values(server, schema))["jobs"]
    for name in names:
        (task,) = jobs[name]["tasks"]
        file = (BASE_DIR / "resources" / task["spark_python_task"]["python_file"]).resolve()
        # A token instead of the job's own sign-in, which only a workspace has.
        parameters = [
            each.replace("EDIP_AUTH=unified", "EDIP_AUTH=pat")
            for each in task["spark_python_task"]["parameters"]
        ]
        tasks.append([str(file), parameters])
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=BASE_DIR,
        env=clean_environment() | {"DATABRICKS_TOKEN": server.token},
        input=json.dumps(tasks),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return [(text, failed) for text, failed in map(json.loads, done.stdout.splitlines())]


def test_every_job_runs_its_command_and_fails_with_it(
    server: LocalWarehouse, warehouse: Warehouse
) -> None:
    twice = f"INSERT INTO {warehouse.namespace.table(ACCOUNTS)} (bsnid) VALUES ('A'), ('A')"
    warehouse.execute(twice, repeatable=False)
    server._ask("POST", "/principals", {"client_id": "app-1", "secrets": ["s"]})
    before = server.last()
    # First of all the one that has settings of its own, in the process that has loaded nothing.
    names = ["digest", "set_up"]
    names += sorted(set(files()["resources"]["jobs"]) - set(names))
    said = dict(zip(names, run(server, warehouse.namespace.schema, *names), strict=True))
    assert [name for name in names if said[name][1]] == ["check_integrity"], said
    assert "Grant rights: done" in said["set_up"][0]
    assert "2 accounts" in said["backup"][0]
    assert "accounts: 1 → 1 files" in said["maintain"][0]
    assert "Nobody asked for a digest" in said["digest"][0]
    assert "check_integrity ended with 1" in said["check_integrity"][0]
    tags = {each["query_tags"] for each in server.statements(before)}
    for name in names:
        assert any(f"page:{name}" in each for each in tags), name
