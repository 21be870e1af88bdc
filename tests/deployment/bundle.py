"""The bundle as the Databricks CLI reads it: its files put together, a target's values filled
in."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import yaml

from ..conftest import BASE_DIR

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
# What the CLI knows of a workspace and of who deploys.
WORKSPACE = {
    "bundle.name": "edip-crm",
    "workspace.file_path": "/Workspace/edip-crm/files",
    "workspace.current_user.userName": "ada.l@example.com",
    "workspace.current_user.short_name": "ada_l",
    "workspace.current_user.domain_friendly_name": "ada-l",
    "resources.apps.edip_crm.url": "https://edip-crm-1.databricksapps.com",
    "resources.apps.edip_crm.service_principal_client_id": "app-1",
}
# The variables without a default, which the person who deploys has to set.
REQUIRED = {
    "workspace_url": "https://example.cloud.databricks.com",
    "warehouse_id": "0123456789abcdef",
    "editors": "example.com",
    "admins": "a@b.example",
}


@cache
def files() -> dict[str, Any]:
    """Return databricks.yml with the files that it includes."""
    whole = yaml.safe_load((BASE_DIR / "databricks.yml").read_text())
    for pattern in whole["include"]:
        for file in sorted(BASE_DIR.glob(pattern)):
            whole = merged(whole, yaml.safe_load(file.read_text()))
    return whole


def merged(one: Any, other: Any) -> Any:
    """Return both, as the CLI merges a target into the rest: lists follow each other."""
    if isinstance(one, dict) and isinstance(other, dict):
        both = {key: merged(one[key], other[key]) for key in one.keys() & other.keys()}
        return {**one, **other, **both}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return other


def resolved(target: str, more: Any = None, **values: Any) -> dict[str, Any]:
    """Return the target's resources. ``values`` are of variables, or what ``WORKSPACE`` has, with
    ``__`` instead of dots. ``more`` is a further file. Raises KeyError for what has no value."""
    whole = merged(files(), more or {})
    known: dict[str, Any] = {**WORKSPACE, "bundle.target": target}
    known |= {name.replace("__", "."): value for name, value in values.items() if "__" in name}
    variables = {
        name: declared["default"]
        for name, declared in whole["variables"].items()
        if "default" in declared
    }
    chosen = whole["targets"][target]
    variables |= REQUIRED | chosen.get("variables", {})
    variables |= {name: value for name, value in values.items() if "__" not in name}
    known |= {f"var.{name}": value for name, value in variables.items()}
    return _fill(merged(whole["resources"], chosen.get("resources", {})), known)


def _fill(part: Any, known: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        return {key: _fill(value, known) for key, value in part.items()}
    if isinstance(part, list):
        return [_fill(each, known) for each in part]
    if not isinstance(part, str):
        return part
    if whole := _REFERENCE.fullmatch(part):
        return _fill(known[whole[1]], known)
    return _REFERENCE.sub(lambda found: str(_fill(known[found[1]], known)), part)
