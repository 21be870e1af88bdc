"""Find the objects that the names in a statement mean, if its user may use them."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

from sqlglot import exp

from local_warehouse.catalog.objects import SYSTEM_CATALOG, Function, Table
from local_warehouse.catalog.securables import (
    Need,
    Securable,
    catalog_securable,
    schema_securable,
    securable_of,
)
from local_warehouse.errors import (
    SqlError,
    no_unity_catalog,
    routine_not_found,
    table_not_found,
    unsupported,
)

from .template import DIALECT, Template

SYSTEM_SCHEMAS = {"information_schema"}


class Catalog(Protocol):
    """The catalog's methods that name resolution calls."""

    unity: bool

    def find(self, catalog: str, schema: str, name: str) -> Table | None: ...

    def find_function(self, catalog: str, schema: str, name: str) -> Function | None: ...


class Access(Protocol):
    """The methods about one user's privileges that name resolution calls."""

    def for_user(self, user: str) -> Access: ...

    def require(self, privilege: str, securable: Securable) -> None: ...

    def require_use(self, securable: Securable) -> None: ...

    def require_visible(self, securable: Securable) -> None: ...


@dataclass(frozen=True)
class TableVersion:
    """A table ``VERSION AS OF`` or ``TIMESTAMP AS OF`` (``kind``) an expression."""

    table_id: str
    kind: str
    expression: Template


@dataclass(frozen=True)
class TableChanges:
    """A call of ``table_changes``: a table, and the first and last version or moment."""

    table_id: str
    start: Template
    end: Template | None


@dataclass(frozen=True)
class Namespace:
    """The session's current catalog and schema."""

    catalog: str
    schema: str


def parts(table: exp.Table, namespace: Namespace) -> tuple[str, str, str]:
    """Return the catalog, schema and name that a reference means, in lower case."""
    if not isinstance(table.this, exp.Identifier):
        raise unsupported(f"the table function {table.sql(dialect=DIALECT)}")
    catalog = table.catalog or namespace.catalog
    schema = table.db or namespace.schema
    return catalog.lower(), schema.lower(), table.name.lower()


class Resolver:
    """Finds the objects that names mean to one user, and checks the user's privileges on them.

    ``needs`` collects these privileges, to be checked again whenever the statement runs. A user
    without them gets no other error, which could reveal something about the object.
    """

    def __init__(self, namespace: Namespace, catalog: Catalog, access: Access) -> None:
        self.namespace = namespace
        self.catalog = catalog
        self.access = access
        self.needs: list[Need] = []
        self.is_for_policy = False
        self._definer: str | None = None
        self._calls: tuple[str, ...] = ()

    def table(self, node: exp.Table, *privileges: str) -> Table:
        """Return the table that a reference means. Raises SqlError.

        Without ``privileges``, it is enough that the user may see the table.
        """
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
            self.access.require_visible(securable_of(found))
        for privilege in privileges:
            self.need(privilege, securable_of(found))
        return found

    def need(self, privilege: str, securable: Securable) -> None:
        """Require a privilege now, and whenever the statement runs again."""
        self.access.require(privilege, securable)
        self.needs.append(Need(privilege, securable, self._definer))

    def function(self, names: list[str]) -> Function | None:
        """Return the function that is called; None if only the engine can know it."""
        if len(names) > 3:
            raise routine_not_found(names)
        if len(names) == 3:
            self.require_unity()
        current = (self.namespace.catalog, self.namespace.schema)
        catalog, schema, name = (*current[: 3 - len(names)], *(n.lower() for n in names))
        found = self.catalog.find_function(catalog, schema, name)
        if found is not None:
            self.need("EXECUTE", securable_of(found))
        elif len(names) > 1:
            self.access.require_use(Securable("FUNCTION", (catalog, schema, name)))
            raise routine_not_found(names)
        return found

    def inside(self, function: Function) -> Resolver:
        """Return a resolver for the function's body: its owner's namespace and privileges."""
        if function.full_name in self._calls:
            raise unsupported(f"the function {function.full_name}, which calls itself")
        namespace = Namespace(*function.namespace)
        inner = Resolver(namespace, self.catalog, self.access.for_user(function.owner))
        inner.needs, inner.is_for_policy = self.needs, self.is_for_policy
        inner._definer = function.owner
        inner._calls = (*self._calls, function.full_name)
        return inner

    def anew(self) -> Resolver:
        """Return a resolver for another statement of the same user."""
        return Resolver(self.namespace, self.catalog, self.access)

    def for_policies(self) -> Resolver:
        """Return the same resolver for the functions of row filters and column masks."""
        inner = copy.copy(self)
        inner.is_for_policy = True
        return inner

    def parts(self, node: exp.Table) -> tuple[str, str, str]:
        if node.catalog:
            self.require_unity()
        return parts(node, self.namespace)

    def schema(self, names: list[str]) -> Securable:
        """Return the schema that one or two names mean; it need not exist."""
        *catalog, schema = names
        if catalog:
            self.require_unity()
        return schema_securable(catalog[0] if catalog else self.namespace.catalog, schema)

    def catalog_named(self, name: str) -> Securable:
        self.require_unity()
        return catalog_securable(name)

    def require_unity(self) -> None:
        if not self.catalog.unity:
            raise no_unity_catalog()


def is_cte(table: exp.Table) -> bool:
    """Whether the reference means a common table expression that is visible from it."""
    if table.db:
        return False
    name = table.name.lower()
    below: exp.Expr = table
    node = table.parent
    while node is not None:
        if isinstance(node, exp.With):
            earlier = node.expressions[: _position(node, below)]
            if any(cte.alias.lower() == name for cte in earlier):
                return True
        elif with_ := node.args.get("with_"):
            is_outside = with_ is not below
            if is_outside and any(cte.alias.lower() == name for cte in with_.expressions):
                return True
        below, node = node, node.parent
    return False


def _position(with_: exp.With, cte: exp.Expr) -> int:
    return next(i for i, expression in enumerate(with_.expressions) if expression is cte)
