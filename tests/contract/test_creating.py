"""Creating: whatever happens to the answer, one row is saved or none, and the page says which."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from crm.model.schema import ACCOUNTS
from crm.repository._sql import Row
from crm.repository.integrity import checks
from crm.repository.records import _saving, accounts, updates
from crm.repository.tables import privileges
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse
from crm.warehouse.errors import Dropped

from ..concurrency import inserts_conflict
from ..conftest import LocalWarehouse, Statements
from .creating import FORMS, CreatingForm, words_of

UNKNOWN = "may or may not have been saved"


@pytest.fixture
def forms(warehouse: Warehouse) -> dict[str, CreatingForm]:
    """The forms by name, each for another account, which exists unless the form creates it."""
    forms = {name: make(warehouse, f"B-{name[:2]}") for name, make in FORMS.items()}
    owners = [form.bsnid for form in forms.values() if form.table is not ACCOUNTS]
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": key, "team": "Claims"} for key in owners])
    return forms


def test_a_lost_answer_is_settled_by_looking(
    forms: dict[str, CreatingForm], server: LocalWarehouse, subtests: pytest.Subtests
) -> None:
    for name, form in forms.items():
        with subtests.test(name):
            settle_by_looking(form, server)
        server.clear_faults()


def settle_by_looking(form: CreatingForm, server: LocalWarehouse) -> None:
    merge = f"MERGE INTO .*{form.table.name}"
    # The statement never ran, not even the second time: the page says that nothing was saved.
    server.fault("drop_before", times=4, match=merge)
    answer = form.send()
    assert (answer.status_code, form.texts()) == (503, [])
    assert "Nothing was saved" in words_of(answer)
    server.clear_faults()
    # The statement ran, but the result cannot be read: the page says so, and sending it again does
    # no harm.
    server.fault("drop_after", match=merge)
    server.fault("drop_before", times=4, match="^\\s*SELECT")
    answer = form.send()
    assert (answer.status_code, UNKNOWN in words_of(answer)) == (503, True)
    assert "Check in another tab whether it was done" in words_of(answer)
    server.clear_faults()
    assert form.is_done(form.send())
    assert form.texts() == [form.words[0]]


def test_a_lost_answer_stays_unknown_if_the_next_try_is_refused(
    forms: dict[str, CreatingForm],
    warehouse: Warehouse,
    server: LocalWarehouse,
    subtests: pytest.Subtests,
) -> None:
    """The first statement may still be running."""
    for name, form in forms.items():
        merge = f"MERGE INTO .*{form.table.name}"
        server.fault("drop_before", at=1, match=merge)
        server.fault("http_status", at=2, status=400, match=merge)
        with subtests.test(name):
            answer = form.send()
            assert (answer.status_code, form.texts()) == (503, [])
            assert "has checked what was saved: nothing" in words_of(answer)
        server.clear_faults()
    # The same holds if the warehouse layer sends a statement again.
    server.fault("drop_after", at=1, match=r"^\s*UPDATE")
    server.fault("http_status", at=2, status=400, match=r"^\s*UPDATE")
    with pytest.raises(Dropped):
        privileges.may_write(warehouse)


def test_what_cannot_be_taken_back_is_named(
    warehouse: Warehouse, server: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account of a new update is deleted meanwhile, and so must be the update."""
    form = FORMS["update"](warehouse, "B-1")
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
    answer = form.send()
    assert answer.status_code == 503
    assert "could not be kept, and may still be stored" in words_of(answer)
    assert form.words[0] in words_of(answer)
    [orphans] = [check for check in checks.CHECKS if check.name == "orphans"]
    assert checks.run_checks(warehouse, (orphans,))[orphans].total == 1


def test_a_statement_that_ran_is_not_sent_again(
    forms: dict[str, CreatingForm],
    server: LocalWarehouse,
    statements: Statements,
    subtests: pytest.Subtests,
) -> None:
    """Although its answer was lost. If the form is sent again with another text, the row changes,
    because the first answer did not reach the person."""
    for name, form in forms.items():
        server.fault("drop_after", times=1, match=f"MERGE INTO .*{form.table.name}")
        with subtests.test(name):
            with statements() as done:
                assert form.is_done(form.send())
            assert [text.split()[0] for text in done if "SHOW" not in text] == ["MERGE", "SELECT"]
            assert form.texts() == [form.words[0]]
            send_another_text(form)
        server.clear_faults()


def send_another_text(form: CreatingForm) -> None:
    form.shown["updated_at"] = ""
    answer = form.send(form.words[1])
    if form.is_done(answer):
        assert form.texts() == [form.words[1]]
    else:
        assert form.table.name == "platforms_status"
        assert "was not saved" in words_of(answer)


def test_a_form_is_sent_again_while_somebody_changes_the_row(
    warehouse: Warehouse, someone_else: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first answer did not reach the person, who then typed another text."""
    keep_one = _saving.keep_one
    for name in ("account", "update"):
        form = FORMS[name](warehouse, "B-1")
        assert form.is_done(form.send())

        def change_after_reading(*args: Any, form: CreatingForm = form) -> Row | None:
            row = keep_one(*args)
            assert row
            update = accounts.update if form.table is ACCOUNTS else updates.update
            update(someone_else, row[form.table.key], {form.text: "Theirs"}, row["updated_at"])
            return row

        monkeypatch.setattr(_saving, "keep_one", change_after_reading)
        answer = form.send(form.words[1])
        monkeypatch.undo()
        assert (answer.status_code, form.texts()) == (422, ["Theirs"])
        words = words_of(answer)
        assert "exists already" in words or "somebody has changed it since" in words


def test_a_form_is_sent_twice_at_once(
    forms: dict[str, CreatingForm], server: LocalWarehouse, subtests: pytest.Subtests
) -> None:
    """As by a double click, where two inserts of one key do not conflict."""
    for name, form in forms.items():
        with subtests.test(name):
            with inserts_conflict(server, False), ThreadPoolExecutor(3) as pool:
                answers = list(pool.map(lambda _, form=form: form.send(), range(3)))
            assert all(map(form.is_done, answers))
            assert form.texts() == [form.words[0]]


def test_an_update_with_a_status_is_sent_three_times_at_once(
    warehouse: Warehouse, server: LocalWarehouse
) -> None:
    accounts.create(warehouse, {"bsnid": "B-1", "team": "Claims"})
    form = FORMS["composer"](warehouse, "B-1")
    form.shown |= {"platform": "Snowflake", "status": "Requested", "reason": "They asked"}
    with inserts_conflict(server, False), ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: form.send(), range(3)))
    assert all(map(form.is_done, answers))
    assert form.texts() == [form.words[0]]
    [status] = accounts.get_detail(warehouse, "B-1").platforms
    assert (status.status, status.reason) == ("Requested", "They asked")
