"""Measure the cost of the wire: the same statements through the connector and at the engine.

    python -m bench.local_warehouse [--rounds N] [--rows N]

Both sides read one Delta table on disk, in turn, in one run; medians in milliseconds. The
last lines put 1, 4 and 16 connections to work at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from databricks import sql

from local_warehouse.engine import Engine
from local_warehouse.sql.template import engine_name

from ._report import Table, show

TABLE = "workspace.default.t"
POINT = "SELECT * FROM {t} WHERE id = {id}"
LIST = "SELECT note, count(*) AS n FROM {t} GROUP BY note ORDER BY n DESC, note LIMIT 20"
UPDATE = "UPDATE {t} SET n = n + 1 WHERE id = {id}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--rows", type=int, default=1000)
    given = options.parse_args()
    show(tables(given.rounds, given.rows))


def tables(rounds: int, rows: int) -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        server, url = start(Path(folder))
        try:
            return measured(Path(folder), url, rounds, rows)
        finally:
            server.terminate()
            server.wait()


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "local_warehouse", "--data", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    server.stdout.readline()
    url: str = json.loads((folder / "server.json").read_text())["url"]
    return server, url


def connect(url: str) -> sql.client.Connection:
    return sql.connect(
        server_hostname="localhost",
        http_path="/",
        access_token="dapi-local-developer",
        _connection_uri=url,
        enable_telemetry=False,
        use_cloud_fetch=False,
        session_configuration={"use_cached_result": "false"},
    )


def measured(folder: Path, url: str, rounds: int, rows: int) -> list[Table]:
    wire = _beside_the_engine(folder, url, rounds, rows)
    at_once = Table("reads", "Point reads at the same time.", ["connections", "reads per second"])
    for connections in (1, 4, 16):
        at_once.rows.append([connections, reads_per_second(url, connections, rounds, rows)])
    return [wire, at_once]


def _beside_the_engine(folder: Path, url: str, rounds: int, rows: int) -> Table:
    connection = connect(url)

    def bound(statement: str, number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"id": str(number % rows)})
            cursor.fetchall_arrow()

    def written_out(statement: str, number: int) -> None:
        engine.run(statement.format(t=direct, id=f"'{number % rows}'"))

    _fill(connection, rows)
    (location,) = (path for path in (folder / "tables").iterdir())
    engine = Engine()
    engine.register(location.name, str(location))
    direct = engine_name(location.name)
    wire = Table(
        "wire",
        f"Milliseconds through the connector and at the engine, {rows:,} rows, medians.",
        ["statement", "connector", "engine", "ratio"],
    )
    for name, statement, write in (
        ("point read, bound key", POINT, False),
        ("group and sort", LIST, False),
        ("update of one row", UPDATE, True),
    ):
        left, right = in_turn(
            partial(bound, statement.format(t=TABLE, id=":id")),
            partial(written_out, statement),
            rounds // 4 if write else rounds,
        )
        wire.rows.append([name, left, right, left / right])
    engine.stop()
    connection.close()
    return wire


def _fill(connection: sql.client.Connection, rows: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {TABLE} (id STRING NOT NULL, n INT, note STRING)")
        cursor.execute(
            f"INSERT INTO {TABLE} SELECT cast(id AS string), 0, concat('note ', id % 50) "
            f"FROM range({rows})"
        )


def in_turn(
    left: Callable[[int], object], right: Callable[[int], object], rounds: int
) -> tuple[float, float]:
    """Return the medians of both in milliseconds; each round measures one after the other."""
    times: tuple[list[float], list[float]] = ([], [])
    for i in range(rounds + 5):
        for side, call in enumerate((left, right)):
            started = time.perf_counter()
            call(i)
            times[side].append((time.perf_counter() - started) * 1000)
    return statistics.median(times[0][5:]), statistics.median(times[1][5:])


def reads_per_second(url: str, connections: int, rounds: int, rows: int) -> float:
    each = max(1, rounds // connections)

    def read(_: int) -> None:
        with connect(url) as connection:
            for i in range(each):
                with connection.cursor() as cursor:
                    cursor.execute(f"SELECT * FROM {TABLE} WHERE id = :id", {"id": str(i % rows)})
                    cursor.fetchall_arrow()

    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(read, range(connections)))
    return connections * each / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
