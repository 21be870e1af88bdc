"""ALTER TABLE and COMMENT ON, which change a table's description.

Each is a commit in the table's Delta log, as on Databricks.
"""

from __future__ import annotations

from sqlglot import exp

from local_warehouse.catalog.objects import Column, Table
from local_warehouse.catalog.securables import MANAGE, schema_securable
from local_warehouse.context import Context
from local_warehouse.delta.operation_details import compact_json
from local_warehouse.errors import SqlError, column_not_found, unsupported
from local_warehouse.result import NOTHING, Result
from local_warehouse.sql.parsing import (
    Words,
    parse,
    parse_condition,
    property_of,
    text_of,
    type_name,
)
from local_warehouse.sql.template import DIALECT, engine_name

from . import columns, policies
from ._committing import Draft, changing
from .create import read_cluster, read_key


def table(words: Words, context: Context) -> Result:
    found = context.resolver.table(words.table(), MANAGE)
    if (result := policies.alter(words, found, context)) is not None:
        return result
    if words.accept("UNSET", "TBLPROPERTIES"):
        return _unset_properties(words, found, context)
    tree = parse(context.sql)
    if not isinstance(tree, exp.Alter):
        raise unsupported(f"ALTER TABLE {tree.args.get('expression', '')}")
    if tree.args.get("exists") or not tree.args.get("actions"):
        raise unsupported("this form of ALTER TABLE")
    if isinstance(tree.args["actions"][0], exp.AlterRename):
        return _rename_table(tree.args["actions"][0].this, found, context)
    with changing(found, context) as draft:
        for action in tree.args["actions"]:
            _apply(action, draft, context)
    return NOTHING


def _apply(action: exp.Expr, draft: Draft, context: Context) -> None:
    """Apply one action of ALTER TABLE to the draft, and set the operation for the history."""
    table = draft.table
    if isinstance(action, exp.ColumnDef | exp.Schema):
        added = action.expressions if isinstance(action, exp.Schema) else [action]
        for column in added:
            _add_column(column, table)
        draft.set_operation("ADD COLUMNS", [column.name for column in added])
    elif isinstance(action, exp.AlterColumn):
        _alter_column(action, table, context)
        draft.set_operation("CHANGE COLUMN", [action.this.name])
    elif isinstance(action, exp.AddConstraint):
        for constraint in action.expressions:
            _add_constraint(constraint, draft, context)
    elif isinstance(action, exp.RenameColumn):
        draft.old_names = columns.rename(action, table)
        draft.set_operation(
            "RENAME COLUMN", oldColumnPath=action.this.name, newColumnPath=action.args["to"].name
        )
    elif isinstance(action, exp.Drop) and str(action.args.get("kind")).upper().startswith(
        "COLUMN"
    ):
        dropped = columns.drop(action, table)
        draft.old_names = {} if dropped else None
        draft.set_operation("DROP COLUMNS" if dropped else "", columns=compact_json(dropped))
    elif isinstance(action, exp.Drop) and str(action.args.get("kind")).upper() == "CONSTRAINT":
        _drop_constraint(action, draft)
    elif isinstance(action, exp.AlterSet):
        items = [item for properties in action.expressions for item in properties.expressions]
        given = dict(property_of(item) for item in items)
        table.properties |= given
        draft.set_operation("SET TBLPROPERTIES", properties=compact_json(given))
    elif isinstance(action, exp.ClusterProperty | exp.Cluster):
        before, table.cluster_by = table.cluster_by, read_cluster(action, table)
        old, new = ",".join(before), ",".join(table.cluster_by)
        draft.set_operation("CLUSTER BY", oldClusteringColumns=old, newClusteringColumns=new)
    else:
        raise unsupported(f"ALTER TABLE … {action.sql(dialect=DIALECT)}")


def _rename_table(node: exp.Table, table: Table, context: Context) -> Result:
    catalog, schema, name = context.resolver.parts(node)
    if catalog != table.catalog:
        raise unsupported("renaming a table into another catalog")
    context.catalog.schema(catalog, schema)
    context.access.require("CREATE TABLE", schema_securable(catalog, schema))
    with context.commits.exclusively(table, context.cancellation):
        context.catalog.rename_table(table, schema, name)
    return NOTHING


def _add_column(item: exp.ColumnDef, table: Table) -> None:
    if table.column(item.name):
        raise SqlError(
            "FIELD_ALREADY_EXISTS",
            f"Cannot add column, because {item.name} already exists.",
            "42710",
        )
    column = Column(item.name, type_name(item.args["kind"]))
    for constraint in item.constraints:
        kind = constraint.args["kind"]
        if isinstance(kind, exp.DefaultColumnConstraint):
            raise columns.no_default_in_add()
        if not isinstance(kind, exp.CommentColumnConstraint):
            raise unsupported(f"ADD COLUMN with {kind.sql(dialect=DIALECT)}")
        column.comment = text_of(kind.this)
    if item.args.get("position") is not None:
        raise unsupported("a position in ADD COLUMN")
    table.columns.append(column)


