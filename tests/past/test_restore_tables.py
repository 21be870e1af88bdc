"""The statement that restores a backup's clone; no warehouse."""

from __future__ import annotations

from typing import Any

from crm.model.schema import ACCOUNTS
from crm.repository import _writing
from crm.repository.past import restore_tables

from ..repository.test_privileges import Answers


def test_only_rows_that_differ_are_written_and_later_ones_deleted() -> None:
    _writing.forget_all()
    warehouse: Any = Answers([])
    restore_tables.restore_clone(warehouse, ACCOUNTS, "clone")
    sql = warehouse.ran[-1]
    assert "WHEN MATCHED AND (NOT (t.`bsnid` <=> s.`bsnid`) OR NOT (t.`team` <=> s.`team`)" in sql
    assert "WHEN NOT MATCHED BY SOURCE THEN DELETE" in sql
