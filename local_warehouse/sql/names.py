"""From the names in a statement to what the catalog has, as the session's user may see it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

from sqlglot import exp

from local_warehouse.catalog.objects import SYSTEM_CATALOG, Function, Table
from local_warehouse.catalog.securables import Need, Securable, catalog_, object_, schema_
from local_warehouse.errors import (
    SqlError,
    no_unity_catalog,
    routine_not_found,
    table_not_found,
    unsupported,
)

from .template import Template

SYSTEM_SCHEMAS = {"information_schema"}


class Catalog(Protocol):
    """What name resolution asks of the catalog."""

    unity: bool

    def find(self, catalog: str, schema: str, name: str) -> Table | None: ...

    def find_function(self, catalog: str, schema: str, name: str) -> Function | None: ...


class Access(Protocol):
    """What name resolution asks about one user's privileges."""

    def of(self, user: str) -> Access: ...

    def require(self, privilege: str, securable: Securable) -> None: ...

    def require_use(self, securable: Securable) -> None: ...

    def require_sight(self, securable: Securable) -> None: ...


@dataclass(frozen=True)
class PastTable:
    """A table as of a VERSION or a TIMESTAMP, given by an expression."""

    table_id: str
    kind: str
    expression: Template


@dataclass(frozen=True)
class TableChanges:
    """A call of table_changes: a table, and the first and last version or moment."""

    table_id: str
    start: Template
    end: Template | None


@dataclass(frozen=True)
class Namespace:
    """The session's current catalog and schema."""

    catalog: str
    schema: str


def parts(table: exp.Table, namespace: Namespace) -> tuple[str, str, str]:
    """Catalog, schema and name that a reference means, in lower case."""
    if not isinstance(table.this, exp.Identifier):
        raise unsupported(f"the table function {table.sql(dialect='databricks')}")
    catalog = table.catalog or namespace.catalog
    schema = table.db or namespace.schema
    return catalog.lower(), schema.lower(), table.name.lower()


class Resolver:
    """Finds what names mean to one user; ``needs`` collects what using it takes.

    Whoever may not use something is told so, before anything else about it.
    """

    def __init__(self, namespace: Namespace, catalog: Catalog, access: Access) -> None:
        self.namespace = namespace
        self.catalog = catalog
        self.access = access
        self.needs: list[Need] = []
        self.of_policy = False
        self._definer: str | None = None
        self._calls: tuple[str, ...] = ()

    def table(self, node: exp.Table, *privileges: str) -> Table:
        """The table that a reference means; without privileges, seeing it is enough."""
        path = self.parts(node)
        if path[0] == SYSTEM_CATALOG or path[1] in SYSTEM_SCHEMAS:
            raise SqlError(
                "INSUFFICIENT_PERMISSIONS",
                f"Insufficient privileges: {'.'.join(path)} is a system table.",
                "42501",
            )
        found = self.catalog.find(*path)
        if found is None:
            self.access.require_use(Securable("TABLE", path))
            raise table_not_found("`{}`.`{}`.`{}`".format(*path))
        if not privileges:
            self.access.require_sight(object_(found))
        for privilege in privileges:
            self.need(privilege, object_(found))
        return found

    def need(self, privilege: str, securable: Securable) -> None:
        """Require a privilege now, and whenever the statement runs again."""
        self.access.require(privilege, securable)
        self.needs.append(Need(privilege, securable, self._definer))

    def function(self, names: list[str]) -> Function | None:
        """The function that is called; None where the engine has to know it."""
        if len(names) > 3:
            raise routine_not_found(names)
        if len(names) == 3:
            self.require_unity()
        here = (self.namespace.catalog, self.namespace.schema)
        catalog, schema, name = (*here[: 3 - len(names)], *(n.lower() for n in names))
        found = self.catalog.find_function(catalog, schema, name)
        if found is not None:
            self.need("EXECUTE", object_(found))
        elif len(names) > 1:
            self.access.require_use(Securable("FUNCTION", (catalog, schema, name)))
            raise routine_not_found(names)
        return found

    def within(self, function: Function) -> Resolver:
        """How names are found in a function's body: as its owner found them."""
        if function.full_name in self._calls:
            raise unsupported(f"the function {function.full_name}, which calls itself")
        namespace = Namespace(*function.namespace)
        inner = Resolver(namespace, self.catalog, self.access.of(function.owner))
        inner.needs, inner.of_policy = self.needs, self.of_policy
        inner._definer = function.owner
        inner._calls = (*self._calls, function.full_name)
        return inner

    def for_policies(self) -> Resolver:
        """The same, for functions of row filters and column masks."""
        inner = copy.copy(self)
        inner.of_policy = True
        return inner

    def parts(self, node: exp.Table) -> tuple[str, str, str]:
        if node.catalog:
            self.require_unity()
        return parts(node, self.namespace)

    def schema(self, names: list[str]) -> Securable:
        """The schema that one or two names mean; it need not exist."""
        *catalog, schema = names
        if catalog:
            self.require_unity()
        return schema_(catalog[0] if catalog else self.namespace.catalog, schema)

    def catalog_named(self, name: str) -> Securable:
        self.require_unity()
        return catalog_(name)

    def require_unity(self) -> None:
        if not self.catalog.unity:
            raise no_unity_catalog()


def is_cte(table: exp.Table) -> bool:
    """Whether the reference means a common table expression visible where it stands."""
    if table.db:
        return False
    name, below, node = table.name.lower(), table, table.parent
    while node is not None:
        if isinstance(node, exp.With):
            earlier = node.expressions[: _position(node, below)]
            if any(cte.alias.lower() == name for cte in earlier):
                return True
        elif with_ := node.args.get("with_"):
            visible = with_ is not below
            if visible and any(cte.alias.lower() == name for cte in with_.expressions):
                return True
        below, node = node, node.parent
    return False


def _position(with_: exp.With, cte: exp.Expression) -> int:
    return next(i for i, expression in enumerate(with_.expressions) if expression is cte)
