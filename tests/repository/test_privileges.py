"""What a person may do, from the answers of a replaced warehouse."""

from __future__ import annotations

from typing import Any

import pytest

from crm.model.namespace import Namespace
from crm.repository.tables import inspection, privileges
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, StatementFailed


class Answers:
    """A warehouse that gives one answer, or raises it, and keeps the statements."""

    namespace = Namespace("Cat", "Main", "X_")
    cache_key = ("warehouse", "namespace", "person")

    def __init__(self, answer: Any = 1) -> None:
        self.answer = answer
        self.ran: list[str] = []
        self.params: dict[str, Any] | None = None

    def query(self, sql: str, params: dict[str, Any] | None = None) -> Any:
        self.ran.append(sql)
        self.params = params
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def execute(self, sql: str, params: Any = None, *, repeatable: bool) -> int:
        self.ran.append(sql)
        if isinstance(self.answer, Exception):
            raise self.answer
        return 1


def test_only_a_refusal_means_that_a_person_may_not_write() -> None:
    asking: Any = Answers()
    assert privileges.may_write(asking)
    (sql,) = asking.ran
    assert sql.strip() == (
        "UPDATE `Cat`.`Main`.`X_accounts` SET updated_by = updated_by WHERE FALSE"
    )
    assert not privileges.may_write(Answers(PermissionDenied("no")))  # type: ignore[arg-type]
    with pytest.raises(StatementFailed):
        privileges.may_write(Answers(StatementFailed("what")))  # type: ignore[arg-type]


def test_masked_columns_are_those_of_our_tables() -> None:
    rows = [
        {"table_name": "x_accounts", "column_name": "VP"},
        {"table_name": "accounts", "column_name": "admin"},
        {"table_name": "x_accounts", "column_name": "secret"},
        {"table_name": "x_updates", "column_name": "author"},
    ]
    asking: Any = Answers(rows)
    masked = privileges.masked_columns(asking)
    assert {name: set(columns) for name, columns in masked.items() if columns} == {
        "accounts": {"vp"},
        "updates": {"author"},
    }
    assert asking.params == {"schema": "main"}
    assert "WHERE schema_name = :schema" in asking.ran[0]


@pytest.mark.parametrize("error", [PermissionDenied("no"), ObjectNotFound("none")])
def test_nothing_is_known_to_be_masked_where_nobody_may_look(error: Exception) -> None:
    asking: Any = Answers(error)
    assert privileges.masked_columns(asking) == {}


def test_existing_columns_are_found_in_lower_case() -> None:
    row = {
        "table_name": "X_accounts",
        "column_name": "BSNID",
        "full_data_type": "string",
        "is_nullable": "NO",
    }
    asking: Any = Answers([row, row | {"column_name": "vp", "is_nullable": "YES"}])
    assert inspection.columns(asking) == {
        "x_accounts": {
            "bsnid": inspection.Found("STRING", False),
            "vp": inspection.Found("STRING", True),
        }
    }
    assert asking.params == {"schema": "main"}
    assert "WHERE table_schema = :schema" in asking.ran[0]


def test_tables_with_a_row_filter_are_found() -> None:
    asking: Any = Answers([{"table_name": "x_Accounts"}, {"table_name": "updates"}])
    assert privileges.filtered_tables(asking) == {"accounts"}
