"""The deployed packages win over those that Databricks Apps has installed, and work beside them.

``make test-apps`` builds the environment, which takes a package index and a minute.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..conftest import BASE_DIR, LocalWarehouse
from ..deployment.conftest import PROXIED, starter, token_variables

BIN = os.environ.get("EDIP_TEST_APPS", "")
pytestmark = pytest.mark.skipif(not BIN, reason="make test-apps builds the environment")
LIST = (
    "import json; from importlib.metadata import distributions; "
    "print(json.dumps({d.name.lower().replace('_', '-'): d.version for d in distributions()}))"
)


def requirements(file: str) -> dict[str, str]:
    """Return the versions that a file pins for this Python, by name."""
    lines = (BASE_DIR / file).read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]
    return {
        pin.name.lower(): str(pin.specifier).removeprefix("==")
        for pin in pins
        if not pin.marker or pin.marker.evaluate()
    }


def test_our_versions_win_and_serve_pages(
    warehouse: Warehouse, server: LocalWarehouse, tmp_path: Path
) -> None:
    folder = BASE_DIR / BIN
    found = json.loads(subprocess.check_output([folder / "python", "-c", LIST]))
    ours, theirs = requirements("requirements.txt"), requirements("tests/apps/preinstalled.txt")
    assert {name: found.get(name) for name in ours} == ours
    # In this environment some packages were replaced, and the others stayed.
    assert len([name for name in theirs if ours.get(name, theirs[name]) != theirs[name]]) > 5
    assert found["flask"] == theirs["flask"]

    variables = token_variables(server, warehouse.namespace) | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "EDIP_EDITORS": PROXIED["X-Forwarded-Email"],
    }
    with starter(tmp_path) as start:
        app = start(**variables)
        assert app.get("/readyz").status == 200
        fields = {"bsnid": "A", "team": "Claims", "business_area": "Finance"}
        assert app.post("/accounts/new/", **fields) == 303
        assert b"Claims" in app.get("/accounts/A/").body
        assert app.get("/accounts/?format=xlsx").body.startswith(b"PK")
    assert accounts.get(warehouse, "A").team == "Claims"
