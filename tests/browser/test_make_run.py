"""``make run`` prints three lines, keeps the data, and leaves no process when it stops."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request

from databricks import sql

from crm.warehouse.config import LOCAL_TOKEN

from ..patience import seconds
from .conftest import App, start_app, stop_app


def test_data_survive_stopping_and_starting(tmp_path) -> None:
    app = start_app(tmp_path / "data")
    assert _output(app)[:4] == [
        "Starting the local warehouse …",
        f"EDIP CRM is at {app.url}/",
        "Nobody signs in: whoever opens it on this machine acts as dana@example.com.",
        f"Ctrl-C stops it; your data stay in {app.data}.",
    ]
    announced = json.loads((app.data / "server.json").read_text())
    connection = sql.connect(
        server_hostname="localhost",
        http_path="/",
        access_token=LOCAL_TOKEN,
        _connection_uri=announced["url"],
        enable_telemetry=False,
    )
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM edip_crm.main.accounts WHERE bsnid = 'BSN001'")
        cursor.execute("SELECT count(*) FROM edip_crm.main.accounts")
        assert cursor.fetchone()[0] == 4
    connection.close()
    stop_app(app)
    deadline = time.monotonic() + seconds(15)
    while _is_alive(announced["pid"]):
        assert time.monotonic() < deadline, "the local warehouse outlives the app"
        time.sleep(0.1)

    app = start_app(app.data)
    try:
        # The sample data are not loaded again: what was deleted stays deleted.
        page = urllib.request.urlopen(app.url + "/accounts/").read().decode()
        assert "BSN002" in page
        assert "BSN001" not in page
    finally:
        stop_app(app)


def _output(app: App) -> list[str]:
    port = app.url.rpartition(":")[2]
    return (app.data.parent / f"app-{port}.log").read_text().splitlines()


def _is_alive(pid: int) -> bool:
    """Whether the process still runs; a zombie does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")
