"""Each alarm of docs/runbook.md, provoked once."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from crm import metrics
from crm.model.schema import ACCOUNTS
from crm.warehouse import Warehouse, dispose_all, gauges

from ..conftest import BASE_DIR, LocalWarehouse

SAMPLE = re.compile(r'(\w+)(?:\{(\w+)="([^"]+)"\})?(?: > 0)?')


def alarms() -> list[str]:
    text = (BASE_DIR / "docs/runbook.md").read_text().partition("## Alarms")[2]
    rows = re.findall(r"^\| (.+?) \| .+ \| .+ \|$", text, re.M)
    plain = [row.replace("`", "") for row in rows if not row.startswith(("alarm", "-"))]
    # tests/deployment/test_alerts.py provokes the SQL alerts.
    return [row for row in plain if not row.endswith(" triggers")]


# How the warehouse fails: the fault and its options.
FAULTS: dict[str, dict[str, Any]] = {
    "Starting": {"kind": "starting"},
    "Busy": {"kind": "http_status", "status": 429, "retry_after": 1},
    "SignInFailed": {"kind": "http_status", "status": 401},
    "NotAdmitted": {"kind": "http_status", "status": 403},
    "WriteConflict": {"kind": "conflict"},
    "StatementFailed": {"kind": "error"},
    "TimeIsUp": {"kind": "latency", "seconds": 3},
}


class Provoke:
    """Makes happen what an alarm is about."""

    def __init__(self, wh: Warehouse, server: LocalWarehouse, settings: Any) -> None:
        self.wh, self.server, self.settings = wh, server, settings
        self.client = Client(raise_request_exception=False)

    def fault(self, kind: str) -> None:
        if kind == "PoolExhausted":
            self.settings.WAREHOUSE = self.server.config(pool_size=1, pool_timeout=0.01)
            wh = self.wh
            with self._pools().connection(wh.identity):
                self.client.get("/accounts/")
        elif kind == "PermissionDenied":
            self._as_nobody()
            self.client.get("/accounts/")
        elif kind == "ObjectNotFound":
            self.wh.execute(f"DROP TABLE {self.wh.namespace.table(ACCOUNTS)}", repeatable=True)
            self.client.get("/accounts/")
        else:
            # The connector asks again after 5 s, and gives up at once where that is too late.
            self.settings.EDIP_REQUEST_TIMEOUT = {"TimeIsUp": 1, "WriteConflict": 8}.get(kind, 3)
            self.server.fault(times=None, **FAULTS[kind])
            self.client.post("/accounts/new/", {"bsnid": "A", "team": "T", "business_area": "B"})

    def _pools(self) -> Any:
        from crm.warehouse import open_shared

        return open_shared(self.settings.WAREHOUSE, self.wh.namespace, "").pools

    def _as_nobody(self) -> None:
        token = {"token": "of-nobody", "user": "nobody@example.com"}
        self.server._ask("POST", "/tokens", token)
        config = self.server.config()
        self.settings.WAREHOUSE = type(config)(is_local=True, url=config.url, token="of-nobody")

    def refusal(self, reason: str) -> None:
        match reason:
            case "TokenNotForwarded":
                self.settings.IN_DATABRICKS_APPS = True
                self.settings.WAREHOUSE = self.server.config(auth="user")
                self.client.get("/accounts/", HTTP_X_FORWARDED_EMAIL="alice@example.com")
            case "no-person":
                self.settings.IN_DATABRICKS_APPS = True
                self.client.get("/accounts/")
            case "csrf":
                Client(enforce_csrf_checks=True).post("/preferences/theme/")
            case "writes-per-minute":
                self.settings.EDIP_WRITES_PER_MINUTE = 0.5
                Client().post("/preferences/theme/")
            case "files-per-minute":
                self.settings.EDIP_EXPORTS_PER_MINUTE = 0.5
                Client().get("/accounts/?format=csv")

    def status_500(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("crm.repository.records.accounts.search", None)
            self.client.get("/accounts/")

    def breaker(self) -> None:
        self.settings.WAREHOUSE = type(self.server.config())(
            is_local=True, url="http://127.0.0.1:9/sql/1.0/warehouses/local", token="x", retries=1
        )
        self.client.get("/accounts/")


@pytest.fixture
def provoke(warehouse: Warehouse, server: LocalWarehouse, settings: Any) -> Any:
    yield Provoke(warehouse, server, settings)
    server.clear_faults()
    dispose_all()


def _fails(command: str) -> bool:
    try:
        call_command(command, stdout=StringIO(), stderr=StringIO())
    except CommandError:
        return True
    except SystemExit as ended:
        return ended.code == 1
    return False


def counted(name: str, label: str, value: str) -> float:
    """Return the sum of the samples that have the label, as /metrics shows them."""
    lines = [line for line in metrics.text(dict).splitlines() if line.startswith(f"{name}{{")]
    return sum(float(line.split()[-1]) for line in lines if f'{label}="{value}"' in line)


@pytest.mark.parametrize("alarm", [each for each in alarms() if each.startswith("edip_")])
def test_an_alarm_of_the_metrics(provoke: Provoke, alarm: str) -> None:
    name, label, value = SAMPLE.fullmatch(alarm).groups()
    assert name in metrics.METRICS
    if not label:
        provoke.breaker()
        assert gauges()[name] > 0
        return
    before = counted(name, label, value)
    cause: dict[str, Callable[[], None]] = {
        "kind": lambda: provoke.fault(value),
        "reason": lambda: provoke.refusal(value),
        "status": provoke.status_500,
    }
    cause[label]()
    assert counted(name, label, value) > before


@pytest.mark.parametrize("alarm", [each for each in alarms() if " ends " in each])
def test_an_alarm_of_a_command(provoke: Provoke, alarm: str) -> None:
    command = alarm.partition(" ")[0]
    table = provoke.wh.namespace.table(ACCOUNTS)
    if command == "check_integrity":
        twice = f"INSERT INTO {table} (bsnid) VALUES ('A'), ('A')"
        provoke.wh.execute(twice, repeatable=False)
    else:
        provoke._as_nobody()
    assert _fails(command)


def test_an_alarm_of_the_probes(provoke: Provoke) -> None:
    """deployment/test_serving.py has apps that do not start."""
    assert [each for each in alarms() if each.startswith("/")] == [
        "/healthz does not answer",
        "/readyz answers 503",
    ]
    provoke._as_nobody()
    answer = provoke.client.get("/readyz")
    assert (answer.status_code, answer.content) == (
        503,
        b"not ready: the right to read the tables is missing: run print_grants\n",
    )
    assert provoke.client.get("/healthz").status_code == 200


def test_the_query_of_the_runbook_runs(provoke: Provoke) -> None:
    provoke.client.get("/accounts/", HTTP_X_REQUEST_ID="of-the-runbook")
    text = (BASE_DIR / "docs/runbook.md").read_text()
    (sql,) = re.findall(r"```sql\n(.+?)```", text, re.S)
    rows = provoke.wh.query(sql.replace("LIMIT 20", "LIMIT 20000"))
    assert [row["page"] for row in rows if row["request"] == "of-the-runbook"] == ["account-list"]
