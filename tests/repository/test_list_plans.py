"""The plans that the local engine makes for lists: how often they read a table, and what they sort.

Each table is a subquery over RANGE, so that no data and no warehouse are needed.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import pytest

from crm.model.namespace import Named, Namespace
from crm.model.own_tables import ALL_TABLES
from crm.model.records import Listing
from crm.repository.records import _account_list, _listing, attention, overview, updates, use_cases
from crm.repository.records._list_query import Query
from crm.warehouse import Warehouse
from local_warehouse.engine import Engine
from tests.limits import LIMITS

LISTS = {
    "accounts": _account_list.SOURCE,
    "use_cases": use_cases.SOURCE,
    "updates": updates.SOURCE,
}
# How often a plan reads tables: to select the page's rows, to count all rows, and to join more to
# the page.
READS = {"accounts": 5, "use_cases": 4, "updates": 4}
# Filters by platform and status are conditions on other rows; a search needs the account's name.
READS_WITH_FILTERS = {"accounts": 10, "use_cases": 8, "updates": 6}
# The accounts, and for a status the rows of statuses and their platforms.
READS_OF_FACET = {"vp": 1, "status": 3}
# The figures, and the accounts, updates and statuses of what needs attention.
READS_OF_OVERVIEW = 8 + 8
READS_OF_ATTENTION = 12
# What makes the text or the result of a statement depend on the moment. The warehouse caches only
# the results of other statements.
MOMENT = r"(?i)CURRENT_|\bNOW\(|DATE '|DATE'|GETDATE|UNIX_TIMESTAMP|RAND\(|UUID\("


class Ranges(Namespace):
    def table(self, table: Named) -> str:
        (found,) = (each for each in ALL_TABLES if each.name == table.name)
        columns = ", ".join(f"CAST(id AS {c.type}) AS `{c.name}`" for c in found.stored_columns)
        numbers = "(SELECT id + 0 AS id FROM RANGE(1000))"
        if any(column.type == "DATE" for column in found.stored_columns):
            columns = columns.replace("CAST(id AS DATE)", "DATE_ADD(DATE '2026-01-01', id)")
        columns = columns.replace("CAST(id AS TIMESTAMP)", "TIMESTAMP_SECONDS(id)")
        return f"(SELECT {columns} FROM {numbers})"


class Recording:
    """A warehouse that notes the statements and answers nothing."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.cache_key = ("plans",)
        self.statements: list[tuple[str, dict[str, Any]]] = []

    def query(self, sql: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        self.statements.append((sql, params))
        return [
            {
                "counts": [],
                "updates": [],
                "platforms": [],
                "kind": "",
                "grouped": "",
                "n": 0,
                "rows": [],
            }
        ]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    started = Engine()
    yield started
    started.stop()


def plan(engine: Engine, sql: str, params: dict[str, Any]) -> list[str]:
    for name, value in params.items():
        literal = f"DATE '{value}'" if isinstance(value, dt.date) else json.dumps(value)
        sql = re.sub(f":{name}\\b", literal.replace("\\", r"\\"), sql)
    rows = engine.run(f"EXPLAIN {sql}").to_pylist()
    return "\n".join(str(value) for row in rows for value in row.values()).splitlines()


def reads(lines: list[str]) -> int:
    return sum(line.strip().startswith("RangeExec") for line in lines)


def costly(lines: list[str]) -> list[str]:
    """Return the cross joins, and the sorts and windows over more than the rows of a page."""
    found = [line for line in lines if re.search("CrossJoin|NestedLoop", line)]
    for number, line in enumerate(lines):
        below = "".join(lines[number : number + 5])
        if re.search(r"^ *(Sort|\w*WindowAgg)Exec", line) and "TopK(" not in below:
            found.append(line)
    return found


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("is_filtered", [False, True])
def test_a_page_reads_tables_once_for_each_purpose_and_sorts_its_own_rows_only(
    engine: Engine, name: str, is_filtered: bool
) -> None:
    source = LISTS[name]
    filters = dict.fromkeys(source.filters, ("Not Started", "b")) if is_filtered else {}
    listing = Listing(q="a" if is_filtered else "", filters=filters, sort="-updated_at")
    query = Query.of(Ranges("c", "s"), listing, source)
    lines = plan(engine, *query.page(25, 0))
    assert costly(lines) == []
    assert reads(lines) <= (READS_WITH_FILTERS if is_filtered else READS)[name]


@pytest.mark.parametrize("name", LISTS)
def test_a_far_page_reads_the_table_once_more(engine: Engine, name: str) -> None:
    query = Query.of(Ranges("c", "s"), Listing(sort="-updated_at"), LISTS[name])
    lines = plan(engine, *query.page(25, 10_000))
    # One window over the values of the sort key, one over the rows with those that are shown.
    found = Counter(re.findall(r"CrossJoin|NestedLoop|TopK|WindowAgg", "\n".join(lines)))
    assert found == {"WindowAgg": 2}
    assert reads(lines) <= READS[name] + 1


@pytest.mark.parametrize("name", ["vp", "status"])
@pytest.mark.parametrize("is_filtered", [False, True])
def test_a_facet_reads_tables_once(engine: Engine, name: str, is_filtered: bool) -> None:
    source = LISTS["accounts"]
    filters = dict.fromkeys(source.filters, ("Not Started", "b")) if is_filtered else {}
    listing = Listing(q="a" if is_filtered else "", filters=filters)
    asked = Recording(Ranges("c", "s"))
    _listing.load_facet(cast(Warehouse, asked), listing, source, name, "x", 9)
    ((sql, params),) = asked.statements
    lines = plan(engine, sql, params)
    assert [line for line in costly(lines) if "WindowAgg" not in line] == []
    assert reads(lines) <= READS_OF_FACET[name] + is_filtered * 2


def test_the_overview_reads_tables_once_for_each_figure(engine: Engine) -> None:
    asked = Recording(Ranges("c", "s"))
    overview.load(cast(Warehouse, asked), LIMITS)
    lines = plan(engine, *asked.statements[0])
    assert costly(lines) == []
    assert reads(lines) <= READS_OF_OVERVIEW


def test_attention_reads_tables_once_for_each_kind(engine: Engine) -> None:
    asked = Recording(Ranges("c", "s"))
    attention.load(cast(Warehouse, asked), LIMITS, "vp")
    lines = plan(engine, *asked.statements[0])
    assert [line for line in costly(lines) if "CrossJoin" in line or "NestedLoop" in line] == []
    assert reads(lines) <= READS_OF_ATTENTION


def test_statements_do_not_change_with_the_day() -> None:
    for source in LISTS.values():
        query = Query.of(Namespace("c", "s"), Listing(q="a"), source)
        facet = Recording(Namespace("c", "s"))
        _listing.load_facet(cast(Warehouse, facet), Listing(), source, "platform", "a", 9)
        asked = [query.page(25, 0), query.page(25, 10_000), query.all(), *facet.statements]
        for sql, _ in asked:
            assert not re.search(MOMENT, sql)
    assert not re.search(MOMENT, overview._SQL + attention.FLAGGED)
