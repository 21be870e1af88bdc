"""databricks.yml and resources/*.yml follow the schema of bundles.

``make bundle-schema`` runs this with the schema of the Databricks CLI that is installed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..conftest import BASE_DIR
from .json_schema import alternatives, problems

FILES = ["databricks.yml", *(f"resources/{file.name}" for file in BASE_DIR.glob("resources/*"))]
OURS = yaml.safe_load((BASE_DIR / "tests/deployment/bundle_schema.yml").read_text())
SCHEMAS = {"ours": OURS}
if THEIRS := os.environ.get("EDIP_BUNDLE_SCHEMA"):
    SCHEMAS["the CLI's"] = json.loads(Path(THEIRS).read_text())


@pytest.fixture(scope="module", params=list(SCHEMAS))
def schema(request: pytest.FixtureRequest) -> Any:
    return SCHEMAS[request.param]


@pytest.mark.parametrize("file", FILES)
def test_files_follow_it(schema: Any, file: str) -> None:
    assert list(problems(yaml.safe_load((BASE_DIR / file).read_text()), schema)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("databricks.yml", "level: CAN_MANAGE", "level: CAN_DO", ".level: 'CAN_DO' is none"),
        ("databricks.yml", "root_path:", "rootpath:", ".workspace: rootpath is unknown"),
        (
            "databricks.yml",
            "prevent_destroy: true",
            "prevent_destroy: 1",
            ".prevent_destroy: 1 is",
        ),
        ("resources/app.yml", "value_from:", "valueFrom:", ".env[0]: valueFrom is unknown"),
        ("resources/app.yml", "permission: READ", "permission: SEE", ".permission: 'SEE' is none"),
        ("resources/app.yml", "{var.user_api_scopes}", "{x y}", ".user_api_scopes: '${x y}'"),
        (
            "resources/jobs.yml",
            "timezone_id: UTC",
            "zone: UTC",
            "schedule: timezone_id is missing",
        ),
        (
            "resources/jobs.yml",
            "timeout_seconds: 3600",
            "timeout_seconds: []",
            "timeout_seconds: []",
        ),
        ("resources/alerts.yml", "query_text:", "query:", ".failed_statements: query is unknown"),
        (
            "resources/dashboard.yml",
            "embed_credentials: false",
            "embed: false",
            ": embed is unknown",
        ),
    ],
)
def test_a_planted_fault_is_found(schema: Any, file: str, old: str, new: str, said: str) -> None:
    text = (BASE_DIR / file).read_text()
    assert old in text
    found = list(problems(yaml.safe_load(text.replace(old, new)), schema))
    assert any(said in problem for problem in found), found


def _missing(ours: Any, theirs: Any, schema: Any, place: str = "") -> Iterator[str]:
    """Yield the properties and words of our schema that the other one does not have."""
    (ours,) = alternatives(ours, OURS)
    others = alternatives(theirs, schema)
    for word in ours.get("enum", ()):
        if not any(
            word in each["enum"] if "enum" in each else "pattern" not in each for each in others
        ):
            yield f"{place}: {word}"
    inner = {f".{name}": each for name, each in ours.get("properties", {}).items()}
    if isinstance(ours.get("additionalProperties"), dict):
        inner[".*"] = ours["additionalProperties"]
    if "items" in ours:
        inner["[]"] = ours["items"]
    for name, each in inner.items():
        found = [
            known
            for other in others
            for known in (
                other.get("items") if name == "[]" else other.get("properties", {}).get(name[1:]),
                other.get("additionalProperties") if name == ".*" else None,
            )
            if isinstance(known, dict)
        ]
        if found or any(not other for other in others):
            yield from _missing(each, {"anyOf": found or [{}]}, schema, place + name)
        else:
            yield f"{place}{name}"


def test_ours_is_a_part_of_it(schema: Any) -> None:
    assert list(_missing(OURS, schema, schema)) == []
    assert list(_missing({"properties": {"lifecycle": {}}}, schema, schema)) == [".lifecycle"]
