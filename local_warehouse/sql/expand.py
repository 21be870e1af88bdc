"""Turn a parsed statement into engine SQL: tables, functions, row filters and masks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from local_warehouse.catalog.objects import SYSTEM_CATALOG, Function, Policy, Table
from local_warehouse.errors import SqlError, no_time_travel, syntax_error, unsupported

from . import functions, policies, table_changes
from .markers import mark_values
from .names import SYSTEM_SCHEMAS, Resolver, TableVersion, is_cte
from .template import Markers, engine_name


def expand(
    tree: exp.Expr, resolver: Resolver, markers: Markers, target: exp.Table | None = None
) -> None:
    """Rewrite ``tree`` in place for the engine. Raises SqlError.

    Each table gets the engine's name, and calls of functions become the functions' bodies. The
    user needs SELECT on each table but the ``target`` of a write, and reads only what the table's
    row filter and masks let through.
    """
    # Find all calls first: the bodies that take their place are already expanded.
    calls = [(node, names) for node in tree.dfs() if (names := functions.called_name(node))]
    _rewrite_tables(tree, resolver, markers, target)
    for node, names in reversed(calls):
        if (function := resolver.function(names)) is not None:
            node.replace(inline(function, functions.arguments(node), resolver, markers))


def inline(
    function: Function, arguments: Sequence[exp.Expr], resolver: Resolver, markers: Markers
) -> exp.Expr:
    """Return the function's body with the arguments in it. Raises SqlError."""
    inner = resolver.inside(function)
    substitution = functions.ArgumentSubstitution(function, arguments, inner)
    tree = functions.parse_body(function)
    mark_values(tree, inner, markers)
    substitution.mark_parameters(tree)
    expand(tree, inner, markers)
    return substitution.substitute(tree)


def policy_caller(resolver: Resolver, markers: Markers) -> policies.PolicyCall:
    """Return a callable that inlines the functions of row filters and masks.

    Their owner's privileges count, not the user's.
    """

    def call(policy: Policy, arguments: Sequence[exp.Expr]) -> exp.Expr:
        function = resolver.catalog.find_function(*policy.path)
        if function is None:
            raise SqlError(
                "UNRESOLVED_ROUTINE",
                f"Cannot resolve routine `{'`.`'.join(policy.function)}`, which a row filter or "
                "column mask uses.",
                "42883",
            )
        return inline(function, arguments, resolver.for_policies(), markers)

    return call


def _rewrite_tables(
    tree: exp.Expr, resolver: Resolver, markers: Markers, target: exp.Table | None
) -> None:
    for node in list(tree.find_all(exp.Table)):
        if table_changes.is_call(node):
            table_changes.replace_call(node, resolver, markers)
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
            if node.args.get("version") and node is target:
                raise syntax_error(f"at or near '{node.name}': only what is now can be changed")
            if node.args.get("version") and policies.is_protected(table):
                raise no_time_travel(table.full_name)
            _set_engine_name(node, table, markers)
            if node is not target and policies.is_protected(table):
                _protect(node, table, resolver, markers)
    for column in tree.find_all(exp.Column):
        column.set("db", None)
        column.set("catalog", None)


def _set_engine_name(node: exp.Table, table: Table, markers: Markers) -> None:
    node.set("catalog", None)
    version = node.args.get("version")
    if version is None:
        database, engine_table = engine_name(table.id).split(".")
        node.set("this", exp.to_identifier(engine_table))
        node.set("db", exp.to_identifier(database))
        return
    table_version = TableVersion(
        table.id, version.name.upper(), markers.template(version.expression)
    )
    node.set("version", None)
    node.set("this", markers.identifier("time_travel", table_version))
    node.set("db", exp.to_identifier("delta"))


def _protect(node: exp.Table, table: Table, resolver: Resolver, markers: Markers) -> None:
    """Replace the table by a query of the rows and values that the user may see."""
    if resolver.is_for_policy:
        raise unsupported("row filters or column masks that read a table with such of its own")
    others = {key for key, value in node.args.items() if value} - {"this", "db", "alias"}
    if others:
        raise unsupported(f"{', '.join(others)} of a table with a row filter or column mask")
    source = exp.Table(this=node.this, db=node.args["db"])
    query = policies.visible_rows(table, source, policy_caller(resolver, markers))
    node.replace(exp.Subquery(this=query, alias=node.args["alias"]))
