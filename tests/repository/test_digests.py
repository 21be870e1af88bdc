"""Claims of digests: of two runs only one sends."""

from __future__ import annotations

from crm.model.own_tables import DIGESTS
from crm.repository.records import digests
from crm.repository.records.digests import DAILY
from crm.warehouse import Warehouse


def test_of_two_runs_that_read_the_same_row_one_claims(warehouse: Warehouse) -> None:
    digests.choose(warehouse, "ana@example.com", DAILY)
    (seen,) = digests.recipients(warehouse)
    assert seen.period == ""
    claims = [digests.claim(warehouse, seen.name, "2026-11-27", run) for run in ("one", "two")]
    assert claims == [True, False]
    (now,) = digests.recipients(warehouse)
    assert (now.run, now.state) == ("one", digests.SENDING)


def test_two_runs_that_add_a_recipient_at_once_send_one_digest(warehouse: Warehouse) -> None:
    """Nothing prevents two rows with one key. The second one comes after the first claim."""

    def add() -> None:
        table = warehouse.namespace.table(DIGESTS)
        warehouse.execute(f"INSERT INTO {table} (recipient) VALUES ('chat')", repeatable=False)

    add()
    claims = [digests.claim(warehouse, "chat", "2026-W48", "one")]
    add()
    claims.append(digests.claim(warehouse, "chat", "2026-W48", "two"))
    assert claims == [True, False]
    (now,) = digests.recipients(warehouse, "chat")
    assert (now.run, now.state) == ("one", digests.SENDING)
    digests.note(warehouse, "chat", "one", digests.SENT)
    (now,) = digests.recipients(warehouse, "chat")
    assert (now.run, now.state) == ("one", digests.SENT)
    claims = [digests.claim(warehouse, "chat", "2026-W49", run) for run in ("three", "four")]
    assert claims == [True, False]
