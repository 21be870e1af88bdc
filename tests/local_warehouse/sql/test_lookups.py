"""A prepared statement serves until an object that it names is another one, or changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local_warehouse.catalog.objects import Column
from local_warehouse.prepare import Preparer
from local_warehouse.sql.lookups import Lookups

from .conftest import NAMESPACE, MemoryAccess, MemoryCatalog

SQL = "SELECT p.id, shout(p.name) AS loud FROM people AS p WHERE p.team = :team"


def change_others(catalog: MemoryCatalog) -> None:
    catalog.add("others", "id")
    catalog.define("whisper", "x", "lower(x)")
    catalog.tables["cat", "sch", "teams"].epoch += 1


def create_anew(catalog: MemoryCatalog) -> None:
    catalog.add("people", "id", "name", "team")


def add_a_column(catalog: MemoryCatalog) -> None:
    people = catalog.tables["cat", "sch", "people"]
    people.columns.append(Column("age", "INT"))
    people.epoch += 1


def replace_the_function(catalog: MemoryCatalog) -> None:
    catalog.define("shout", "x", "upper(x) || '!'")


def give_the_function_away(catalog: MemoryCatalog) -> None:
    catalog.functions["cat", "sch", "shout"].owner = "somebody@example.com"


def turn_unity_catalog_off(catalog: MemoryCatalog) -> None:
    catalog.unity = False


@pytest.mark.parametrize(
    ("change", "serves"),
    [
        (change_others, True),
        (create_anew, False),
        (add_a_column, False),
        (replace_the_function, False),
        (give_the_function_away, False),
        (turn_unity_catalog_off, False),
    ],
)
def test_a_change_of_what_a_statement_names(
    catalog: MemoryCatalog, change: Callable[[MemoryCatalog], None], serves: bool
) -> None:
    catalog.define("shout", "x", "upper(x)")
    preparer = Preparer(catalog)
    first = preparer.prepare(SQL, NAMESPACE, MemoryAccess())
    change(catalog)
    assert (preparer.prepare(SQL, NAMESPACE, MemoryAccess()) is first) is serves


def test_a_change_between_two_lookups_of_a_statement_is_seen(catalog: MemoryCatalog) -> None:
    """The prepared statement may contain what the first lookup found."""
    lookups = Lookups(catalog)
    for _ in range(2):
        lookups.find("cat", "sch", "people")
        catalog.tables["cat", "sch", "people"].epoch += 1
    catalog.tables["cat", "sch", "people"].epoch -= 1
    assert not lookups.are_current()
