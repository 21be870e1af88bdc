from __future__ import annotations

import datetime as dt
import json

import pytest

from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, UPDATES
from crm.repository import chunks
from crm.repository.records import accounts, updates
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..schemas import ACTOR
from .test_accounts import HOSTILE


def test_many_rows_in_few_statements(warehouse: Warehouse, statements: Statements) -> None:
    rows = [{"bsnid": f"B{number:05}", "team": f"Team {number}"} for number in range(6000)]
    with statements() as done:
        assert insert_missing(warehouse, ACCOUNTS, rows) == 6000
    assert len(done) <= 4
    assert accounts.search(warehouse, Listing()).total == 6000


def test_a_statement_takes_as_many_rows_as_its_parameter_may_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ['"ä"'] * 5
    monkeypatch.setattr(chunks, "ROWS", 2)
    assert [json.loads(chunk) for chunk in chunks.arrays(texts)] == [["ä"] * n for n in (2, 2, 1)]
    monkeypatch.setattr(chunks, "ROWS", 1000)
    monkeypatch.setattr(chunks, "BYTES", 3 * len('"ä",'.encode()))
    assert [len(json.loads(chunk)) for chunk in chunks.arrays(texts)] == [3, 2]
    assert list(chunks.arrays([])) == []
    # A row that is larger stands alone.
    assert list(chunks.arrays(["1", f'"{100 * "a"}"'])) == ["[1]", f'["{100 * "a"}"]']


def test_rows_that_are_there_stay(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "A", "team": "Edited"})
    rows = [{"bsnid": "A", "team": "Sample"}, {"bsnid": "B", "team": "Sample"}]
    assert insert_missing(warehouse, ACCOUNTS, rows) == 1
    assert insert_missing(warehouse, ACCOUNTS, rows) == 0
    assert accounts.get(warehouse, "A").team == "Edited"  # type: ignore[union-attr]
    assert insert_missing(warehouse, ACCOUNTS, []) == 0


def test_types_and_authors(warehouse: Warehouse) -> None:
    moment = dt.datetime(2026, 5, 6, 7, 8, 9, 123_456, dt.UTC)
    rows = [
        {"id": "1", "account_bsnid": "A", "date": dt.date(2026, 5, 6), "created_at": moment},
        {"id": "2", "account_bsnid": "A", "date": None, "created_by": "eve", "author": ""},
    ]
    assert insert_missing(warehouse, UPDATES, rows) == 2
    first, second = (updates.get(warehouse, id) for id in "12")
    assert first is not None
    assert second is not None
    assert (first.date, first.created_at, first.created_by) == (rows[0]["date"], moment, ACTOR)
    assert first.updated_at is not None
    assert (second.date, second.author, second.created_by) == (None, None, "eve")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_stored_as_it_is(warehouse: Warehouse, text: str) -> None:
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": "A", "team": text}])
    assert accounts.get(warehouse, "A").team == text  # type: ignore[union-attr]
