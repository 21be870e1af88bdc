"""``BEGIN ATOMIC … END`` as text: its statements, and what is refused in it."""

from __future__ import annotations

import pytest

from local_warehouse.sql.atomic_block import Part, after_parameters, parts, read, with_names
from local_warehouse.sql.parsing import tokenize
from local_warehouse.sql.template import Marker, Template

from .conftest import fails


def split(sql: str) -> tuple[Part, ...] | None:
    return parts(sql, tokenize(sql))


def test_the_statements_of_a_block():
    assert split("SELECT 1") is None
    assert split("BEGIN TRANSACTION") is None
    assert split("begin atomic end;") == ()
    block = """BEGIN ATOMIC -- a comment; END
        UPDATE t SET a = ?, b = 'x; END' WHERE c = CASE WHEN ? THEN 1 END;
        ; DELETE FROM t WHERE a = ? ;
    END"""
    assert split(block) == (
        Part("UPDATE t SET a = ?, b = 'x; END' WHERE c = CASE WHEN ? THEN 1 END", 0),
        Part("DELETE FROM t WHERE a = ? ", 2),
    )


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN ATOMIC",
        "BEGIN ATOMIC SELECT 1;",
        "BEGIN ATOMIC SELECT 1 END",
        "BEGIN ATOMIC ; END 1",
    ],
)
def test_a_block_without_its_end(text):
    with fails("PARSE_SYNTAX_ERROR"):
        split(text)


def test_what_may_not_be_in_a_block():
    for statement in ("OPTIMIZE t", "CREATE TABLE t (a INT)", "GRANT SELECT ON t TO ann"):
        with fails("TRANSACTION_NOT_SUPPORTED.COMMAND", statement.split()[0]):
            read(Part(statement, 0))
    for statement in ("IF 1 = 1 THEN SELECT 1", "DECLARE x INT", "BEGIN SELECT 1"):
        with fails("UNSUPPORTED_FEATURE", statement.split()[0]):
            read(Part(statement, 0))
    with fails("PARSE_SYNTAX_ERROR"):
        read(Part("SELECT FROM WHERE", 0))


def test_names_and_positions_change_outside_of_values_only():
    template = Template(("SELECT * FROM w.t_1 WHERE a = ", Marker("positional", 1)))
    assert after_parameters(template, 2).pieces[1] == Marker("positional", 3)
    assert with_names(template, {"w.t_1": "w.t_2"}).pieces[0] == "SELECT * FROM w.t_2 WHERE a = "
