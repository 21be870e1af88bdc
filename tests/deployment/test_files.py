"""app.yaml and databricks.yml match each other and Databricks' documentation."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Any

import pytest
import yaml

from crm.management.commands.export_data import SUFFIXES

from ..conftest import BASE_DIR
from .bundle import files, resolved
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
def app() -> dict[str, Any]:
    return resolved("production")["apps"]["edip_crm"]


def test_the_command_needs_no_shell() -> None:
    command = app_yaml()["command"]
    assert command[0] == "gunicorn"
    assert "--bind=0.0.0.0:$DATABRICKS_APP_PORT" in command
    for part in command:
        assert not re.search(r"[|&;<>`]|\$(?!DATABRICKS_APP_PORT)", part), part


def test_values_come_from_resources_of_the_bundle(app: dict[str, Any]) -> None:
    resources = {resource["name"] for resource in app["resources"]}
    # The two files spell the key differently. The nested form, valueFrom: {resource: …}, is an
    # "Error reading app.yaml".
    for entries, key in ((app_yaml()["env"], "valueFrom"), (app["config"]["env"], "value_from")):
        assert all(set(entry) in ({"name", "value"}, {"name", key}) for entry in entries)
        assert {entry[key] for entry in entries if key in entry} == resources
        assert not INJECTED & {entry["name"] for entry in entries}
        # No value is empty: Databricks could take it for a missing one.
        assert all(entry.get("value", "x") for entry in entries)


def test_variables_are_ones_that_we_read(app: dict[str, Any]) -> None:
    example = (BASE_DIR / ".env.example").read_text()
    names = [entry["name"] for entry in (*app_yaml()["env"], *app["config"]["env"])]
    names += re.findall(r"([A-Z_]+)=", files()["variables"]["job_settings"]["default"])
    assert [name for name in names if not re.search(rf"^#? ?{name}=", example, re.M)] == []


def test_the_bundle_starts_the_app_as_app_yaml_does(app: dict[str, Any]) -> None:
    assert app["config"]["command"] == app_yaml()["command"]
    names = {entry["name"] for entry in app["config"]["env"]}
    assert {entry["name"] for entry in app_yaml()["env"]} <= names


def test_the_sdk_knows_all_of_it(app: dict[str, Any]) -> None:
    """The SDK drops keys that it does not know: a complete copy means that it knows all of them."""
    # Only here: each process of the suite imports this file, and the SDK takes a second.
    from databricks.sdk.service import apps, jobs, sql

    of_the_bundle = {"permissions", "config", "lifecycle", "source_code_path"}
    rest = {key: app[key] for key in app if key not in of_the_bundle}
    assert apps.App.from_dict(rest).as_dict() == {k: v for k, v in rest.items() if v != []}
    for entry in app["permissions"]:
        assert apps.AppAccessControlRequest.from_dict(
            {"group_name": entry["group_name"], "permission_level": entry["level"]}
        ).permission_level
    for job in resolved("production", alert_webhooks=[{"id": "1"}])["jobs"].values():
        assert jobs.JobSettings.from_dict(job).as_dict() == job
    for alert in resolved("production")["alerts"].values():
        assert sql.AlertV2.from_dict(alert).as_dict() == alert


def test_variables_of_the_bundle_are_declared_and_used() -> None:
    whole = files()
    declared = whole["variables"]
    places = yaml.safe_dump([whole["resources"], whole["targets"], list(declared.values())])
    assert set(re.findall(r"\$\{var\.(\w+)\}", places)) == set(declared)
    assert all(variable["description"] for variable in declared.values())
    for target in whole["targets"].values():
        assert set(target["variables"]) <= set(declared)


def test_targets_share_neither_app_nor_tables() -> None:
    """Neither do two engineers who deploy ``test``."""
    me = {"workspace__current_user__short_name": "bob_b"}
    me |= {"workspace__current_user__domain_friendly_name": "bob-b"}
    bundles = [resolved("production"), resolved("test"), resolved("test", **me)]
    for bundle in bundles:
        app = bundle["apps"]["edip_crm"]
        env = {entry["name"]: entry.get("value") for entry in app["config"]["env"]}
        assert re.fullmatch(r"[a-z0-9-]{1,30}", app["name"])
        # The jobs use the app's tables.
        (task,) = bundle["jobs"]["backup"]["tasks"]
        own = dict(each.split("=") for each in task["spark_python_task"]["parameters"][1].split())
        shared = own.keys() & env.keys()
        assert {"DATABRICKS_SCHEMA", "EDIP_BACKUP_SCHEMA"} < shared
        shared -= {"EDIP_AUTH", "DATABRICKS_WAREHOUSE_ID"}
        assert {name: own[name] for name in shared} == {name: env[name] for name in shared}
    for name in ("DATABRICKS_SCHEMA", "EDIP_BACKUP_SCHEMA"):
        assert len({_env(bundle)[name] for bundle in bundles}) == len(bundles)
    assert len({bundle["apps"]["edip_crm"]["name"] for bundle in bundles}) == len(bundles)


def _env(bundle: dict[str, Any]) -> dict[str, str]:
    return {
        entry["name"]: entry.get("value", "")
        for entry in bundle["apps"]["edip_crm"]["config"]["env"]
    }


def test_production_is_shared_protected_and_names_its_editors() -> None:
    production, declared = files()["targets"]["production"], files()["variables"]
    assert production["mode"] == "production"
    # The folder is nobody's own: all owners may deploy there.
    root = production["workspace"]["root_path"]
    assert root.startswith("/Workspace/edip-crm/")
    assert {"group_name": "${var.owners}", "level": "CAN_MANAGE"} in production["permissions"]
    assert resolved("production")["apps"]["edip_crm"]["lifecycle"] == {"prevent_destroy": True}
    # `bundle validate` refuses variables without a value.
    for name in ("editors", "admins", "workspace_url", "warehouse_id"):
        assert "default" not in declared[name]
        assert name not in production["variables"]


def test_scopes_are_asked_for_only_where_they_are_wanted(app: dict[str, Any]) -> None:
    assert app["user_api_scopes"] == []
    opted_in = resolved("production", auth="user", user_api_scopes=["sql"])
    assert opted_in["apps"]["edip_crm"]["user_api_scopes"] == ["sql"]
    assert _env(opted_in)["EDIP_AUTH"] == "user"


def test_jobs_notify_somebody_when_they_fail() -> None:
    for name, job in resolved("production")["jobs"].items():
        assert job["email_notifications"]["on_failure"], name
        assert job["run_as"], name
        assert job["max_concurrent_runs"] == 1, name
        assert ("schedule" in job) == (name != "set_up"), name


def test_what_runs_is_uploaded() -> None:
    left_out = files()["sync"]["exclude"]
    needed = (
        "crm",
        "edip",
        "static",
        "templates",
        "app.yaml",
        "requirements.in",
        "requirements.txt",
        "requirements-otel.txt",
        "gunicorn.conf.py",
    )
    found = [str(file.relative_to(BASE_DIR)) for name in needed for file in _files(name)]
    assert len(found) > 100
    assert [f for f in found for pattern in left_out if _matches(f, pattern)] == []
    names = [pattern.split("/")[0] for pattern in left_out]
    private = {".env", ".env.*", ".local"}
    assert {name for name in names if not (BASE_DIR / name).exists()} <= private
    assert {".env", ".env.*"} <= set(left_out)


def test_no_documented_way_uploads_settings_or_data_of_a_developer() -> None:
    """The CLI leaves out what .gitignore names; by hand, the guide says what to leave out."""
    ignored = (BASE_DIR / ".gitignore").read_text().splitlines()
    assert {".env", *(f"/*{suffix}" for suffix in SUFFIXES.values())} <= set(ignored)
    guide = " ".join((BASE_DIR / "docs/deploy.md").read_text().split())
    by_hand = re.search(r"upload this folder without ([^.]|\.(?=\w))+", guide)
    assert by_hand
    assert "`.env`" in by_hand[0]
    assert "files with data" in by_hand[0]


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
