"""Values as SQL literals, and rows as INSERT statements; no warehouse."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS
from crm.repository.transfer import insert_script

EAST = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        ("", "''"),
        ("it's", r"'it\'s'"),
        ("a\\", r"'a\\'"),
        ("a\\' OR 1=1 --", r"'a\\\' OR 1=1 --'"),
        ("a\nb\r\tc", r"'a\nb\r\tc'"),
        ("\x001\x1f", r"'\u00001\u001f'"),
        ("${x} {{y}}", r"'\u0024{x} \u007B\u007By}}'"),
        (dt.date(2026, 1, 2), "DATE'2026-01-02'"),
        (dt.datetime(2026, 1, 2, 1, tzinfo=EAST), "TIMESTAMP'2026-01-01 23:00:00.000000+00:00'"),
        (dt.datetime(1, 2, 3, tzinfo=dt.UTC), "TIMESTAMP'0001-02-03 00:00:00.000000+00:00'"),
    ],
)
def test_no_value_can_end_its_literal(value: Any, literal: str) -> None:
    assert insert_script.literal(value) == literal


def test_rows_are_written_in_statements_of_a_limited_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(insert_script, "ROWS_PER_STATEMENT", 2)
    rows = [dict.fromkeys(ACCOUNTS.names) | {"bsnid": key} for key in "abc"]
    file = io.BytesIO()
    insert_script.write_inserts(file, [(ACCOUNTS, lambda: iter(rows))], Namespace("c", "s"))
    first, second, end = file.getvalue().decode().split(";\n")
    assert first.startswith("INSERT INTO `c`.`s`.`accounts` (`bsnid`, `team`, ")
    assert (first.count("\n("), second.count("\n("), end) == (2, 1, "")
    assert first.count("('a', NULL, ") == first.count("('b', NULL, ") == 1
