"""Each statement has tags, by which system.query.history knows the page and the request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from crm.repository.tables import change_feed
from crm.warehouse import Warehouse, dispose_all
from crm.warehouse.usage import Usage, measure

from ..conftest import LocalWarehouse

FOUND = """
SELECT query_tags['page'] AS page, query_tags['app'] AS app, query_tags['request'] AS request
FROM system.query.history WHERE query_tags['request'] = :request ORDER BY start_time
"""


def test_the_history_knows_page_and_request(client: Client, sample: Warehouse) -> None:
    client.get("/accounts/", HTTP_X_REQUEST_ID="r-17")
    client.get("/live/", HTTP_X_REQUEST_ID="r-18")
    rows = sample.query(FOUND, {"request": "r-17"})
    assert rows == [{"page": "account-list", "app": "edip-crm", "request": "r-17"}]
    assert {row["page"] for row in sample.query(FOUND, {"request": "r-18"})} == {"recent-changes"}
    # Statements that run at the same time are the request's, too.
    used = Usage("a-page", "r-19")
    with measure(used):
        change_feed._find_starts(sample, [change_feed._EXPIRED])
    rows = sample.query(FOUND, {"request": "r-19"})
    assert [row["page"] for row in rows] == ["a-page"] * used.statements == ["a-page"] * 8
    count = "SELECT count(*) AS n FROM system.query.history WHERE query_tags['app'] = 'edip-crm'"
    assert sample.query(count)[0]["n"] >= 2


@pytest.fixture
def without_tags(server: LocalWarehouse) -> Iterator[None]:
    """A workspace without the preview."""
    dispose_all()
    server._ask("POST", "/warehouse", {"query_tags": False})
    yield
    server._ask("POST", "/warehouse", {"query_tags": True})
    dispose_all()


def test_a_workspace_that_refuses_tags_gets_none(
    warehouse: Warehouse, server: LocalWarehouse, without_tags: None
) -> None:
    """The first statement is sent again, also a write that must not run twice."""
    table = f"{warehouse.namespace.quoted_schema}.`accounts`"
    before = server.last()
    with measure(Usage("a-page", "r-1")):
        sql = f"INSERT INTO {table} (bsnid) VALUES ('A')"
        assert warehouse.execute(sql, repeatable=False) == 1
        warehouse.query("SELECT 1 AS n")
    tags = [each["query_tags"] for each in server.statements(before)]
    assert [bool(each) for each in tags] == [True, False, False]
    assert warehouse.query(f"SELECT count(*) AS n FROM {table}") == [{"n": 1}]
