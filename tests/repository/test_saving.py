"""Two rows of one key at the same moment, and writes whose answer was lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from crm.model.schema import ACCOUNTS
from crm.repository import _sql, operations
from crm.repository.errors import AlreadyExists, NotSaved
from crm.repository.operations import Operation
from crm.repository.records import _saving, accounts
from crm.repository.records._key import Key
from crm.repository.similar_keys import are_similar
from crm.warehouse import Warehouse
from crm.warehouse.errors import Dropped

from ..conftest import LocalWarehouse

MATCH, NOW = f"ON {are_similar('t.bsnid', 's.bsnid')}", "CURRENT_TIMESTAMP() AS now"


@pytest.mark.parametrize("is_known", [True, False], ids=["feed", "no feed"])
def test_who_committed_first_keeps_the_key(
    warehouse: Warehouse,
    someone_else: Warehouse,
    client: Client,
    server: LocalWarehouse,
    monkeypatch: pytest.MonkeyPatch,
    is_known: bool,
) -> None:
    """Bob commits, and reads his row back, while Alice's statement runs; it does not conflict.

    Where the order of commits is known it counts, even if Alice's statement began before Bob's.
    If it cannot be read now, both rows stay until she sends her form again.
    """
    run = Warehouse.execute

    def slow(self: Warehouse, sql: str, *args: Any, **options: Any) -> int:
        monkeypatch.setattr(Warehouse, "execute", run)
        assert MATCH in sql
        assert NOW in sql
        sql = sql.replace(MATCH, f"{MATCH} AND 1 = 0")
        if is_known:
            sql = sql.replace(NOW, "TIMESTAMP '2020-01-01 00:00:00' AS now")
        assert accounts.create(someone_else, {"bsnid": "B", "team": "Bob's"})
        return run(self, sql, *args, **options)

    monkeypatch.setattr(Warehouse, "execute", slow)
    if not is_known:
        monkeypatch.setattr(_sql, "NEWEST_COMMIT", "SELECT no_such FROM {table}")
    else:
        server.fault("error", match="_commit_version", error_class="SLOW", sqlstate="57KD0")
        with pytest.raises(Dropped):
            accounts.create(warehouse, {"bsnid": "B", "team": "Alice's"}, "form")
    with pytest.raises(AlreadyExists):
        accounts.create(warehouse, {"bsnid": "B", "team": "Alice's"}, "form")
    rows = warehouse.query(f"SELECT team FROM {warehouse.namespace.table(ACCOUNTS)}")
    assert rows == [{"team": "Bob's"}]
    page = client.get("/accounts/B/history/")
    assert page.status_code == 200
    assert "outside EDIP CRM" not in page.content.decode()


def test_an_edit_whose_answer_was_lost(warehouse: Warehouse, server: LocalWarehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B", "team": "First"})
    seen = accounts.get(warehouse, "B").updated_at
    server.fault("drop_before", times=2, match="UPDATE")
    with pytest.raises(NotSaved):
        accounts.update(warehouse, "B", {"team": "Second"}, seen)
    assert accounts.get(warehouse, "B").team == "First"
    server.fault("drop_after", times=2, match="UPDATE")
    accounts.update(warehouse, "B", {"team": "Second"}, seen)
    assert accounts.get(warehouse, "B").team == "Second"


def test_an_insert_that_is_sent_again_has_an_id_of_its_own(warehouse: Warehouse) -> None:
    """The first one may still be running: then its row can be told from that of the second."""
    sent: list[Operation] = []

    def insert(operation: Operation) -> int:
        sent.append(operation)
        raise Dropped()

    operation = operations.of_form(warehouse, operations.CREATE, "form")
    with pytest.raises(NotSaved):
        _saving.save(warehouse, Key(ACCOUNTS, {"bsnid": "B"}), operation, insert)
    first, second = sent
    assert first.id != second.id
    assert first.half == second.half
