"""Creating: whatever becomes of the answer, one row is saved or none, and the page says which."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from crm.model.schema import ACCOUNTS
from crm.repository._sql import Row
from crm.repository.integrity import checks
from crm.repository.records import _saving, accounts, updates
from crm.repository.tables import privileges
from crm.warehouse import Warehouse
from crm.warehouse.errors import Dropped

from ..concurrency import inserts_conflict
from ..conftest import LocalWarehouse, Statements
from .creating import DOORS, Door, words_of

UNKNOWN = "may or may not have been saved"


@pytest.fixture(params=list(DOORS))
def door(request: pytest.FixtureRequest, warehouse: Warehouse) -> Door:
    door = DOORS[request.param](warehouse)
    if door.table is not ACCOUNTS:
        accounts.create(warehouse, {"bsnid": "B-1", "team": "Claims"})
    return door


def test_a_lost_answer_is_settled_by_looking(door: Door, server: LocalWarehouse) -> None:
    merge = f"MERGE INTO .*{door.table.name}"
    # It never ran, not even the second time: that is said, and nothing is saved.
    server.fault("drop_before", times=4, match=merge)
    answer = door.send()
    assert (answer.status_code, door.texts()) == (503, [])
    assert "Nothing was saved" in words_of(answer)
    server.clear_faults()
    # It ran, and nobody can look: that is said, and sending it again does no harm.
    server.fault("drop_after", match=merge)
    server.fault("drop_before", times=4, match="^\\s*SELECT")
    answer = door.send()
    assert (answer.status_code, UNKNOWN in words_of(answer)) == (503, True)
    server.clear_faults()
    assert door.is_done(door.send())
    assert door.texts() == [door.words[0]]


def test_a_lost_answer_stays_unknown_if_the_next_try_is_refused(
    door: Door, server: LocalWarehouse
) -> None:
    """The first statement may still be running."""
    merge = f"MERGE INTO .*{door.table.name}"
    server.fault("drop_before", at=1, match=merge)
    server.fault("http_status", at=2, status=400, match=merge)
    answer = door.send()
    assert (answer.status_code, door.texts()) == (503, [])
    assert "has checked what was saved: nothing" in words_of(answer)
    # The same where the layer below sends a statement again.
    server.clear_faults()
    server.fault("drop_after", at=1, match=r"^\s*UPDATE")
    server.fault("http_status", at=2, status=400, match=r"^\s*UPDATE")
    accounts.create(door.warehouse, {"bsnid": "B-2", "team": "Claims"})
    with pytest.raises(Dropped):
        privileges.may_write(door.warehouse)


def test_what_cannot_be_taken_back_is_told(
    warehouse: Warehouse, server: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account of a new update is deleted meanwhile, and so must be the update."""
    door = DOORS["update"](warehouse)
    accounts.create(warehouse, {"bsnid": "B-1", "team": "Claims"})
    run = Warehouse.query

    def delete_account(self: Warehouse, sql: str, *args: Any) -> list[Row]:
        if "LEFT JOIN" in sql:
            monkeypatch.undo()
            table = warehouse.namespace.table(ACCOUNTS)
            warehouse.execute(f"DELETE FROM {table}", repeatable=True)
            server.fault("http_status", times=None, status=400, match=r"^\s*UPDATE")
        return run(self, sql, *args)

    monkeypatch.setattr(Warehouse, "query", delete_account)
    answer = door.send()
    assert answer.status_code == 503
    assert "cannot stay, and may not have been removed" in words_of(answer)
    assert door.words[0] in words_of(answer)
    found = checks.run_checks(warehouse)
    assert [each.total for check, each in found.items() if check.name == "orphans"] == [1]


def test_a_statement_that_ran_is_not_sent_again(
    door: Door, server: LocalWarehouse, statements: Statements
) -> None:
    server.fault("drop_after", times=1, match=f"MERGE INTO .*{door.table.name}")
    with statements() as done:
        assert door.is_done(door.send())
    assert [text.split()[0] for text in done if "SHOW" not in text] == ["MERGE", "SELECT"]
    assert door.texts() == [door.words[0]]


def test_a_form_is_sent_again_with_another_text(door: Door) -> None:
    """Its first answer did not reach the person."""
    door.send()
    door.shown["updated_at"] = ""
    answer = door.send(door.words[1])
    if door.is_done(answer):
        assert door.texts() == [door.words[1]]
    else:
        assert door.table.name == "platforms_status"
        assert "was not saved" in words_of(answer)


def test_a_form_is_sent_again_while_somebody_changes_the_row(
    warehouse: Warehouse, someone_else: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first answer did not reach the person, who then typed another text."""
    keep_one = _saving.keep_one
    for name in ("account", "update"):
        door = DOORS[name](warehouse)
        assert door.is_done(door.send())

        def change_after_reading(*args: Any, door: Door = door) -> Row | None:
            row = keep_one(*args)
            assert row
            update = accounts.update if door.table is ACCOUNTS else updates.update
            update(someone_else, row[door.table.key], {door.text: "Theirs"}, row["updated_at"])
            return row

        monkeypatch.setattr(_saving, "keep_one", change_after_reading)
        answer = door.send(door.words[1])
        monkeypatch.undo()
        assert (answer.status_code, door.texts()) == (422, ["Theirs"])
        words = words_of(answer)
        assert "exists already" in words or "somebody has changed it since" in words


def test_a_form_is_sent_twice_at_once(door: Door, server: LocalWarehouse) -> None:
    """As by a double click, where two inserts of one key do not conflict."""
    with inserts_conflict(server, False), ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: door.send(), range(3)))
    assert all(map(door.is_done, answers))
    assert door.texts() == [door.words[0]]


def test_an_update_with_a_status_is_sent_three_times_at_once(
    warehouse: Warehouse, server: LocalWarehouse
) -> None:
    accounts.create(warehouse, {"bsnid": "B-1", "team": "Claims"})
    door = DOORS["composer"](warehouse)
    door.shown |= {"platform": "Snowflake", "status": "Requested", "reason": "They asked"}
    with inserts_conflict(server, False), ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: door.send(), range(3)))
    assert all(map(door.is_done, answers))
    assert door.texts() == [door.words[0]]
    [status] = accounts.get_detail(warehouse, "B-1").platforms
    assert (status.status, status.reason) == ("Requested", "They asked")
