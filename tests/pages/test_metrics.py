"""/metrics: what an administrator's Prometheus reads, summed over the processes."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from crm import metrics, telemetry
from crm.warehouse import Warehouse, dispose_all, gauges, open_shared

from ..conftest import LocalWarehouse

SAMPLE = re.compile(r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [-+.e\d]+|# (HELP|TYPE) .+')


def read(client: Client) -> dict[str, float]:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = response.content.decode().splitlines()
    assert [line for line in lines if not SAMPLE.fullmatch(line)] == []
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


def test_requests_statements_and_faults_are_counted(
    client: Client, sample: Warehouse, server: LocalWarehouse
) -> None:
    client.get("/accounts/")
    before = read(client)
    client.get("/accounts/")
    client.get("/accounts/no-such/")
    server.fault("error", times=None, match="accounts")
    client.get("/accounts/")
    server.clear_faults()
    new = {"bsnid": "BSN9", "team": "T", "business_area": "A"}
    assert client.post("/accounts/new/", new).status_code == 303
    client.get("/preferences/theme/")
    after = read(client)

    def grown(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert grown('edip_requests_total{page="account-list",status="200"}') == 1
    assert grown('edip_requests_total{page="account-detail",status="404"}') == 1
    assert grown('edip_requests_total{page="account-list",status="500"}') == 1
    assert grown('edip_request_seconds_count{page="account-list"}') == 2
    assert grown('edip_request_seconds_bucket{le="+Inf",page="account-list"}') == 2
    assert grown('edip_refusals_total{reason="method"}') == 1
    assert grown('edip_faults_total{kind="StatementFailed"}') == 1
    assert grown('edip_statements_total{outcome="ok",verb="MERGE"}') >= 1
    assert grown('edip_operation_statements_total{kind="create"}') >= 1
    assert grown("edip_pool_wait_seconds_count") >= 4
    assert after["edip_connections_open"] >= 1
    assert after["edip_breaker_open"] == 0


def test_connections_of_imports_count(warehouse: Warehouse, settings: Any) -> None:
    dispose_all()
    page = open_shared(settings.WAREHOUSE, warehouse.namespace, "a@example.com")
    page.query("SELECT 1 AS n")
    page.for_bulk().query("SELECT 1 AS n")
    assert gauges()["edip_connections_open"] == 2
    dispose_all()
    assert gauges()["edip_connections_open"] == 0


def test_others_may_not_read_it(client: Client, settings: Any) -> None:
    settings.EDIP_ADMINS = ["nobody@example.com"]
    assert client.get("/metrics").status_code == 403


def test_processes_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an ended process counted stays; what it had open does not."""
    monkeypatch.setattr(metrics, "_counts", metrics.Counter())
    monkeypatch.setattr(metrics, "_file", tmp_path / "0-0.json")
    metrics.count("edip_refusals_total", reason="csrf")
    other = [
        [["edip_refusals_total", [["reason", "csrf"]]], 2],
        [["edip_connections_open", []], 3],
    ]
    (tmp_path / "1-5.json").write_text(json.dumps(other))
    (tmp_path / "999999999-5.json").write_text(json.dumps(other))
    (tmp_path / "7-1.json").write_text("[[")
    text = metrics.text(lambda: {"edip_connections_open": 1})
    assert 'edip_refusals_total{reason="csrf"} 5' in text
    assert "edip_connections_open 4" in text


def test_a_histogram_is_cumulative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_counts", metrics.Counter())
    for seconds in (0.01, 0.2, 30):
        metrics.observe("edip_statement_seconds", seconds, verb='S"\\\n')
    lines = metrics.text(dict).splitlines()
    buckets = [int(line.rpartition(" ")[2]) for line in lines if "_bucket" in line]
    assert buckets == [1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3]
    assert lines[-1] == 'edip_statement_seconds_count{verb="S\\"\\\\\\n"} 3'


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1"}, "are not installed"),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            },
            "OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf, not grpc",
        ),
    ],
)
def test_without_a_collector_that_it_can_reach_nothing_is_sent(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
    said: str,
) -> None:
    """tests/apps/test_walk.py tests what is sent."""
    for name in ("opentelemetry.sdk.trace", "grpc"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.WARNING, "crm.telemetry"):
        telemetry.start(gauges)
    assert said in caplog.text
    assert bool(caplog.text) == bool(said)
    assert client.get("/guide/").status_code == 200
    telemetry.stop()


def test_telemetry_may_stop_while_somebody_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look whether anybody listens and the call, the process may begin to end."""
    told: list[str] = []

    class Ending:
        def __bool__(self) -> bool:
            telemetry.stop()
            return True

        def __call__(self, name: str, *number: object) -> None:
            told.append(name)

        def start_span(self, name: str, *more: object) -> None:
            told.append(name)

    monkeypatch.setattr(metrics, "_counts", Counter())
    for count in (metrics.count, metrics.observe):
        monkeypatch.setattr(metrics, "_listener", Ending())
        count("edip_test", 1)
    monkeypatch.setattr(telemetry, "_tracer", Ending())
    telemetry.begin_request()
    assert told == ["edip_test", "edip_test", "request"]
