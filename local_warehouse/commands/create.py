"""CREATE CATALOG, CREATE SCHEMA and CREATE TABLE."""

from __future__ import annotations

import uuid
from copy import copy

from sqlglot import exp

from local_warehouse.catalog import properties
from local_warehouse.catalog.catalog import table_exists
from local_warehouse.catalog.objects import Column, Constraint, Table
from local_warehouse.catalog.securables import METASTORE, catalog_securable, schema_securable
from local_warehouse.context import Context
from local_warehouse.delta import metadata
from local_warehouse.errors import SqlError, column_not_found, unsupported
from local_warehouse.result import NOTHING, Result
from local_warehouse.sql.defaults import default_of
from local_warehouse.sql.names import Namespace, Resolver
from local_warehouse.sql.parameters import text_literal
from local_warehouse.sql.parsing import Words, parse, property_of, text_of, type_name
from local_warehouse.sql.template import DIALECT, engine_name

from . import clone
from .columns import set_default

# The engine's log has this property; all others stay in the catalog.
ENGINE_PROPERTIES = ("delta.logretentionduration",)
# Every write reads all removed files in the log. With the first setting the next checkpoint drops
# them from the log; VACUUM still keeps the files for the retention of the table's property. With
# the second the engine deletes no commits: auto_optimize.py does, because it knows all their
# places.
_UPKEEP_IS_OURS = {
    "delta.deletedFileRetentionDuration": "interval 0 hours",
    "delta.enableExpiredLogCleanup": "false",
}


def catalog(words: Words, context: Context) -> Result:
    if_not_exists = words.accept("IF", "NOT", "EXISTS")
    (name,) = words.name()
    comment = words.string() if words.accept("COMMENT") else None
    words.end()
    context.resolver.require_unity()
    context.access.require("CREATE CATALOG", METASTORE)
    if not (if_not_exists and name.lower() in context.catalog.catalogs):
        context.catalog.create_catalog(name, comment, context.session.user)
    return NOTHING


def schema(words: Words, context: Context) -> Result:
    if_not_exists = words.accept("IF", "NOT", "EXISTS")
    catalog_name, name = context.resolver.schema(words.name()).path
    comment = words.string() if words.accept("COMMENT") else None
    words.end()
    entry = context.catalog.catalog(catalog_name)
    context.access.require("CREATE SCHEMA", catalog_securable(catalog_name))
    if not (if_not_exists and name in entry.schemas):
        context.catalog.create_schema(catalog_name, name, comment, context.session.user)
    return NOTHING


def replace_table(words: Words, context: Context) -> Result:
    """``CREATE OR REPLACE TABLE``, which is supported with CLONE only."""
    if clone.is_clone(copy(words)):
        return clone.create(words, context, replaces=True)
    raise unsupported("CREATE OR REPLACE TABLE without CLONE")


def table(words: Words, context: Context) -> Result:
    if clone.is_clone(copy(words)):
        return clone.create(words, context)
    try:
        tree = parse(context.sql)
    except SqlError:
        if words.contains("ROW", "FILTER") or words.contains("MASK"):
            raise unsupported("ROW FILTER and MASK in CREATE TABLE; use ALTER TABLE") from None
        raise
    if not isinstance(tree.this, exp.Schema) or tree.expression is not None:
        raise unsupported("CREATE TABLE without a list of columns")
    catalog_name, schema_name, name = context.resolver.parts(tree.this.this)
    context.catalog.schema(catalog_name, schema_name)
    context.access.require("CREATE TABLE", schema_securable(catalog_name, schema_name))
    if context.catalog.find(catalog_name, schema_name, name):
        if tree.args.get("exists"):
            return NOTHING
        raise table_exists(f"`{catalog_name}`.`{schema_name}`.`{name}`")
    table = Table(catalog_name, schema_name, name, [], context.session.user)
    for item in tree.this.expressions:
        _read_item(item, table, context)
    _read_properties(tree.args.get("properties"), table)
    _require_key_columns(table)
    properties.check(table)
    for column in table.columns:
        if column.default:
            set_default(column, table, default_of(column), "CREATE TABLE", context.engine)
    _create_on_disk(table, context)
    context.catalog.add_table(table)
    return NOTHING


def _read_item(item: exp.Expr, table: Table, context: Context) -> None:
    if isinstance(item, exp.ColumnDef):
        table.columns.append(_read_column(item, table, context))
    elif isinstance(item, exp.Constraint):
        for kind in item.expressions:
            table.constraints.append(read_key(kind, item.name, table, context))
    else:
        table.constraints.append(read_key(item, "", table, context))


