"""check_connection as a whole, and each fault in the configuration and on the network.

Other faults: test_check_sign_in.py and test_check_tables.py.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from crm.model.namespace import Namespace
from crm.model.own_tables import ALL_TABLES
from crm.model.schema import TABLES
from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig

from ..conftest import BASE_DIR, LocalWarehouse
from .checking import STEPS, check, only_problem

# --- all is well ------------------------------------------------------------------------


def test_a_sound_warehouse_passes_every_step_and_is_not_changed(
    sample: Warehouse, server: LocalWarehouse
) -> None:
    before = _versions(sample)
    out = StringIO()
    call_command("check_connection", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["ok"]
    assert [step["step"] for step in report["steps"]] == STEPS  # no step writes
    assert {step["status"] for step in report["steps"]} == {"pass"}
    assert server.token not in out.getvalue()
    assert _versions(sample) == before


def test_text_for_people_and_a_write_when_asked(
    warehouse: Warehouse, server: LocalWarehouse, namespace: Namespace
) -> None:
    out = StringIO()
    call_command("check_connection", "--write", stdout=out)
    lines = out.getvalue().splitlines()
    assert len(lines) == len(STEPS) + 2
    assert all(line.startswith("ok") for line in lines[:-1])
    assert "write" in lines[-2]
    assert lines[-1] == "Everything works."
    assert server.token not in out.getvalue()
    (left,) = warehouse.query(
        f"SELECT COUNT(*) AS n FROM `{namespace.catalog}`.information_schema.tables "
        "WHERE table_schema = :schema",
        {"schema": namespace.schema},
    )
    assert left["n"] == len(ALL_TABLES)


def _versions(wh: Warehouse) -> list[int]:
    return [
        max(r["version"] for r in wh.query(f"DESCRIBE HISTORY {wh.namespace.table(t)}"))
        for t in TABLES
    ]


def test_a_service_principal(server: LocalWarehouse, warehouse: Warehouse, settings: Any) -> None:
    server._ask("POST", "/principals", {"client_id": "p-1", "secrets": ["good"], "admin": True})
    config = WarehouseConfig(
        auth="service-principal",
        client_id="p-1",
        client_secret="good",
        url=server.url,
        workspace_url=server.control.removesuffix("/control"),
    )
    settings.WAREHOUSE = config
    assert "p-1" in check()["sign-in"]["message"]
    settings.WAREHOUSE = WarehouseConfig(**vars(config) | {"client_secret": "bad"})
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("sign-in", "token-wrong")
    assert "invalid_client" in problem["message"]


# --- the way there ----------------------------------------------------------------------


def test_configuration_is_incomplete() -> None:
    environment = {"PATH": "/usr/bin:/bin", "DATABRICKS_TOKEN": "x"}
    for flag in ("--json", "--no-color"):
        done = subprocess.run(
            [sys.executable, "manage.py", "check_connection", flag],
            cwd=BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert "Missing: DATABRICKS_SERVER_HOSTNAME" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        if flag == "--json":
            assert json.loads(done.stdout)["steps"][0]["code"] == "misconfigured"


def _databricks(host: str) -> WarehouseConfig:
    return WarehouseConfig(hostname=host, http_path="/sql/1.0/warehouses/x", token="t")


@pytest.mark.parametrize(
    ("host", "step", "code"),
    [
        ("no-such-host.invalid", "network", "host-unknown"),
        ("127.0.0.1:{closed}", "network", "not-reachable"),
        ("127.0.0.1:{plain}", "TLS", "tls-refused"),
        ("localhost:{self_signed}", "TLS", "certificate-refused"),
    ],
)
def test_network_and_tls(
    server: LocalWarehouse, settings: Any, self_signed: int, host: str, step: str, code: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    plain = server.url.split(":")[2].split("/")[0]
    config = _databricks(host.format(closed=closed, plain=plain, self_signed=self_signed))
    settings.WAREHOUSE = config
    report = check()
    problem = only_problem(report)
    assert (problem["step"], problem["code"]) == (step, code)
    after = STEPS[STEPS.index(step) + 1 :]
    assert {report[name]["status"] for name in after} == {"skip"}


def test_the_way_through_a_proxy(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    monkeypatch.setenv("https_proxy", f"localhost:{closed}")
    settings.WAREHOUSE = _databricks("workspace.invalid")
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("network", "not-reachable")
    assert f"port {closed}" in problem["message"]
    assert "HTTPS_PROXY" in problem["advice"]


def test_a_proxy_that_is_not_for_this_host(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "localhost:9")
    monkeypatch.setenv("no_proxy", "workspace.invalid")
    settings.WAREHOUSE = _databricks("workspace.invalid")
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("network", "host-unknown")


def test_a_local_warehouse_that_cannot_be_started(settings: Any) -> None:
    def fail() -> str:
        raise RuntimeError("Local mode needs packages that are not installed (pysail).")

    settings.WAREHOUSE = WarehouseConfig(is_local=True, local_address=fail)
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("configuration", "local-warehouse")
    assert "pysail" in problem["message"]


def test_all_codes_are_met_here() -> None:
    """A test causes each message of the check, or the comment below says why not."""
    source = "".join(
        file.read_text() for file in (BASE_DIR / "crm" / "connection_check").glob("*.py")
    )
    codes = set(re.findall(r"\"([a-z]+(?:-[a-z]+)+)\",\n", source))
    assert len(codes) > 15
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_check_*.py"))
    untested = {code for code in codes if f'"{code}"' not in tests}
    # no-answer: a firewall that drops packets; write-lost: a warehouse that loses rows;
    # not-permitted: a refusal where no step expects one; token-not-forwarded: only the page meets
    # it (tests/sign_in/test_tokens.py).
    assert untested <= {"no-answer", "write-lost", "not-permitted", "token-not-forwarded"}
