"""``table_changes``: replaced by a query of the change data feed's files."""

from __future__ import annotations

import pytest

from local_warehouse.catalog.objects import Policy
from local_warehouse.sql.expand import expand
from local_warehouse.sql.markers import mark_values
from local_warehouse.sql.names import Resolver, TableChanges
from local_warehouse.sql.parsing import parse
from local_warehouse.sql.template import Markers, Template

from .conftest import USER, Expanded, MemoryAccess, MemoryCatalog, fails


def prepared(resolver: Resolver, sql: str) -> tuple[str, TableChanges]:
    """The engine SQL, and the one call in it."""
    tree, markers = parse(sql), Markers()
    mark_values(tree, resolver, markers)
    expand(tree, resolver, markers)
    template = markers.template(tree)
    keys = {m.key for m in template.markers if m.kind in ("changes", "changes_range")}
    (key,) = keys
    assert isinstance(key, TableChanges)
    return template.bind(lambda marker: f"<{marker.kind}>"), key


@pytest.mark.parametrize(
    "name", ["'people'", "'cat.sch.people'", "people", "sch.people", "`people`"]
)
def test_the_call_becomes_a_query_of_files(resolver: Resolver, name: str) -> None:
    sql, key = prepared(resolver, f"SELECT id FROM table_changes({name}, 2)")
    assert sql == (
        "SELECT id FROM (SELECT * FROM parquet.<changes> WHERE <changes_range>) AS table_changes"
    )
    assert key == TableChanges("t_people", Template(("2",)), None)


def test_the_boundaries_may_be_parameters_and_the_alias_stays(resolver: Resolver) -> None:
    sql, key = prepared(
        resolver, "SELECT c.id FROM table_changes('people', :since, current_timestamp()) c"
    )
    assert sql.endswith("AS c")
    assert [marker.key for marker in key.start.markers] == ["since"]
    assert key.end == Template(("CURRENT_TIMESTAMP()",))


@pytest.mark.parametrize(
    "call", ["table_changes('people')", "table_changes()", "table_changes('people', 1, 2, 3)"]
)
def test_a_table_a_start_and_maybe_an_end(engine_sql: Expanded, call: str) -> None:
    with fails("PARSE_SYNTAX_ERROR", "a table, a start and maybe an end"):
        engine_sql(f"SELECT * FROM {call}")


@pytest.mark.parametrize("name", ["''", "1 + 1"])
def test_the_table_must_be_a_name(engine_sql: Expanded, name: str) -> None:
    with fails("PARSE_SYNTAX_ERROR"):
        engine_sql(f"SELECT * FROM table_changes({name}, 1)")


def test_it_needs_select(engine_sql: Expanded, access: MemoryAccess) -> None:
    access.denied.add((USER, "SELECT", "cat.sch.people"))
    with fails("INSUFFICIENT_PERMISSIONS", "SELECT"):
        engine_sql("SELECT * FROM table_changes('people', 1)")


def test_a_protected_table_shows_no_past(engine_sql: Expanded, catalog: MemoryCatalog) -> None:
    catalog.tables["cat", "sch", "people"].row_filter = Policy(["cat", "sch", "f"], [])
    with fails("FGAC_TIME_TRAVEL_NOT_SUPPORTED.PER_TABLE_RLS_CM"):
        engine_sql("SELECT * FROM table_changes('people', 1)")


def test_other_table_functions_are_not_supported_by_name(engine_sql: Expanded) -> None:
    with fails("TABLE_OR_VIEW_NOT_FOUND"):
        engine_sql("SELECT * FROM table_changes")