def _read_column(item: exp.ColumnDef, table: Table, context: Context) -> Column:
    column = Column(item.name, type_name(item.args["kind"]))
    if table.column(column.name):
        raise SqlError(
            "COLUMN_ALREADY_EXISTS", f"The column `{column.name}` already exists.", "42711"
        )
    for constraint in item.constraints:
        kind = constraint.args["kind"]
        if isinstance(kind, exp.NotNullColumnConstraint):
            column.nullable = bool(kind.args.get("allow_null"))
        elif isinstance(kind, exp.CommentColumnConstraint):
            column.comment = text_of(kind.this)
        elif isinstance(kind, exp.DefaultColumnConstraint):
            column.default = kind.this.sql(dialect=DIALECT)
        elif isinstance(kind, exp.PrimaryKeyColumnConstraint):
            table.constraints.append(Constraint(f"{table.name}_pk", "PRIMARY KEY", [column.name]))
        elif isinstance(kind, exp.Reference):
            foreign = exp.ForeignKey(expressions=[exp.to_identifier(column.name)], reference=kind)
            table.constraints.append(read_key(foreign, constraint.name, table, context))
        else:
            raise unsupported(f"the column option {kind.sql(dialect=DIALECT)}")
    return column


def read_key(kind: exp.Expr, name: str, table: Table, context: Context) -> Constraint:
    """Read a PRIMARY KEY or FOREIGN KEY clause. Raises SqlError for any other."""
    columns = [column.name for column in kind.expressions]
    if isinstance(kind, exp.PrimaryKey):
        return Constraint(name or f"{table.name}_pk", "PRIMARY KEY", columns)
    if isinstance(kind, exp.ForeignKey):
        reference = kind.args["reference"].this
        node = reference.this if isinstance(reference, exp.Schema) else reference
        namespace = Namespace(table.catalog, table.schema)
        parent = Resolver(namespace, context.catalog, context.access).table(node, "SELECT")
        referenced = (
            [c.name for c in reference.expressions] if isinstance(reference, exp.Schema) else []
        )
        default = f"{table.name}_{parent.name}_fk_{uuid.uuid4().hex[:6]}"
        path = [parent.catalog, parent.schema, parent.name]
        return Constraint(name or default, "FOREIGN KEY", columns, path, referenced)
    if isinstance(kind, exp.CheckColumnConstraint):
        raise unsupported("CHECK in CREATE TABLE; use ALTER TABLE … ADD CONSTRAINT")
    raise unsupported(f"the constraint {kind.sql(dialect=DIALECT)}")


def _read_properties(given: exp.Properties | None, table: Table) -> None:
    for item in given.expressions if given else ():
        if isinstance(item, exp.SchemaCommentProperty):
            table.comment = text_of(item.this)
        elif isinstance(item, exp.ClusterProperty):
            table.cluster_by = read_cluster(item, table)
        elif isinstance(item, exp.FileFormatProperty):
            if item.name.upper() != "DELTA":
                raise unsupported(f"USING {item.name}")
        elif type(item) is exp.Property:
            table.properties |= dict([property_of(item)])
        else:
            raise unsupported(f"the table option {item.sql(dialect=DIALECT)}")


def read_cluster(item: exp.Expr, table: Table) -> list[str]:
    """Return the clustering columns; none for CLUSTER BY AUTO and NONE."""
    names = [expression.name for expression in item.expressions]
    if not names or [name.upper() for name in names] in (["AUTO"], ["NONE"]):
        return []
    for name in names:
        if table.column(name) is None:
            raise column_not_found(f"`{name}`")
    return names


def _require_key_columns(table: Table) -> None:
    for constraint in table.constraints:
        for name in constraint.columns:
            column = table.column(name)
            if column is None:
                raise column_not_found(f"`{name}`")
            if constraint.kind == "PRIMARY KEY":
                column.nullable = False  # primary key columns are implicitly NOT NULL


def _create_on_disk(table: Table, context: Context) -> None:
    columns = ", ".join(_column_sql(column) for column in table.columns)
    location = context.catalog.location(table)
    engine_properties = {
        # The engine requires the word ``interval``, which Databricks does not.
        name: value if value.lower().startswith("interval") else f"interval {value}"
        for name, value in table.properties.items()
        if name.lower() in ENGINE_PROPERTIES
    }
    engine_properties[metadata.KEY] = metadata.description_json(table)
    sql = (
        f"CREATE TABLE {engine_name(table.id)} ({columns}) USING DELTA "
        f"LOCATION {text_literal(str(location))}"
    )
    if table.comment:
        sql += f" COMMENT {text_literal(table.comment)}"
    engine_properties |= _UPKEEP_IS_OURS
    pairs = [f"{text_literal(k)} = {text_literal(v)}" for k, v in engine_properties.items()]
    sql += f" TBLPROPERTIES ({', '.join(pairs)})"
    context.engine.create(table.id, str(location), sql)
    context.commits.record(table, 0, context.session.user, context.statement_id)


def _column_sql(column: Column) -> str:
    null = "" if column.nullable else " NOT NULL"
    comment = f" COMMENT {text_literal(column.comment)}" if column.comment else ""
    return f"`{column.name}` {column.type}{null}{comment}"
