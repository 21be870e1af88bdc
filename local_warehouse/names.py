"""From the names in a statement to tables of the catalog, as the session sees them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from .catalog import SYSTEM_CATALOG, Catalog, Table
from .engine import engine_name
from .errors import SqlError, no_unity_catalog, table_not_found, unsupported
from .privileges import Access, Need, Securable, catalog_, object_, schema_
from .template import Markers, Template

SYSTEM_SCHEMAS = {"information_schema"}


@dataclass(frozen=True)
class PastTable:
    """A table as of a VERSION or a TIMESTAMP, given by an expression."""

    table_id: str
    kind: str
    expression: Template


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
        self.needs.append(Need(privilege, securable))

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


def rewrite_tables(
    tree: exp.Expression, resolver: Resolver, markers: Markers, target: exp.Table | None = None
) -> list[Table]:
    """Point every table reference in ``tree`` at the engine's name for it.

    Returns the tables referred to; all but a write's ``target`` have to be readable. System
    tables become a hole that is filled with a snapshot at execution. Raises SqlError.
    """
    tables = []
    for node in list(tree.find_all(exp.Table)):
        if not isinstance(node.this, exp.Identifier) or _is_cte(node):
            continue
        if node.db.lower() in ("delta", "parquet", "csv", "json", "text") and "/" in node.name:
            raise unsupported(f"reading files by path ({node.db})")
        catalog_name, schema_name, name = resolver.parts(node)
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name, quoted=True)))
        if catalog_name == SYSTEM_CATALOG or schema_name in SYSTEM_SCHEMAS:
            key = f"{catalog_name}.{schema_name}.{name}"
            node.set("this", markers.identifier("system", key))
            node.set("db", exp.to_identifier("parquet"))
        else:
            table = resolver.table(node, *(() if node is target else ("SELECT",)))
            tables.append(table)
            _point_at(node, table, markers)
        node.set("catalog", None)
    for column in tree.find_all(exp.Column):
        column.set("db", None)
        column.set("catalog", None)
    return tables


def _point_at(node: exp.Table, table: Table, markers: Markers) -> None:
    version = node.args.get("version")
    if version is None:
        database, engine_table = engine_name(table.id).split(".")
        node.set("this", exp.to_identifier(engine_table))
        node.set("db", exp.to_identifier(database))
        return
    past = PastTable(table.id, version.name.upper(), markers.template(version.expression))
    node.set("version", None)
    node.set("this", markers.identifier("past", past))
    node.set("db", exp.to_identifier("delta"))


def _is_cte(table: exp.Table) -> bool:
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
