"""Blocks of statements; from the answers of a replaced warehouse."""

from __future__ import annotations

from typing import Any

import pytest

from crm.model.schema import ACCOUNTS, UPDATES
from crm.repository import atomic, ddl
from crm.repository.atomic import NotAtomic, Statement
from crm.repository.operations import Operation
from crm.warehouse.errors import (
    Dropped,
    PermissionDenied,
    Refused,
    StatementFailed,
    TooLarge,
    WriteConflict,
)

from ..conftest import forget_everything
from .test_privileges import Answers

OPERATION = Operation("id-1", "delete", "ana@example.com")
STATEMENTS = [
    Statement("DELETE FROM a WHERE id = :key", {"key": "B1"}),
    Statement("UPDATE b SET x = :actor, change_id = :change_id", {}, UPDATES),
]
PROPERTIES = dict([ddl.CATALOG_MANAGED])


class Blocks(Answers):
    """A warehouse with these properties of its tables; ``block`` answers blocks."""

    def __init__(self, block: Any, properties: dict[str, str] = PROPERTIES) -> None:
        super().__init__([{"key": key, "value": value} for key, value in properties.items()])
        self.block = block

    def execute_and_read(self, sql: str, params: dict[str, Any], *, repeatable: bool) -> Any:
        assert repeatable
        self.ran.append(sql)
        self.params = params
        if isinstance(self.block, Exception):
            raise self.block
        return self.block


@pytest.fixture(autouse=True)
def _forget() -> None:
    forget_everything()


def test_statements_become_one_and_their_rows_are_counted() -> None:
    wh: Any = Blocks([{"n0": 3}])
    assert atomic.run(wh, OPERATION, STATEMENTS) == {UPDATES: 3}
    first, second, count, end = [line.strip() for line in wh.ran[-1].split("\n")[1:]]
    assert [first, second] == [f"{each.sql};" for each in STATEMENTS]
    assert "updates` WHERE change_id = :change_id) AS n0;" in count
    assert end == "END"
    assert wh.params == {"key": "B1", "actor": "ana@example.com", "change_id": "id-1"}
    # A warehouse that answers with something else is asked.
    wh.block, wh.answer = [], [{"n0": 2}]
    assert atomic.run(wh, OPERATION, STATEMENTS) == {UPDATES: 2}
    # One name has one value.
    with pytest.raises(ValueError, match="different values"):
        atomic.run(wh, OPERATION, [STATEMENTS[0], Statement("DELETE :key", {"key": "B2"})])


@pytest.mark.parametrize(
    ("error", "is_remembered"),
    [
        (StatementFailed(error_class="TRANSACTION_NOT_SUPPORTED.COMMAND"), True),
        (StatementFailed(error_class="SQL_SCRIPT_IN_EXECUTE_IMMEDIATE"), True),
        (StatementFailed(error_class="USER_RAISED_EXCEPTION"), False),
        (WriteConflict(), False),
        (TooLarge(), False),
        (Refused(), False),
    ],
)
def test_what_a_block_cannot_do_runs_step_by_step(error: Exception, is_remembered: bool) -> None:
    wh: Any = Blocks(error)
    assert atomic.is_possible(wh)
    with pytest.raises(NotAtomic):
        atomic.run(wh, OPERATION, STATEMENTS)
    assert atomic.is_possible(wh) is not is_remembered


@pytest.mark.parametrize("error", [Dropped(), PermissionDenied()])
def test_other_failures_are_those_of_any_statement(error: Exception) -> None:
    with pytest.raises(type(error)):
        atomic.run(Blocks(error), OPERATION, STATEMENTS)  # type: ignore[arg-type]


def test_without_the_table_feature_no_block_is_tried() -> None:
    wh: Any = Blocks([], {"delta.minReaderVersion": "3"})
    assert not atomic.is_possible(wh)
    assert not atomic.is_possible(wh)
    assert wh.ran == [ddl.show_properties(ACCOUNTS, wh.namespace)]
