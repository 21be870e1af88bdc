"""Statements through the real connector: values, row counts, errors, log lines."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from urllib3 import HTTPResponse

from crm.repository.tables.inspection import ping
from crm.warehouse import Warehouse, statements
from crm.warehouse.errors import (
    ConstraintViolated,
    ObjectNotFound,
    StatementFailed,
)

from ..conftest import LocalWarehouse
from .notes import ids, insert


def test_errors_of_statements_have_their_own_types(warehouse: Warehouse, table: str) -> None:
    with pytest.raises(ObjectNotFound) as missing:
        warehouse.query("SELECT * FROM `edip_test`.`nowhere`.`nothing`")
    assert missing.value.query_id
    assert missing.value.error_class
    with pytest.raises(ConstraintViolated):
        warehouse.execute(f"INSERT INTO {table} (n) VALUES (1)", repeatable=False)
    with pytest.raises(StatementFailed):
        warehouse.query("SELEKT 1")


def test_values_come_back_plain(warehouse: Warehouse) -> None:
    (row,) = warehouse.query(
        """
        SELECT ARRAY(NAMED_STRUCT('a', 1, 'b', 'x')) AS structs,
          TIMESTAMP '2026-01-02 03:04:05.123456' AS t, DATE '2026-01-02' AS d, NULL AS nothing
        """
    )
    assert row["structs"] == [{"a": 1, "b": "x"}]
    assert row["t"].isoformat() == "2026-01-02T03:04:05.123456+00:00"
    assert row["d"].isoformat() == "2026-01-02"
    assert row["nothing"] is None


def test_an_answer_is_read_whole(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse.query("SELECT 1")
    reads: list[int] = []
    read = HTTPResponse.read

    def counted(response: HTTPResponse, *arguments: Any, **keywords: Any) -> bytes:
        reads.append(1)
        return read(response, *arguments, **keywords)

    monkeypatch.setattr(HTTPResponse, "read", counted)
    warehouse.query("SELECT id FROM RANGE(1000)")
    assert 0 < len(reads) <= 4


def test_rows_really_changed(warehouse: Warehouse, table: str) -> None:
    for id in "abc":
        insert(warehouse, table, id)
    change = f"UPDATE {table} SET n = 2 WHERE id > 'a'"
    assert warehouse.execute(change, repeatable=True) == 2
    assert warehouse.execute(f"DELETE FROM {table} WHERE id = 'x'", repeatable=True) == 0
    assert warehouse.execute(f"DELETE FROM {table}", repeatable=True) == 3


def test_each_statement_is_logged_once_without_values(
    warehouse: Warehouse, table: str, server: LocalWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "crm")
    server.fault("conflict", match="INSERT")
    insert(warehouse, table, "a secret value")
    lines = [r.getMessage() for r in caplog.records if r.name == "crm.warehouse"]
    assert len(lines) == 1
    assert "'INSERT notes'" in lines[0]
    assert "attempts=2" in lines[0]
    assert "rows=1" in lines[0]
    everything = " ".join(record.getMessage() for record in caplog.records)
    assert "a secret value" not in everything
    assert server.token not in everything


def test_failures_are_logged_without_values(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    sql = "SELECT CAST(:value AS INT) AS n"
    with pytest.raises(StatementFailed) as caught:
        warehouse.query(sql, {"value": "a secret value"})
    assert "a secret value" not in caplog.text + str(caught.value) + repr(caught.value)
    assert caught.value.query_id in caplog.text


def test_warehouse_shows_no_secret(warehouse: Warehouse) -> None:
    assert warehouse.pools.config.token not in repr(warehouse)


def test_cursors_are_closed(warehouse: Warehouse) -> None:
    for _ in range(3):
        ping(warehouse)
    with warehouse.pools.connection(warehouse.identity) as connection:
        cursors = connection.connection._cursors
        assert len(cursors) >= 3
        assert not [cursor for cursor in cursors if cursor.open]


def test_the_budget_leaves_time_before_the_gateway_gives_up(warehouse: Warehouse) -> None:
    assert statements.BUDGET + warehouse.pools.config.statement_timeout < 60


def test_the_connector_logs_nothing_of_its_own(
    warehouse: Warehouse, table: str, server: LocalWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """By default it logs failures at ERROR before a second attempt succeeds."""
    caplog.set_level(logging.DEBUG, "crm")
    server.fault("drop_after", match="SELECT id")
    assert ids(warehouse, table) == []
    assert {record.name for record in caplog.records} == {"crm.warehouse"}
    assert [r.levelname for r in caplog.records if r.levelno > logging.INFO] == []
