"""set_up: the command that the bundle's job runs."""

from __future__ import annotations

import subprocess
import sys
import uuid
from io import StringIO

import pytest
import yaml
from django.core.management import CommandError, call_command

from crm.model.namespace import Namespace
from crm.model.own_tables import ALL_TABLES
from crm.model.schema import ACCOUNTS
from crm.repository import ddl
from crm.repository.tables import grants
from crm.warehouse import Warehouse

from ..conftest import BASE_DIR, CATALOG, LocalWarehouse, Statements
from ..deployment.conftest import clean_environment
from ..schemas import READ


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("set_up", *arguments, stdout=out)
    return out.getvalue()


def test_it_does_what_is_missing_and_then_nothing(
    warehouse: Warehouse, statements: Statements
) -> None:
    schema = f"s_{uuid.uuid4().hex[:8]}"
    place = ("--catalog", CATALOG, "--schema", schema)
    app, readers = str(uuid.uuid4()), "account users"
    rights = ("--grant-editor", app, "--grant-reader", readers)
    with statements() as done:
        planned = run(*place, *rights, "--plan")
    assert all(READ.match(sql) for sql in done)
    assert planned.count("CREATE TABLE IF NOT EXISTS") == len(ALL_TABLES)
    wanted = grants.statements(grants.EDITOR, Namespace(CATALOG, schema), app)
    assert [line for line in planned.splitlines() if app in line] == [f"{g};" for g in wanted]
    assert run(*place, "--sample-data").count(": done") == len(ALL_TABLES) + 1
    home = warehouse.at(Namespace(CATALOG, schema))
    count = f"SELECT COUNT(*) AS n FROM {home.namespace.table(ACCOUNTS)}"
    assert home.query(count)[0]["n"] == 5
    assert run(*place, "--sample-data") == "The tables are up to date.\n"
    older = {ddl.VERSION_PROPERTY: "6"}
    home.execute(ddl.set_properties(ACCOUNTS, older, home.namespace), repeatable=True)
    assert "Migrate the tables, step 9" in run(*place)
    home.execute(f"DROP SCHEMA {home.namespace.quoted_schema} CASCADE", repeatable=True)


def test_what_could_not_be_done_is_named(sample: Warehouse) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("set_up", "--schema", "information_schema", stdout=out)
    assert ended.value.code == 1
    assert "Your rights do not suffice" in out.getvalue()
    assert "GRANT USE SCHEMA, CREATE TABLE" in out.getvalue()
    with pytest.raises(CommandError, match="cannot be the name"):
        run("--grant-editor", " ")


def test_the_job_runs_it(server: LocalWarehouse) -> None:
    """With nothing but the parameters that the bundle gives it."""
    bundle = yaml.safe_load((BASE_DIR / "databricks.yml").read_text())
    (task,) = bundle["resources"]["jobs"]["set_up"]["tasks"]
    values = {
        "workspace.file_path": str(BASE_DIR),
        "workspace.host": server.control.removesuffix("/control"),
        "var.warehouse_id": "local",
        "var.catalog": CATALOG,
        "var.schema": f"s_{uuid.uuid4().hex[:8]}",
        "resources.apps.edip_crm.service_principal_client_id": "app-1",
    }
    parameters: list[str] = task["spark_python_task"]["parameters"]
    for name, value in values.items():
        parameters = [each.replace(f"${{{name}}}", value) for each in parameters]
    assert not [each for each in parameters if "${" in each]
    # A token instead of the job's own sign-in, which only a workspace has.
    parameters = ["EDIP_AUTH=pat" if "EDIP_AUTH" in each else each for each in parameters]
    server._ask("POST", "/principals", {"client_id": "app-1", "secrets": ["s"]})
    before = server.last()
    done = subprocess.run(
        [sys.executable, task["spark_python_task"]["python_file"], *parameters],
        cwd=BASE_DIR,
        env=clean_environment() | {"DATABRICKS_TOKEN": server.token},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": done") >= len(ALL_TABLES)
    assert "Grant rights: done" in done.stdout
    assert all("page:set_up" in each["query_tags"] for each in server.statements(before))
