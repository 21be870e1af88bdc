"""Whole tables are read chunk by chunk, from a replaced warehouse."""

from __future__ import annotations

from typing import Any

import pytest

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS
from crm.repository.transfer import read_all


class Table:
    """A warehouse whose table has these keys."""

    namespace = Namespace("c", "s")

    def __init__(self, keys: str) -> None:
        self.keys = keys
        self.asked: list[dict[str, Any]] = []

    def query(self, sql: str, params: dict[str, Any]) -> list[dict[str, str]]:
        assert "ORDER BY t.`bsnid`, t.created_at LIMIT :chunk" in sql
        assert ("t.`bsnid` > :last" in sql) == ("last" in params)
        self.asked.append(params)
        left = [key for key in self.keys if key > params.get("last", "")]
        return [{"bsnid": key} for key in left[: params["chunk"]]]


@pytest.mark.parametrize(
    ("keys", "statements"), [("", 1), ("a", 1), ("ab", 2), ("abc", 2), ("abcd", 3)]
)
def test_every_row_is_read_once_by_key(keys: str, statements: int) -> None:
    table: Any = Table(keys)
    rows = read_all.rows(table, ACCOUNTS, chunk=2)
    assert "".join(row["bsnid"] for row in rows) == keys
    assert len(table.asked) == statements
