"""The process: one per folder, loopback only; data survive it; it ends with its clients."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from ..patience import seconds
from .conftest import shell_on


def run(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "local_warehouse", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_data_survives_a_restart(start):
    first = start()
    with shell_on(first) as shell:
        shell.run("CREATE CATALOG c COMMENT 'kept'")
        shell.run("CREATE TABLE c.default.t (id STRING NOT NULL, n INT)")
        shell.run("ALTER TABLE c.default.t ADD CONSTRAINT positive CHECK (n > 0)")
        shell.change("INSERT INTO c.default.t VALUES ('a', 1)")
    assert first.stop() == 0
    assert not (first.data / "server.json").exists()
    second = start()
    with shell_on(second) as shell:
        assert tuple(shell.run("SELECT * FROM c.default.t")[0]) == ("a", 1)
        assert "positive" in shell.error("UPDATE c.default.t SET n = 0")
        assert len(shell.run("DESCRIBE HISTORY c.default.t")) == 3


def test_killed_in_mid_write_leaves_a_readable_table(start):
    for _ in range(3):
        server = start()
        with shell_on(server) as shell:
            shell.run("CREATE TABLE IF NOT EXISTS workspace.default.t (n BIGINT, text STRING)")
        written = []

        def write(server=server, written=written) -> None:
            try:
                with shell_on(server) as writer:
                    while True:
                        changed = writer.change(
                            "INSERT INTO workspace.default.t "
                            "SELECT id, repeat('x', 100) FROM range(20000)"
                        )
                        written.append(changed)
            except Exception:
                return  # the server has ended, as expected

        thread = threading.Thread(target=write)
        thread.start()
        while len(written) < 2:
            time.sleep(0.01)
        time.sleep(0.03)
        server.kill()
        thread.join(timeout=60)
        server = start()
        with shell_on(server) as shell:
            count = shell.value("SELECT count(*) FROM workspace.default.t")
            assert count % 20000 == 0
            assert count >= sum(written)
            assert shell.change("DELETE FROM workspace.default.t") == count
        server.stop()


def test_two_servers_cannot_share_a_folder(start):
    server = start()
    second = run("--data", str(server.data))
    assert second.returncode == 1
    assert "another local warehouse serves" in second.stderr


def test_it_binds_to_loopback_only(tmp_path):
    refused = run("--data", str(tmp_path), "--host", "0.0.0.0")
    assert refused.returncode != 0
    assert "loopback only" in refused.stderr


def test_it_ends_with_its_last_client(start):
    server = start("--exit-with-clients")
    client = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    server.control("POST", "/clients", pid=client.pid)
    time.sleep(1.5)
    assert server.process.poll() is None
    client.kill()
    assert server.process.wait(timeout=seconds(15)) == 0


def test_any_folder_name_will_do(start, tmp_path):
    folder = tmp_path / "Müller & Söhne (it's 100%)"
    with shell_on(start(data=folder)) as shell:
        shell.run("CREATE TABLE workspace.default.t (id STRING)")
        shell.change("INSERT INTO workspace.default.t VALUES ('a')")
        shell.change("UPDATE workspace.default.t SET id = 'b'")
        assert shell.value("SELECT id FROM workspace.default.t VERSION AS OF 1") == "a"
        assert shell.value("SELECT count(*) FROM system.query.history") > 0
    assert len(list((folder / "tables").iterdir())) == 1
