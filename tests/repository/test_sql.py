"""SQL is composed in one way: constant templates, filled once; identifiers quoted in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

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


def offences(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "format":
                yield f"line {node.lineno}: str.format"
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


@pytest.mark.parametrize("path", sorted(REPOSITORY.rglob("*.py")), ids=lambda path: path.stem)
def test_sql_is_composed_in_one_way(path: Path) -> None:
    if path.name != "_sql.py":
        assert list(offences(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        'sql = "SELECT {x}".format(x=1)',
        'sql = f"SELECT {x} FROM t"',
        'sql = f"`{name}`"',
        'sql = "SELECT a FROM " + table',
        'sql = "DELETE FROM %s " % table',
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


def test_own_words_are_literals() -> None:
    assert _sql.literal("the team's \\ name") == "'the team\\'s \\\\ name'"


def test_only_columns_that_people_fill_in_are_written() -> None:
    assert _sql.checked(ACCOUNTS, {"team": "", "vp": "V"}) == {"team": None, "vp": "V"}
    for name in ("bsnid", "created_by", "nothing"):
        with pytest.raises(ValueError, match=name):
            _sql.checked(ACCOUNTS, {name: "x"})
