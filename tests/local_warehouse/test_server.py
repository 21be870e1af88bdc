"""The process: one per folder, loopback only; data survive it; it ends with its clients."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from ..patience import seconds
from ..sizes import size, soak
from .conftest import shell_on

STATEMENTS = [
    "CREATE CATALOG c COMMENT 'kept'",
    "CREATE TABLE c.default.t (id STRING NOT NULL, n INT)",
    "ALTER TABLE c.default.t ADD CONSTRAINT positive CHECK (n > 0)",
    "INSERT INTO c.default.t VALUES ('a', 1)",
    "UPDATE c.default.t SET id = 'b'",
    "CREATE TABLE copy DEEP CLONE c.default.t",
    "CREATE TABLE t (a INT, b INT DEFAULT 5) TBLPROPERTIES ("
    "'delta.columnMapping.mode' = 'name', 'delta.feature.allowColumnDefaults' = 'supported')",
    "INSERT INTO t (a) VALUES (1)",
    "ALTER TABLE t RENAME COLUMN b TO c",
    "ALTER TABLE t RENAME TO u",
]


def run(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "local_warehouse", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_all_data_survive_a_restart_in_a_folder_of_any_name(start, tmp_path):
    folder = tmp_path / "Müller & Söhne (it's 100%)"
    first = start(data=folder)
    with shell_on(first) as shell:
        for statement in STATEMENTS:
            shell.run(statement)
        assert shell.value("SELECT id FROM c.default.t VERSION AS OF 2") == "a"
        assert shell.value("SELECT count(*) FROM system.query.history") > 0
    assert len(list((folder / "tables").iterdir())) == 3
    assert first.stop() == 0
    assert not (folder / "server.json").exists()
    with shell_on(start(data=folder)) as shell:
        assert tuple(shell.run("SELECT * FROM c.default.t")[0]) == ("b", 1)
        assert "positive" in shell.error("UPDATE c.default.t SET n = 0")
        assert len(shell.run("DESCRIBE HISTORY c.default.t")) == 4
        shell.change("INSERT INTO copy VALUES ('d', 2)")
        assert [row.id for row in shell.run("SELECT id FROM copy ORDER BY id")] == ["b", "d"]
        shell.change("INSERT INTO u (a) VALUES (2)")
        found = shell.run("SELECT a, c FROM u ORDER BY a")
        assert [tuple(row) for row in found] == [(1, 5), (2, 5)]


@soak
def test_killed_in_mid_write_leaves_a_readable_table(start):
    for _ in range(size(1, 3)):
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


def test_two_servers_cannot_share_a_folder(server):
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