def _alter_column(action: exp.AlterColumn, table: Table, context: Context) -> None:
    column = table.column(action.this.name)
    if column is None:
        raise column_not_found(f"`{action.this.name}`")
    given = {name for name, value in action.args.items() if value is not None} - {"this", "kind"}
    if given == {"comment"}:
        column.comment = text_of(action.args["comment"])
    elif given == {"allow_null"}:
        column.nullable = bool(action.args["allow_null"])
        if not column.nullable:
            _require_all_rows(
                f"`{column.name}` IS NOT NULL", table, context, _null_violation(table, column)
            )
    elif given == {"default"}:
        value = action.args["default"]
        columns.set_default(column, table, value, "ALTER TABLE", context.engine)
    elif given == {"drop"}:
        column.default = None
    elif given == {"allow_null", "drop"}:
        column.nullable = True
    else:
        raise unsupported(f"{action.sql(dialect=DIALECT)}")


def _add_constraint(constraint: exp.Constraint, draft: Draft, context: Context) -> None:
    table, name = draft.table, constraint.name
    if name in table.checks or any(key.name == name for key in table.constraints):
        raise SqlError("DELTA_CONSTRAINT_ALREADY_EXISTS", f"{name} already exists.", "42710")
    for kind in constraint.expressions:
        if not isinstance(kind, exp.CheckColumnConstraint):
            table.constraints.append(read_key(kind, name, table, context))
            draft.set_operation("ADD CONSTRAINT", name=name, expr=kind.sql(dialect=DIALECT))
            continue
        text = kind.this.sql(dialect=DIALECT)
        for column in parse_condition(text).find_all(exp.Column):
            if table.column(column.name) is None:
                raise column_not_found(f"`{column.name}`")
        violated = SqlError(
            "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION",
            f"Rows in {table.full_name} violate the new CHECK constraint ({text}).",
            "23512",
        )
        _require_all_rows(text, table, context, violated)
        table.checks[name] = text
        draft.set_operation("ADD CONSTRAINT", name=name, expr=text)


def _drop_constraint(action: exp.Drop, draft: Draft) -> None:
    (target,) = action.args["tables"]
    table, name = draft.table, target.name
    kept = [key for key in table.constraints if key.name != name]
    text = table.checks.pop(name, None)
    found = len(kept) < len(table.constraints) or text is not None
    if not found and not action.args.get("exists"):
        raise SqlError(
            "DELTA_CONSTRAINT_DOES_NOT_EXIST", f"Constraint {name} does not exist.", "42704"
        )
    table.constraints = kept
    draft.set_operation("DROP CONSTRAINT" if found else "", name=name, expr=text)


def _unset_properties(words: Words, table: Table, context: Context) -> Result:
    if_exists = words.accept("IF", "EXISTS")
    words.expect("(")
    names = [words.property_name()]
    while words.accept(","):
        names.append(words.property_name())
    words.expect(")")
    words.end()
    with changing(table, context) as draft:
        for name in names:
            if draft.table.properties.pop(name, None) is None and not if_exists:
                raise SqlError("UNSET_NONEXISTENT_PROPERTIES", f"No property {name}.", "42K0J")
        draft.set_operation(
            "UNSET TBLPROPERTIES",
            properties=compact_json(names),
            ifExists=str(if_exists).lower(),
        )
    return NOTHING


def comment(words: Words, context: Context) -> Result:
    """``COMMENT ON TABLE|COLUMN|SCHEMA|CATALOG name IS 'text'``."""
    if words.accept("TABLE"):
        table = context.resolver.table(words.table(), MANAGE)
        with changing(table, context) as draft:
            draft.table.comment = text = _comment_text(words)
            draft.set_operation("SET TBLPROPERTIES", properties=compact_json({"comment": text}))
    elif words.accept("COLUMN"):
        *table_name, column_name = words.name()
        node = exp.to_table(".".join(f"`{part}`" for part in table_name), dialect=DIALECT)
        table = context.resolver.table(node, MANAGE)
        with changing(table, context) as draft:
            column = draft.table.column(column_name)
            if column is None:
                raise column_not_found(f"`{column_name}`")
            column.comment = _comment_text(words)
            draft.set_operation("CHANGE COLUMN", [column.name])
    elif words.accept("SCHEMA") or words.accept("DATABASE"):
        securable = context.resolver.schema(words.name())
        schema = context.catalog.schema(*securable.path)
        context.access.require(MANAGE, securable)
        schema.comment = _comment_text(words)
        context.catalog.save()
    else:
        words.expect("CATALOG")
        (name,) = words.name()
        catalog = context.catalog.catalog(name)
        context.access.require(MANAGE, context.resolver.catalog_named(name))
        catalog.comment = _comment_text(words)
        context.catalog.save()
    return NOTHING


def _comment_text(words: Words) -> str | None:
    words.expect("IS")
    text = None if words.accept("NULL") else words.string()
    words.end()
    return text


def _require_all_rows(condition: str, table: Table, context: Context, otherwise: SqlError) -> None:
    """Raise ``otherwise`` if a row of the table does not meet the condition."""
    probe = (
        f"SELECT 1 FROM {engine_name(table.id)} AS `{table.name}` "
        f"WHERE NOT coalesce({condition}, false) LIMIT 1"
    )
    if context.engine.run(probe).num_rows:
        raise otherwise


def _null_violation(table: Table, column: Column) -> SqlError:
    return SqlError(
        "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
        f"Column {column.name} of {table.full_name} has null values.",
        "23502",
    )
