"""Parameters: literals of exactly their type, that no text can break out of."""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from sqlglot import exp

from local_warehouse.sql.parameters import Parameters, literal, text_literal
from local_warehouse.sql.parsing import parse_expression

from .conftest import fails


def sent(
    name: str | None,
    value: str | None,
    type_: str | None = "STRING",
    arguments: Sequence | None = None,
) -> SimpleNamespace:
    """A parameter as it comes over the wire."""
    wrapped = None if value is None else SimpleNamespace(stringValue=value)
    return SimpleNamespace(name=name, value=wrapped, type=type_, arguments=arguments)


def element(value: str | None, type_: str = "STRING", arguments=None) -> SimpleNamespace:
    return SimpleNamespace(value=value, type=type_, arguments=arguments)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("STRING", "x", "'x'"),
        (None, "x", "'x'"),
        ("string", "it's", r"'it\'s'"),
        ("STRING", "a\\b", r"'a\\b'"),
        ("STRING", "a\nb\x00", r"'a\u000ab\u0000'"),
        ("STRING", None, "CAST(NULL AS STRING)"),
        ("INT", "5", "5"),
        ("INT", "+5", "5"),
        ("INT", "-5", "(-5)"),
        ("BIGINT", "-5", "(-5L)"),
        ("BIGINT", "9223372036854775807", "9223372036854775807L"),
        ("SMALLINT", "5", "5S"),
        ("TINYINT", "5", "5Y"),
        ("INT", None, "CAST(NULL AS INT)"),
        ("BOOLEAN", "True", "TRUE"),
        ("BOOLEAN", "false", "FALSE"),
        ("DOUBLE", "1e3", "CAST('1e3' AS DOUBLE)"),
        ("DATE", "2026-01-31", "CAST('2026-01-31' AS DATE)"),
        ("TIMESTAMP", "2026-01-31 12:00", "CAST('2026-01-31 12:00' AS TIMESTAMP)"),
        ("TIMESTAMP_NTZ", "2026-01-31", "CAST('2026-01-31' AS TIMESTAMP_NTZ)"),
        ("DECIMAL(5,2)", "1.50", "CAST('1.50' AS DECIMAL(5,2))"),
        ("DECIMAL", "1", "CAST('1' AS DECIMAL)"),
        ("INTERVAL DAY TO SECOND", "1 0:0:0", "CAST('1 0:0:0' AS INTERVAL DAY TO SECOND)"),
        ("BINARY", "ab", "unhex('6162')"),
        ("VOID", None, "NULL"),
    ],
)
def test_a_parameter_becomes_a_literal_of_its_type(
    type_: str | None, value: str | None, expected: str
) -> None:
    assert literal(sent("p", value, type_)) == expected


def test_arrays_and_maps_hold_literals() -> None:
    array = [element("1", "INT"), element(None, "INT")]
    assert literal(sent("p", None, "ARRAY", array)) == "array(1, CAST(NULL AS INT))"
    pairs = [element("k"), element(None, "ARRAY", [element("v'")])]
    assert literal(sent("p", None, "MAP", pairs)) == r"map('k', array('v\''))"


@pytest.mark.parametrize(
    ("type_", "value"),
    [("INT", "5; DROP"), ("INT", "1.5"), ("BIGINT", ""), ("BOOLEAN", "yes"), ("INT", "x")],
)
def test_a_value_that_is_not_of_its_type(type_: str, value: str) -> None:
    with fails("CAST_INVALID_INPUT", type_):
        literal(sent("p", value, type_))


@pytest.mark.parametrize("type_", ["INT) OR (1=1", "DECIMAL(5,2) x", "NONSENSE", "INTERVAL 'x'"])
@pytest.mark.parametrize("value", ["1", None])
def test_an_unknown_type_never_reaches_the_sql(type_: str, value: str | None) -> None:
    with fails("INVALID_PARAMETER_VALUE", "a parameter of type"):
        literal(sent("p", value, type_))


def test_no_text_can_end_its_literal() -> None:
    letters = "ab'\\\"`\n\r\t\x00\u2028\u0085é😀%;-:?@"
    random.seed(11)
    for length in range(200):
        value = "".join(random.choice(letters) for _ in range(length % 12))
        tree = parse_expression(text_literal(value))
        assert isinstance(tree, exp.Literal), value
        assert tree.is_string
        if value.isprintable():
            assert tree.name == value


def test_by_name_and_by_position() -> None:
    parameters = Parameters([sent("a", "1", "INT"), sent(None, "x"), sent("", "y")])
    assert parameters.named("a") == "1"
    assert parameters.positional(0) == "'x'"
    assert parameters.positional(1) == "'y'"
    assert parameters.text("a") == "1"
    assert Parameters([sent("n", None)]).text("n") == ""
    with fails("UNBOUND_SQL_PARAMETER", "parameter: b."):
        parameters.named("b")
    with fails("UNBOUND_SQL_PARAMETER", "parameter: _2."):
        parameters.positional(2)
    with fails("UNBOUND_SQL_PARAMETER", "parameter: b."):
        parameters.text("b")


def test_too_many_or_too_large_parameters_are_refused() -> None:
    Parameters([sent(None, "x")] * 255)
    with fails("INVALID_PARAMETER_VALUE", "at most 255"):
        Parameters([sent(None, "x")] * 256)
    Parameters([sent(None, "x" * 1024 * 1024)])
    with fails("INVALID_PARAMETER_VALUE", "1048577 bytes"):
        Parameters([sent(None, "x" * (1024 * 1024 - 1) + "é")])
    with fails("INVALID_PARAMETER_VALUE", "bytes"):
        Parameters([sent(None, None, "ARRAY", [element("x" * 1024 * 1024), element("y")])])


def test_a_statement_may_have_no_parameters() -> None:
    assert Parameters(None).by_name == {}
    assert Parameters(()).by_position == ()
