"""Every type in both directions: parameters in, results out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from databricks import sql
from databricks.sql import parameters as p

MOMENT = dt.datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=dt.UTC)
HOSTILE = [
    "",
    "it's",
    "'; DROP TABLE accounts; --",
    "\\",
    "\\'",
    '"`',
    "%_",
    "a\nb\r\n\tc",
    "nul \x00 in the middle",
    "\x1b[31m",
    "😀 und Ünïcödé",
    "\u202eright to left\u202c مرحبا",
    ":name ? {x} $1",
    "-- comment",
    "x" * 100_000,
]


def test_control_characters_before_digits_stay_apart(shell):
    """In a literal of the statement, as it is and as an escape."""
    for code in (0, 1, 7, 31):
        text = f"{chr(code)}01E5"
        assert shell.value(f"SELECT '{text}'") == text
        assert shell.value(f"SELECT '\\u{code:04x}01E5'") == text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_comes_back_as_it_went_in(shell, text):
    assert shell.value("SELECT :text", {"text": text}) == text


@pytest.mark.parametrize(
    ("parameter", "sql_type", "value"),
    [
        (5, "int", 5),
        (-5, "int", -5),
        (2**40, "bigint", 2**40),
        (p.SmallIntParameter(-7), "smallint", -7),
        (p.TinyIntParameter(7), "tinyint", 7),
        (1.5, "double", 1.5),
        (p.FloatParameter(0.5), "float", 0.5),
        (True, "boolean", True),
        (Decimal("1.20"), "decimal(3,2)", Decimal("1.20")),
        (Decimal("-12345.678"), "decimal(9,3)", Decimal("-12345.678")),
        (dt.date(2024, 2, 29), "date", dt.date(2024, 2, 29)),
        (MOMENT, "timestamp", MOMENT),
        (None, "void", None),
        ("text", "string", "text"),
    ],
)
def test_parameter_keeps_type_and_value(shell, parameter, sql_type, value):
    if isinstance(parameter, p.native.DbsqlParameterBase):
        parameter.name = "x"
        arguments = [parameter]
    else:
        arguments = {"x": parameter}
    row = shell.run("SELECT :x AS x, typeof(:x) AS type", arguments)[0]
    assert row.x == value
    assert row.type == sql_type


def test_timestamps_without_zone_are_read_as_utc(shell):
    naive = dt.datetime(2026, 1, 2, 3, 4, 5, 6)
    assert shell.value("SELECT :x", {"x": naive}) == naive.replace(tzinfo=dt.UTC)


def test_timestamp_ntz_has_no_zone(shell):
    naive = dt.datetime(2026, 1, 2, 3, 4, 5, 6)
    value = shell.value("SELECT :x", [p.TimestampNTZParameter(naive, name="x")])
    assert value == naive


def test_arrays_and_maps_as_parameters(shell):
    row = shell.run(
        "SELECT array_contains(:words, 'b') AS found, size(:words) AS size, :map['k'] AS at_k",
        {"words": ["a", "b"], "map": {"k": 7}},
    )[0]
    assert (row.found, row.size, row.at_k) == (True, 2, 7)


def test_positional_parameters(shell):
    row = shell.run("SELECT ? AS a, ? AS b", ["x", 2])[0]
    assert (row.a, row.b) == ("x", 2)


def test_parameters_in_limit_and_offset(shell):
    rows = shell.run("SELECT id FROM range(10) ORDER BY id LIMIT :n OFFSET :o", {"n": 2, "o": 3})
    assert [row.id for row in rows] == [3, 4]


def test_unbound_parameter_is_named(shell):
    assert "[UNBOUND_SQL_PARAMETER]" in shell.error("SELECT :missing", {"other": 1})


def test_too_many_parameters_are_refused(shell):
    from databricks.sql.exc import DatabaseError

    many = {f"p{i}": i for i in range(256)}
    with pytest.raises(DatabaseError, match="256 parameters"):
        shell.run("SELECT :p0", many)


def test_complex_results(shell):
    row = shell.run(
        "SELECT array(1, 2) AS a, named_struct('x', 1, 'y', 'z') AS s, map('k', 1) AS m, "
        "array(named_struct('t', TIMESTAMP'2026-01-02 03:04:05.678901', 'n', NULL)) AS nested"
    )[0]
    assert list(row.a) == [1, 2]
    assert row.s == {"x": 1, "y": "z"}
    assert dict(row.m) == {"k": 1}


def test_arrow_results_keep_microseconds_in_nested_values(shell):
    with shell.connection.cursor() as cursor:
        cursor.execute(
            "SELECT array(named_struct('t', :t, 'd', DATE'2026-01-02')) AS a", {"t": MOMENT}
        )
        value = cursor.fetchall_arrow().to_pylist()[0]["a"][0]
    assert value == {"t": MOMENT, "d": dt.date(2026, 1, 2)}


def test_nulls_of_every_type(shell):
    types = ["STRING", "INT", "BIGINT", "DOUBLE", "DECIMAL(5,2)", "BOOLEAN", "DATE", "TIMESTAMP"]
    types += ["ARRAY<INT>", "STRUCT<a: INT>", "MAP<STRING, INT>", "BINARY"]
    columns = ", ".join(f"CAST(NULL AS {kind}) AS c{i}" for i, kind in enumerate(types))
    assert list(shell.run(f"SELECT {columns}")[0]) == [None] * len(types)


def test_description_names_types(shell):
    with shell.connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 AS i, 'x' AS s, CAST(1 AS DECIMAL(9,4)) AS d, DATE'2026-01-01' AS day"
        )
        described = [
            (name, kind, precision, scale)
            for name, kind, _, _, precision, scale, _ in cursor.description
        ]
    assert described == [
        ("i", "int", None, None),
        ("s", "string", None, None),
        ("d", "decimal", 9, 4),
        ("day", "date", None, None),
    ]


def test_results_in_pages(shell):
    with shell.connection.cursor(arraysize=1000) as cursor:
        cursor.execute("SELECT id, repeat('x', 50) AS text FROM range(25000) ORDER BY id")
        first = cursor.fetchmany(10)
        rest = cursor.fetchall()
    assert [row.id for row in first] == list(range(10))
    assert [row.id for row in rest] == list(range(10, 25000))


def test_intervals_come_as_text(shell):
    assert shell.value("SELECT INTERVAL '1 02:03:04.5' DAY TO SECOND") == "1 02:03:04.500000000"
    assert "[UNSUPPORTED_FEATURE]" in shell.error("SELECT INTERVAL '2' MONTH")


@pytest.mark.parametrize("text", ["two\nlines. In the second", "x" * 50_000])
def test_a_message_of_an_error_comes_whole(shell, text):
    with pytest.raises(sql.exc.ServerOperationError) as failed:
        shell.value("SELECT raise_error(:text)", {"text": text})
    assert f"[USER_RAISED_EXCEPTION] {text} SQLSTATE: P0001" in str(failed.value)


def test_a_statement_that_is_too_large_for_the_engine(shell):
    statement = "SELECT length('{}') AS n"
    error = shell.error(statement.format("x" * 2**22))
    assert "[UNSUPPORTED_FEATURE]" in error
    assert "statements of more than 4,194,304 bytes with their values; this one has 4,19" in error
    assert shell.value(statement.format("x" * 2**21)) == 2**21
