"""SQL is composed in one way: constant templates, filled once; identifiers quoted in one place."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS
from crm.repository import _sql

from ..conftest import BASE_DIR

REPOSITORY = BASE_DIR / "crm" / "repository"
_STATEMENT = re.compile(
    r"\b(SELECT|MERGE INTO|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|RESTORE|GRANT"
    r"|DESCRIBE|SHOW|COMMENT ON|VACUUM|OPTIMIZE)\s"
)
_CLAUSE = re.compile(r"\b(SELECT|FROM|WHERE|WHEN|JOIN|SET|VALUES|(ORDER|GROUP) BY)\b")


def _edits_sql(call: ast.Call) -> bool:
    """Return whether a call of ``replace`` or ``sub`` edits SQL, by its names and constants."""
    parts = [part for each in (call.func, *call.args) for part in ast.walk(each)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    texts = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
    return bool(names & {"sql", "query", "statement"}) or any(map(_CLAUSE.search, texts))


def offences(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "format":
                yield f"line {node.lineno}: str.format"
            if node.func.attr in ("replace", "sub") and _edits_sql(node):
                yield f"line {node.lineno}: finished SQL is edited"
        elif isinstance(node, ast.JoinedStr):
            constants = (part.value for part in node.values if isinstance(part, ast.Constant))
            text = " ".join(str(constant) for constant in constants)
            if _STATEMENT.search(text):
                yield f"line {node.lineno}: a statement as an f-string"
            if "`" in text and "``" not in text:
                yield f"line {node.lineno}: quotes by itself"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            sides = [
                side.value for side in (node.left, node.right) if isinstance(side, ast.Constant)
            ]
            if any(isinstance(side, str) and _STATEMENT.search(side) for side in sides):
                yield f"line {node.lineno}: a statement that is put together"


def test_sql_is_composed_in_one_way() -> None:
    files = [path for path in REPOSITORY.rglob("*.py") if path.name != "_sql.py"]
    assert len(files) > 100
    found = {str(path): list(offences(path.read_text())) for path in files}
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "source",
    [
        'sql = "SELECT {x}".format(x=1)',
        'sql = f"SELECT {x} FROM t"',
        'sql = f"`{name}`"',
        'sql = "SELECT a FROM " + table',
        'sql = "DELETE FROM %s " % table',
        'text = text.replace("WHEN MAX(o.bsnid)", "WHEN MIN(o.bsnid)")',
        'return re.sub(pattern, "", sql)',
        "other = sql.replace(old, new)",
    ],
)
def test_other_ways_are_found(source: str) -> None:
    assert list(offences(source))


def test_names_are_quoted() -> None:
    assert quoted("a") == "`a`"
    assert quoted("a`; DROP TABLE b; --") == "`a``; DROP TABLE b; --`"
    assert _sql.names(["a", "b"], "t") == "t.`a`, t.`b`"


def test_a_part_is_not_filled_again() -> None:
    space = Namespace("c", "s", "p_")
    sql = _sql.render(space, "SELECT {part} FROM {accounts}", part="'{accounts}'")
    assert sql == "SELECT '{accounts}' FROM `c`.`s`.`p_accounts`"


def test_columns_that_a_source_lacks_are_null() -> None:
    assert _sql.with_missing("s", ACCOUNTS, ()) == "s"
    sql = _sql.with_missing("s", ACCOUNTS, {"vp", "created_at", "no column"})
    assert sql == (
        "(SELECT *, CAST(NULL AS STRING) AS `vp`, CAST(NULL AS TIMESTAMP) AS `created_at` FROM s)"
    )


def test_updates_are_sorted_by_date_then_by_time_of_writing_then_by_id() -> None:
    day, time = dt.date(2026, 1, 2), dt.datetime(2026, 1, 3, tzinfo=dt.UTC)
    hour = dt.timedelta(hours=1)
    rows: list[dict[str, Any]] = [
        {"date": None, "created_at": time + hour, "id": "9"},
        {"date": day, "created_at": None, "id": "8"},
        {"date": day, "created_at": time, "id": "1"},
        {"date": day, "created_at": time, "id": "2"},
        {"date": day, "created_at": time + hour, "id": "0"},
        {"date": day + dt.timedelta(1), "created_at": time, "id": "3"},
    ]
    assert [row["id"] for row in _sql.newest_first(rows)] == ["3", "0", "2", "1", "8", "9"]


def test_rows_of_one_key_are_sorted_by_their_last_change_then_by_their_first() -> None:
    time, hour = dt.datetime(2026, 1, 3, tzinfo=dt.UTC), dt.timedelta(hours=1)
    rows: list[dict[str, Any]] = [
        {"updated_at": None, "created_at": time + 3 * hour, "id": 0},
        {"updated_at": time, "created_at": None, "id": 1},
        {"updated_at": time, "created_at": time, "id": 2},
        {"updated_at": time, "created_at": time + hour, "id": 3},
        {"updated_at": time + hour, "created_at": time, "id": 4},
    ]
    assert [row["id"] for row in _sql.latest_first(rows)] == [4, 3, 2, 1, 0]


def test_own_words_are_literals() -> None:
    assert _sql.literal("the team's \\ name") == "'the team\\'s \\\\ name'"


def test_only_columns_that_people_fill_in_are_written() -> None:
    assert _sql.checked(ACCOUNTS, {"team": "", "vp": "V"}) == {"team": None, "vp": "V"}
    for name in ("bsnid", "created_by", "nothing"):
        with pytest.raises(ValueError, match=name):
            _sql.checked(ACCOUNTS, {name: "x"})
