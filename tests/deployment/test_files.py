"""app.yaml and databricks.yml match each other and Databricks' documentation."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Any

import pytest
import yaml

from ..conftest import BASE_DIR
from .conftest import app_yaml

# The variables that Databricks sets for every app.
INJECTED = {
    "DATABRICKS_APP_NAME",
    "DATABRICKS_APP_PORT",
    "DATABRICKS_CLIENT_ID",
    "DATABRICKS_CLIENT_SECRET",
    "DATABRICKS_HOST",
    "DATABRICKS_WORKSPACE_ID",
}


@pytest.fixture(scope="module")
def bundle() -> dict[str, Any]:
    return yaml.safe_load((BASE_DIR / "databricks.yml").read_text())


@pytest.fixture(scope="module")
def app(bundle: dict[str, Any]) -> dict[str, Any]:
    (app,) = bundle["resources"]["apps"].values()
    return app


def test_the_command_needs_no_shell() -> None:
    command = app_yaml()["command"]
    assert command[0] == "gunicorn"
    assert "--bind=0.0.0.0:$DATABRICKS_APP_PORT" in command
    for part in command:
        assert not re.search(r"[|&;<>`]|\$(?!DATABRICKS_APP_PORT)", part), part


def test_values_come_from_resources_of_the_bundle(app: dict[str, Any]) -> None:
    resources = {resource["name"] for resource in app["resources"]}
    entries = app_yaml()["env"]
    assert all(set(entry) in ({"name", "value"}, {"name", "valueFrom"}) for entry in entries)
    # The nested form, valueFrom: {resource: …}, is an "Error reading app.yaml".
    wanted = {entry["valueFrom"] for entry in entries if "valueFrom" in entry}
    assert wanted == resources
    assert not INJECTED & {entry["name"] for entry in entries}


def test_variables_are_ones_that_we_read() -> None:
    example = (BASE_DIR / ".env.example").read_text()
    names = [entry["name"] for entry in app_yaml()["env"]]
    assert names
    assert [name for name in names if not re.search(rf"^#? ?{name}=", example, re.M)] == []


def test_the_bundle_is_what_the_sdk_knows(app: dict[str, Any]) -> None:
    # Only here: each process of the suite imports this file, and the SDK takes a second.
    from databricks.sdk.service import apps

    known = apps.App.from_dict(app)
    # The SDK drops keys that it does not know: a complete copy means that it knows all of them.
    rest = {key: app[key] for key in app if key != "permissions"}
    assert known.as_dict() == rest
    assert known.user_api_scopes == ["sql"]
    warehouse, secret = known.resources
    can_use = apps.AppResourceSqlWarehouseSqlWarehousePermission.CAN_USE
    assert warehouse.sql_warehouse.permission == can_use
    assert secret.secret.permission == apps.AppResourceSecretSecretPermission.READ
    for entry in app["permissions"]:
        assert apps.AppAccessControlRequest.from_dict(
            {"group_name": entry["group_name"], "permission_level": entry["level"]}
        ).permission_level


def test_the_jobs_are_what_the_sdk_knows(bundle: dict[str, Any]) -> None:
    from databricks.sdk.service import jobs

    for job in bundle["resources"]["jobs"].values():
        assert jobs.JobSettings.from_dict(job).as_dict() == job
        for task in job["tasks"]:
            assert (BASE_DIR / task["spark_python_task"]["python_file"]).exists()


def test_variables_of_the_bundle_are_declared_and_used(bundle: dict[str, Any]) -> None:
    used = set(re.findall(r"\$\{var\.(\w+)\}", yaml.safe_dump(bundle["resources"])))
    assert used == set(bundle["variables"])
    assert all(variable["description"] for variable in bundle["variables"].values())
    for target in bundle["targets"].values():
        assert set(target.get("variables", {})) <= used


def test_the_app_name_is_allowed(bundle: dict[str, Any]) -> None:
    names = [bundle["variables"]["app_name"]["default"]]
    names += [t.get("variables", {}).get("app_name", "x") for t in bundle["targets"].values()]
    assert all(re.fullmatch(r"[a-z0-9-]{1,30}", name) for name in names)


def test_what_runs_is_uploaded(bundle: dict[str, Any]) -> None:
    left_out = bundle["sync"]["exclude"]
    needed = (
        "crm",
        "edip",
        "static",
        "templates",
        "app.yaml",
        "requirements.txt",
        "gunicorn.conf.py",
    )
    files = [str(file.relative_to(BASE_DIR)) for name in needed for file in _files(name)]
    assert len(files) > 100
    assert [f for f in files for pattern in left_out if _matches(f, pattern)] == []
    names = [pattern.split("/")[0] for pattern in left_out]
    private = {".env", ".env.*", ".local"}
    assert {name for name in names if not (BASE_DIR / name).exists()} <= private
    assert {".env", ".env.*"} <= set(left_out)


def test_no_documented_way_uploads_settings_of_a_developer() -> None:
    """The CLI leaves out what .gitignore names; by hand, the guide says what to leave out."""
    assert ".env" in (BASE_DIR / ".gitignore").read_text().splitlines()
    guide = " ".join((BASE_DIR / "docs/deploy.md").read_text().split())
    by_hand = re.search(r"upload this folder without ([^.]|\.(?=\w))+", guide)
    assert by_hand
    assert "`.env`" in by_hand[0]


def _files(name: str) -> list[Path]:
    """Return the file itself, or the files in the folder of this name."""
    path = BASE_DIR / name
    below = [file for file in path.rglob("*") if "__pycache__" not in file.parts]
    return [file for file in (path, *below) if file.is_file()]


def _matches(file: str, pattern: str) -> bool:
    """Whether a .gitignore-like pattern of the bundle covers the file or a folder of it."""
    parents = [file, *map(str, PurePath(file).parents)]
    clean = pattern.removesuffix("/**").rstrip("/")
    return any(PurePath(path).match(clean) for path in parents)


@pytest.mark.parametrize("pattern", ["crm", "crm/**", "*.py", "crm/views/", "**/*.py"])
def test_patterns_that_would_leave_code_out_are_seen(pattern: str) -> None:
    assert _matches("crm/views/health.py", pattern)


def test_no_file_is_too_large_for_databricks_apps() -> None:
    for folder in ("crm", "edip", "static", "templates"):
        for file in (BASE_DIR / folder).rglob("*"):
            assert not file.is_file() or file.stat().st_size < 10 * 2**20, file
