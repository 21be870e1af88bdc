"""rehearse: the statements for a workspace, run against the local warehouse."""

from __future__ import annotations

import uuid
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from crm.model.namespace import Namespace
from crm.rehearsal import compare
from crm.rehearsal.compare import Difference
from crm.rehearsal.rehearse import Outcome
from crm.repository.tables import inspection
from crm.warehouse import Warehouse

from ..conftest import CATALOG, LocalWarehouse


def rehearse(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Return the exit code, the report, and the schema."""
    schema, file, code = f"r_{uuid.uuid4().hex[:8]}", folder / "report.md", 0
    place = ("--catalog", CATALOG, "--schema", schema, "--report", str(file))
    try:
        call_command("rehearse", *place, *arguments, stdout=StringIO())
    except SystemExit as ended:
        code = int(str(ended.code))
    return code, file.read_text(), schema


def exists(wh: Warehouse, schema: str) -> bool:
    return ("schema", schema) in inspection.existing(wh.at(Namespace(CATALOG, schema)))


def test_the_local_warehouse_answers_as_recorded(
    warehouse: Warehouse, server: LocalWarehouse, tmp_path: Path
) -> None:
    """If it does not: look at the report, and then run `manage.py rehearse --record`."""
    code, report, schema = rehearse(tmp_path)
    assert "None: this warehouse answers as the CRM expects." in report, report
    assert code == 0
    for name in (schema, f"{schema}_backups"):
        assert not exists(warehouse, name)
    for secret in (server.token, "Rehearsal team", "northwind", "127.0.0.1", schema):
        assert secret not in report


def test_a_warehouse_that_differs_is_found_out(
    warehouse: Warehouse, server: LocalWarehouse, tmp_path: Path
) -> None:
    other = {"error_class": "SOMETHING_ELSE", "sqlstate": "XX000"}
    server.fault("error", times=None, match="no_such_table", **other)
    renamed = {"error_class": "UNRESOLVED_COLUMN.OTHER", "sqlstate": "42703"}
    server.fault("error", times=None, match="no_such_column", **renamed)
    server.fault("error", times=None, match=r"INSERT INTO \S*use_cases", **other)
    code, report, schema = rehearse(tmp_path, "--only", "no such (table|column)|repairs")
    matters, others = report.split("## Other differences")
    assert code == 1
    assert "**no such table**, result: “StatementFailed” instead of “ObjectNotFound”" in matters
    assert "no such column" not in matters
    assert "UNRESOLVED_COLUMN.OTHER" in others
    # A case that fails does not stop the others, and the schema goes in any case.
    assert "**integrity checks and repairs**, result: “failed: " in matters
    assert not exists(warehouse, schema)


def test_a_schema_that_cannot_be_dropped_keeps_no_other(
    warehouse: Warehouse, server: LocalWarehouse, tmp_path: Path
) -> None:
    schema = f"r_{uuid.uuid4().hex[:8]}"
    server.fault("error", match="DROP SCHEMA")
    with pytest.raises(CommandError):
        place = ("--catalog", CATALOG, "--schema", schema)
        call_command("rehearse", *place, "--only", "no such case", stdout=StringIO())
    assert not exists(warehouse, schema)


def test_a_schema_that_exists_is_never_touched(sample: Warehouse, tmp_path: Path) -> None:
    place = ("--catalog", CATALOG, "--schema", sample.namespace.schema)
    with pytest.raises(CommandError, match="name one that does not exist"):
        call_command("rehearse", *place, stdout=StringIO())
    assert exists(sample, sample.namespace.schema)
    with pytest.raises(CommandError, match="unterminated"):
        call_command("rehearse", "--schema", "s", "--only", "(", stdout=StringIO())
    with pytest.raises(CommandError, match="no catalog nowhere"):
        call_command("rehearse", "--catalog", "nowhere", "--schema", "s", stdout=StringIO())


@pytest.mark.parametrize(
    ("expected", "found", "text", "matters"),
    [
        ({"changed": 1}, {"changed": 2}, "changed: 2 instead of 1", True),
        ({"columns": {}, "rows": 1}, {"columns": {}, "rows": 2}, "rows: 2 instead of 1", True),
        ({"columns": {"n": "int"}}, {"columns": {"n": "Decimal"}}, "n is Decimal", True),
        ({"columns": {"n": "int"}}, {"columns": {"m": "int"}}, "columns are missing: n", True),
        ({"columns": {"n": "int"}}, {"columns": {"n": "int", "m": "int"}}, "more columns", False),
        ({"columns": {"n": "int"}}, {"columns": {"n": "null"}}, "", False),
        ({"changed": 1}, None, "did not run", True),
    ],
)
def test_what_matters(
    expected: dict[str, object], found: dict[str, object] | None, text: str, matters: bool
) -> None:
    def outcomes(answer: dict[str, object] | None) -> dict[str, Outcome]:
        answers = [] if answer is None else [{"what": "SELECT accounts", **answer}]
        return {"overview": Outcome("same", answers)}

    differences = compare.differences(outcomes(expected), outcomes(found))
    if not text:
        assert differences == []
        return
    assert any(text in each.text and each.matters is matters for each in differences)
    assert all(isinstance(each, Difference) for each in differences)


def test_how_many_lines_describe_a_table_does_not_matter() -> None:
    def outcomes(rows: int) -> dict[str, Outcome]:
        answer = {"what": "DESCRIBE HISTORY accounts", "columns": {"version": "int"}, "rows": rows}
        return {"overview": Outcome("same", [answer])}

    (difference,) = compare.differences(outcomes(1), outcomes(2))
    assert not difference.matters
    # A difference in something that the CRM can do without does not matter, either.
    optional = "transactions of several tables"
    (other,) = compare.differences({optional: Outcome("yes")}, {optional: Outcome("no")})
    assert not other.matters


def test_rows_vary_only_where_commits_decide_how_many_are_read() -> None:
    def outcomes(*rows: int) -> dict[str, Outcome]:
        answers = [{"what": "SELECT accounts", "columns": {}, "rows": each} for each in rows]
        return {"older history and its filters": Outcome("same", answers)}

    found = compare.differences(outcomes(9, 9), outcomes(8, 8))
    assert [(each.what, each.matters) for each in found] == [
        ("SELECT accounts", True),
        ("SELECT accounts (2)", False),
    ]
    for case in compare.ALL:
        answers = compare.read()[case.name].answers
        known = {each["what"].partition(" ")[2] for each in answers}
        assert {label.partition(" (")[0] for label in case.varying} <= known


def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    outcomes = {
        "a": Outcome("done", [{"what": "SELECT x", "columns": {"n": "int"}, "rows": 1}]),
        "b": Outcome("done", [{"what": "UPDATE x", "changed": 2}]),
    }
    compare.write(outcomes, tmp_path / "file.json")
    assert compare.read(tmp_path / "file.json") == outcomes
    assert set(compare.read()) == {case.name for case in compare.ALL}
