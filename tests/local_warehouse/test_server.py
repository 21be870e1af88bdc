"""The process: one per folder, loopback only; it ends with its clients."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from databricks.sql.exc import DatabaseError

from local_warehouse.serve.http import Server as HttpServer

from ..patience import seconds
from .conftest import shell_on


def run(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "local_warehouse", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_two_servers_cannot_share_a_folder(server):
    second = run("--data", str(server.data))
    assert second.returncode == 1
    assert "another local warehouse serves" in second.stderr


@pytest.mark.parametrize(("name", "part"), [("a\\b", "\\"), ("a%20b", "%20")])
def test_a_folder_that_would_be_misread_is_refused(tmp_path: Path, name: str, part: str) -> None:
    refused = run("--data", str(tmp_path / name))
    assert refused.returncode == 1
    assert refused.stderr.endswith(f"cannot be used, because of {part} in it\n")


def test_it_binds_to_loopback_only():
    with pytest.raises(ValueError, match="loopback only"):
        HttpServer(None, "0.0.0.0")


def test_it_ends_with_its_last_client_and_sessions_when_they_are_idle(start):
    server = start("--exit-with-clients", "--session-idle-seconds", "0.5")
    client = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    server.control("POST", "/clients", pid=client.pid)
    with shell_on(server) as shell:
        assert shell.value("SELECT 1") == 1
        time.sleep(1.5)
        assert server.process.poll() is None
        with pytest.raises(DatabaseError, match="Invalid SessionHandle"):
            shell.value("SELECT 1")
    client.kill()
    assert server.process.wait(timeout=seconds(15)) == 0
