"""From an empty workspace to a running app with backups, and through what may fail afterwards.

It follows docs/deploy.md, with the environment of Databricks Apps and nothing else: the app has
the variables of the platform and of the bundle, the jobs have their parameters.
tests/pages/test_runbook.py and tests/deployment/test_alerts.py provoke the runbook's alarms.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, TABLES
from crm.repository import ddl
from crm.repository.records import accounts
from crm.repository.tables import scratch
from crm.warehouse import Warehouse, open_shared

from ..conftest import ACTOR, BASE_DIR, LocalWarehouse
from ..deployment.bundle import WORKSPACE, resolved
from ..deployment.conftest import PROXIED, Answer, App, children, reading, starter, wait_for
from ..patience import seconds
from .collector import Collector, collector
from .jobs import Jobs, jobs

APP_ID = WORKSPACE["resources.apps.edip_crm.service_principal_client_id"]
GUIDE = (BASE_DIR / "docs/deploy.md").read_text()
KEY = "K7-pQz_4" * 8
NEW = {"team": "Zebra", "business_area": "Finance"}


@dataclass
class Deployed:
    """What the bundle has deployed.

    :param start: starts the app, with the variables of its deployment.
    :param owner: the tables as their owner sees them.
    :param telemetry: what the app sends of itself.
    """

    start: Callable[[], App]
    jobs: Jobs
    owner: Warehouse
    server: LocalWarehouse
    telemetry: Collector
    app: App = field(init=False)

    def set_version(self, number: int) -> None:
        """Note this version at the tables, by the statement of docs/deploy.md."""
        (sql,) = re.findall(r"```sql\n(ALTER TABLE .+?);\n```", GUIDE, re.DOTALL)
        home = self.owner.namespace
        sql = sql.replace("edip_crm", home.catalog)
        assert home.table(ACCOUNTS) in sql
        self.owner.execute(sql.replace("'11'", f"'{number}'"), repeatable=True)

    def renew_processes(self) -> None:
        """Replace the processes by new ones with empty caches, as after a deployment."""
        master = self.app.process.pid
        old = set(children(master))
        for worker in old:
            os.kill(worker, signal.SIGTERM)
        wait_for(lambda: len(set(children(master)) - old) == len(old) == len(children(master)))


@pytest.fixture
def deployed(server: LocalWarehouse, tmp_path: Path) -> Iterator[Deployed]:
    """The target ``production``, in a catalog that does not exist yet."""
    home = Namespace(f"edip_{uuid.uuid4().hex[:8]}", "main")
    bundle = resolved(
        "production",
        workspace__file_path=str(BASE_DIR),
        workspace_url=server.control.removesuffix("/control"),
        warehouse_id="local",
        catalog=home.catalog,
        editors=PROXIED["X-Forwarded-Email"],
    )
    server._ask("POST", "/principals", {"client_id": APP_ID, "secrets": ["s3"]})
    owner = open_shared(server.config(), home, ACTOR)
    variables = environment(bundle["apps"]["edip_crm"], server)
    run_jobs = jobs(bundle["jobs"], server, tmp_path)
    with collector() as telemetry, starter(tmp_path) as start, run_jobs as run:
        started = partial(start, **variables, **telemetry.environment)
        yield Deployed(started, run, owner, server, telemetry)
    owner.execute(f"DROP CATALOG IF EXISTS `{home.catalog}` CASCADE", repeatable=True)
    server.clear_faults()


def environment(app: dict[str, Any], server: LocalWarehouse) -> dict[str, str]:
    """Return the variables of the app: of the platform, and of the bundle with its resources."""
    values = {"sql-warehouse": "local", "django-secret-key": KEY}
    declared = {each["name"] for each in app["resources"]}
    assert declared == set(values)
    return {
        "DATABRICKS_HOST": server.control.removesuffix("/control"),
        "DATABRICKS_WORKSPACE_ID": "1234567890123456",
        "DATABRICKS_CLIENT_ID": APP_ID,
        "DATABRICKS_CLIENT_SECRET": "s3",
    } | {
        each["name"]: each["value"] if "value" in each else values[each["value_from"]]
        for each in app["config"]["env"]
    }


@pytest.mark.timeout(240)
def test_from_nothing_through_the_first_bad_day(deployed: Deployed) -> None:
    the_app_starts_without_a_statement(deployed)
    the_app_waits_for_its_tables(deployed)
    the_job_sets_up(deployed)
    said = every_job_runs(deployed)
    a_backup_is_restored_into_a_new_schema(deployed, said["backup"])
    tables_of_an_earlier_version_are_migrated(deployed)
    the_version_before_only_reads(deployed)
    the_app_finishes_what_is_under_way(deployed)
    the_collector_knows_pages_and_statements(deployed.telemetry)


def ready(app: App, begins: str) -> str:
    """Wait until /readyz says so, in both processes; return the whole answer."""
    ends, found = time.monotonic() + seconds(20), 0
    while found < 6:
        answer = app.get("/readyz").body.decode()
        found = found + 1 if answer.startswith(begins) else 0
        assert time.monotonic() < ends, answer
        time.sleep(0 if found else 0.3)
    return answer


def the_app_starts_without_a_statement(at: Deployed) -> None:
    before, started = at.server.last(), time.monotonic()
    at.app = at.start()
    assert at.app.get("/healthz").status == 200
    assert time.monotonic() - started < seconds(20)
    assert at.server.last() == before
    assert "EDIP_EDITORS names nobody" not in at.app.log.read_text()


def the_app_waits_for_its_tables(at: Deployed) -> None:
    ready(at.app, "not ready: tables are missing: run set_up")
    assert at.app.get("/").status == 503


def the_job_sets_up(at: Deployed) -> None:
    text, has_failed = at.jobs.run("set_up")
    assert not has_failed, text
    assert "Grant rights: done" in text
    assert ready(at.app, "ready") == "ready\n"
    page = at.app.get("/")
    assert (page.status, b"No accounts yet" in page.body) == (200, True)
    assert at.app.post("/accounts/new/", bsnid="BSN1", **NEW) == 303
    assert at.app.get("/accounts/BSN1/?q=Zebra").status == 200  # which no span may name


def every_job_runs(at: Deployed) -> dict[str, str]:
    """Each job runs, and fails if its command fails; return the output of each."""
    twice = f"INSERT INTO {at.owner.namespace.table(ACCOUNTS)} (bsnid) VALUES ('A'), ('A')"
    at.owner.execute(twice, repeatable=False)
    before = at.server.last()
    # First the job with its own settings, which jobs.py has not loaded.
    names = ["digest", *sorted(at.jobs.declared.keys() - {"set_up", "digest"})]
    ran = {name: at.jobs.run(name) for name in names}
    assert [name for name, (_, has_failed) in ran.items() if has_failed] == ["check_integrity"], (
        ran
    )
    said = {name: text for name, (text, _) in ran.items()}
    assert "3 accounts" in said["backup"]
    assert "accounts: 2 → 1 files" in said["maintain"]
    assert "Nobody asked for a digest" in said["digest"]
    assert "check_integrity ended with 1" in said["check_integrity"]
    tags = {each["query_tags"] for each in at.server.statements(before)}
    for name in names:
        assert any(f"page:{name}" in each for each in tags), name
    return said


def a_backup_is_restored_into_a_new_schema(at: Deployed, said: str) -> None:
    (backup,) = set(re.findall(r"\d{8}t\d+z", said))
    assert at.app.post("/accounts/new/", bsnid="BSN2", **NEW) == 303
    at.jobs.command("set_up", "--schema", "rescued")
    place = ("--schema", "rescued", "--of-schema", "main")
    at.jobs.command("restore", "--backup", backup, *place, "--yes")
    rescued = at.owner.at(replace(at.owner.namespace, schema="rescued"))
    assert [accounts.get(rescued, key) is not None for key in ("BSN1", "BSN2")] == [True, False]
    assert accounts.get(at.owner, "BSN2") is not None


def tables_of_an_earlier_version_are_migrated(at: Deployed) -> None:
    """The job migrates them; until then the new app says what is missing."""
    home = at.owner.namespace
    scratch.drop(at.owner, home)
    at.owner.execute(ddl.create_schema(home), repeatable=True)
    for table in TABLES:
        scratch.create_first_version(at.owner, table)
    scratch.insert_first_version(at.owner)
    grant = f"GRANT USE SCHEMA, SELECT ON SCHEMA {home.quoted_schema} TO `{APP_ID}`"
    at.owner.execute(grant, repeatable=True)
    page = at.app.get("/accounts/")
    assert (page.status, b"The tables are older than this EDIP CRM" in page.body) == (503, True)
    text, has_failed = at.jobs.run("set_up")
    assert not has_failed, text
    assert f"Migrate the tables, step {ddl.VERSION}" in text
    page = at.app.get("/accounts/")
    assert (page.status, b"Kept" in page.body) == (200, True)
    assert at.app.post("/accounts/new/", bsnid="BSN3", **NEW) == 303
    assert accounts.get(at.owner, "BSN3").created_by == PROXIED["X-Forwarded-Email"]


def the_version_before_only_reads(at: Deployed) -> None:
    """It writes only after the owner of the tables has allowed it."""
    at.set_version(ddl.VERSION + 1)
    at.renew_processes()
    said = ready(at.app, "ready; read only")
    assert said == f"ready; read only: the tables are of version {ddl.VERSION + 1}\n"
    assert b"BSN3" in at.app.get("/accounts/").body
    assert at.app.post("/accounts/new/", bsnid="BSN4", **NEW) == 503
    known = f"version {ddl.VERSION + 1}, where this CRM knows versions up to {ddl.VERSION}"
    assert known in at.app.log.read_text()
    text, has_failed = at.jobs.run("set_up")
    assert (has_failed, known in text) == (True, True)
    at.set_version(ddl.VERSION)
    assert at.app.post("/accounts/new/", bsnid="BSN4", **NEW) == 303


def the_app_finishes_what_is_under_way(at: Deployed) -> None:
    """At SIGTERM the app finishes its requests, except slow reads."""
    read: list[Answer] = []
    written: list[int] = []
    new = partial(at.app.post, "/accounts/new/", bsnid="BSN5", **NEW)
    reader = threading.Thread(target=lambda: read.append(at.app.get("/accounts/")))
    writer = threading.Thread(target=lambda: written.append(new()))
    before = at.server.last()
    at.server.fault("latency", seconds=5)
    reader.start()
    wait_for(lambda: at.server.last() > before)
    # Only the reads of lists are slow: the process that writes may have to read something first.
    at.server.fault("latency", times=None, seconds=40, match="LIMIT :size")
    at.server.fault("latency", times=None, seconds=6, match="^\\s*MERGE")
    # One process may get them all, with the first read, and has eight connections.
    for _ in range(6):
        reading(at.app)
    writer.start()
    wait_for(lambda: any("MERGE" in each["text"] for each in at.server.statements(before)))
    time.sleep(1)
    taken = at.app.stop()
    reader.join(seconds(5))
    writer.join(seconds(5))
    at.server.clear_faults()
    assert ([answer.status for answer in read], written) == ([200], [303])
    assert taken < seconds(5)
    assert at.app.process.returncode == 0
    assert list(at.app.temporary.glob("edip-static-*")) == []
    # The processes of an app share one file of icons, which stays.
    assert len(list(at.app.temporary.glob("edip-icons-*"))) == 1
    assert accounts.get(at.owner, "BSN5") is not None


def the_collector_knows_pages_and_statements(telemetry: Collector) -> None:
    """It gets no names of people, no values, and no texts of statements."""
    spans = telemetry.spans()
    pages = {span.span_id: span for span in spans if span.name == "GET account-list"}
    statements = [span for span in spans if span.parent_span_id in pages]
    assert "SELECT accounts" in {span.name for span in statements}
    for span in statements:
        page = pages[span.parent_span_id]
        assert span.trace_id == page.trace_id
        assert page.start_time_unix_nano <= span.start_time_unix_nano + 50_000_000
    failed = {span.name for span in spans if span.status.code == Status.STATUS_CODE_ERROR}
    assert {"GET overview", "SELECT accounts"} <= failed
    assert "GET healthz" not in {span.name for span in spans}
    named = {metric.name for metric in telemetry.metrics()}
    assert {"edip_requests_total", "edip_statement_seconds", "edip_connections_open"} <= named
    for _, content in telemetry.received:
        for secret in (PROXIED["X-Forwarded-Email"], "Zebra", "BSN1", "FROM", KEY):
            assert secret.encode() not in content
