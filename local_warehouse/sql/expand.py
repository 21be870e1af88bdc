"""From a parsed statement to what the engine understands: tables, functions, policies."""

from __future__ import annotations

from sqlglot import exp

from local_warehouse.catalog.objects import SYSTEM_CATALOG, Function, Policy, Table
from local_warehouse.errors import SqlError, no_past, syntax_error, unsupported
from local_warehouse.sql import functions, policies, table_changes
from local_warehouse.sql.markers import mark_values
from local_warehouse.sql.names import SYSTEM_SCHEMAS, PastTable, Resolver, is_cte
from local_warehouse.sql.template import Markers, engine_name


def expand(
    tree: exp.Expression, resolver: Resolver, markers: Markers, target: exp.Table | None = None
) -> list[Table]:
    """Point every table reference in ``tree`` at the engine's name for it, inline functions.

    Returns the tables referred to; all but a write's ``target`` have to be readable, and show
    only what their policies let through. System tables become a hole that is filled with a
    snapshot at execution. Raises SqlError.
    """
    # All found before anything is put in: what is put in is finished, and not looked at again.
    calls = [(node, names) for node in tree.dfs() if (names := functions.called(node))]
    tables = _rewrite_tables(tree, resolver, markers, target)
    for node, names in reversed(calls):
        if (function := resolver.function(names)) is not None:
            given = functions.arguments(node)
            node.replace(inline(function, given, resolver, markers))
    return tables


def inline(
    function: Function, given: list[exp.Expression], resolver: Resolver, markers: Markers
) -> exp.Expression:
    """The function's body with its arguments in place. Raises SqlError."""
    inner = resolver.within(function)
    binding = functions.Binding(function, given, inner)
    tree = functions.body(function)
    mark_values(tree, inner, markers)
    binding.mark(tree)
    expand(tree, inner, markers)
    return binding.put_in(tree)


def policy_caller(resolver: Resolver, markers: Markers) -> policies.Call:
    """Calls the functions of policies, for which nobody needs EXECUTE."""

    def call(policy: Policy, given: list[exp.Expression]) -> exp.Expression:
        function = resolver.catalog.find_function(*policy.function)
        if function is None:
            raise SqlError(
                "UNRESOLVED_ROUTINE",
                f"Cannot resolve routine `{'`.`'.join(policy.function)}`, which a row filter or "
                "column mask uses.",
                "42883",
            )
        return inline(function, given, resolver.for_policies(), markers)

    return call


def _rewrite_tables(
    tree: exp.Expression, resolver: Resolver, markers: Markers, target: exp.Table | None
) -> list[Table]:
    tables = []
    for node in list(tree.find_all(exp.Table)):
        if table_changes.is_call(node):
            tables.append(table_changes.put_in(node, resolver, markers))
            continue
        if not isinstance(node.this, exp.Identifier) or is_cte(node):
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
            node.set("catalog", None)
        else:
            table = resolver.table(node, *(() if node is target else ("SELECT",)))
            tables.append(table)
            if node.args.get("version") and node is target:
                raise syntax_error(f"at or near '{node.name}': only what is now can be changed")
            if node.args.get("version") and policies.is_protected(table):
                raise no_past(table.full_name)
            _point_at(node, table, markers)
            if node is not target and policies.is_protected(table):
                _protect(node, table, resolver, markers)
    for column in tree.find_all(exp.Column):
        column.set("db", None)
        column.set("catalog", None)
    return tables


def _point_at(node: exp.Table, table: Table, markers: Markers) -> None:
    node.set("catalog", None)
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


def _protect(node: exp.Table, table: Table, resolver: Resolver, markers: Markers) -> None:
    """Put a query of what may be seen in the table's place."""
    if resolver.of_policy:
        raise unsupported("row filters or column masks that read a table with such of its own")
    others = {key for key, value in node.args.items() if value} - {"this", "db", "alias"}
    if others:
        raise unsupported(f"{', '.join(others)} of a table with a row filter or column mask")
    source = exp.Table(this=node.this, db=node.args["db"])
    query = policies.visible(table, source, policy_caller(resolver, markers))
    node.replace(exp.Subquery(this=query, alias=node.args["alias"]))
