"""SQL in, engine SQL out: a catalog in memory, and no server, engine or disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from local_warehouse.catalog.objects import Column, Constraint, Function, Table
from local_warehouse.catalog.securables import Securable, insufficient
from local_warehouse.errors import SqlError
from local_warehouse.sql.expand import expand
from local_warehouse.sql.markers import mark_values
from local_warehouse.sql.names import Namespace, Resolver
from local_warehouse.sql.parsing import parse
from local_warehouse.sql.template import Markers, Template

USER, OWNER = "reader@example.com", "owner@example.com"
NAMESPACE = Namespace("cat", "sch")


@dataclass
class MemoryCatalog:
    """What ``names.Catalog`` asks for."""

    unity: bool = True
    tables: dict[tuple[str, str, str], Table] = field(default_factory=dict)
    functions: dict[tuple[str, str, str], Function] = field(default_factory=dict)

    def find(self, catalog: str, schema: str, name: str) -> Table | None:
        return self.tables.get((catalog, schema, name))

    def find_function(self, catalog: str, schema: str, name: str) -> Function | None:
        return self.functions.get((catalog, schema, name))

    def add(self, name: str, *columns: str, schema: str = "sch", **options) -> Table:
        """Add a table of STRING columns, whose id is ``t_`` and its name."""
        described = [Column(column, "STRING") for column in columns]
        table = Table("cat", schema, name, described, OWNER, id=f"t_{name}", **options)
        self.tables["cat", schema, name] = table
        return table

    def define(self, name: str, parameters: str, body: str, returns: str = "STRING") -> Function:
        """Add a function of ``owner@example.com``; ``parameters`` are names of STRINGs."""
        taken = [Column(parameter, "STRING") for parameter in parameters.split()]
        function = Function(
            "cat", "sch", name, taken, returns, body, OWNER, namespace=["cat", "sch"]
        )
        self.functions["cat", "sch", name] = function
        return function


@dataclass
class MemoryAccess:
    """What ``names.Access`` asks for: all but the denied (user, privilege, object's name)."""

    user: str = USER
    denied: set[tuple[str, str, str]] = field(default_factory=set)

    def for_user(self, user: str) -> MemoryAccess:
        return MemoryAccess(user, self.denied)

    def require(self, privilege: str, securable: Securable) -> None:
        if (self.user, privilege, securable.name) in self.denied:
            raise insufficient(privilege, securable)

    def require_use(self, securable: Securable) -> None:
        self.require("USE SCHEMA", securable.parents[-1])

    def require_visible(self, securable: Securable) -> None:
        self.require("BROWSE", securable)


def people_and_teams() -> MemoryCatalog:
    catalog = MemoryCatalog()
    catalog.add("people", "id", "name", "team")
    catalog.add("teams", "team", "head")
    return catalog


@pytest.fixture
def catalog() -> MemoryCatalog:
    return people_and_teams()


@pytest.fixture
def access() -> MemoryAccess:
    return MemoryAccess()


@pytest.fixture
def resolver(catalog: MemoryCatalog, access: MemoryAccess) -> Resolver:
    return Resolver(NAMESPACE, catalog, access)


Expanded = Callable[[str], str]


def shown(template: Template) -> str:
    """Engine SQL with ``<kind key>`` in the place of each marker."""
    return template.bind(
        lambda marker: f"<{marker.kind} {marker.key}>" if marker.key != "" else f"<{marker.kind}>"
    )


@pytest.fixture
def engine_sql(resolver: Resolver) -> Expanded:
    """The engine SQL of a query, as the local warehouse prepares it."""

    def engine_sql(sql: str) -> str:
        tree, markers = parse(sql), Markers()
        mark_values(tree, resolver, markers)
        expand(tree, resolver, markers)
        return shown(markers.template(tree))

    return engine_sql


@contextmanager
def fails(error_class: str, text: str = "") -> Iterator[None]:
    """Check that the block raises a SqlError of this class, with the text in its message."""
    with pytest.raises(SqlError) as raised:
        yield
    assert raised.value.error_class == error_class
    assert text in raised.value.message


def primary_key(*columns: str) -> Constraint:
    return Constraint("pk", "PRIMARY KEY", list(columns))
