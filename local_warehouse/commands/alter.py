"""ALTER TABLE and COMMENT ON: changes of a table's description.

Each is a commit of its own in the table's Delta log, as on Databricks.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deltalake import DeltaTable
from sqlglot import exp

from .. import delta_log, description
from ..catalog import Column, Table
from ..checks import parse_condition
from ..context import NOTHING, Context, Result
from ..engine import engine_name
from ..errors import SqlError, column_not_found, metadata_changed, unsupported
from ..parsing import Words, parse, property_of, text_of
from ..privileges import MANAGE, schema_
from . import columns, policies
from .committing import commit, note_version
from .create import read_cluster, read_key, type_name


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
            draft.operation = _apply(action, draft, context)
    return NOTHING


def _apply(action: exp.Expression, draft: Draft, context: Context) -> str:
    """Change the table's description; the operation's name in the history."""
    table = draft.table
    if isinstance(action, exp.ColumnDef):
        return _add_column(action, table)
    if isinstance(action, exp.Schema):
        for column in action.expressions:
            _add_column(column, table)
        return "ADD COLUMNS"
    if isinstance(action, exp.AlterColumn):
        return _alter_column(action, table, context)
    if isinstance(action, exp.AddConstraint):
        for constraint in action.expressions:
            _add_constraint(constraint, table, context)
        return "ADD CONSTRAINT"
    if isinstance(action, exp.RenameColumn):
        draft.was = columns.rename(action, table)
        return "RENAME COLUMN"
    if isinstance(action, exp.Drop) and str(action.args.get("kind")).upper().startswith("COLUMN"):
        columns.drop(action, table)
        draft.was = {}
        return "DROP COLUMNS"
    if isinstance(action, exp.Drop) and str(action.args.get("kind")).upper() == "CONSTRAINT":
        return _drop_constraint(action, table)
    if isinstance(action, exp.AlterSet):
        items = [item for properties in action.expressions for item in properties.expressions]
        given = dict(property_of(item) for item in items)
        table.properties |= given
        draft.parameters = {"properties": json.dumps(given, separators=(",", ":"))}
        return "SET TBLPROPERTIES"
    if isinstance(action, exp.ClusterProperty | exp.Cluster):
        table.cluster_by = read_cluster(action, table)
        return "CLUSTER BY"
    raise unsupported(f"ALTER TABLE … {action.sql(dialect='databricks')}")


def _rename_table(node: exp.Table, table: Table, context: Context) -> Result:
    catalog, schema, name = context.resolver.parts(node)
    if catalog != table.catalog:
        raise unsupported("renaming a table into another catalog")
    context.catalog.schema(catalog, schema)
    context.access.require("CREATE TABLE", schema_(catalog, schema))
    with context.commits.exclusively(table, context.cancellation):
        context.catalog.rename_table(table, schema, name)
    return NOTHING


def _add_column(item: exp.ColumnDef, table: Table) -> str:
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
            raise unsupported(f"ADD COLUMN with {kind.sql(dialect='databricks')}")
        column.comment = text_of(kind.this)
    if item.args.get("position") is not None:
        raise unsupported("a position in ADD COLUMN")
    table.columns.append(column)
    return "ADD COLUMNS"


def _alter_column(action: exp.AlterColumn, table: Table, context: Context) -> str:
    column = table.column(action.this.name)
    if column is None:
        raise column_not_found(f"`{action.this.name}`")
    given = {name for name, value in action.args.items() if value is not None} - {"this", "kind"}
    if given == {"comment"}:
        column.comment = text_of(action.args["comment"])
    elif given == {"allow_null"}:
        column.nullable = bool(action.args["allow_null"])
        if not column.nullable:
            _require(f"`{column.name}` IS NOT NULL", table, context, _nulls(table, column))
    elif given == {"default"}:
        columns.set_default(column, table, action.args["default"], "ALTER TABLE")
    elif given == {"drop"}:
        column.default = None
    elif given == {"allow_null", "drop"}:
        column.nullable = True
    else:
        raise unsupported(f"{action.sql(dialect='databricks')}")
    return "CHANGE COLUMN"


def _add_constraint(constraint: exp.Constraint, table: Table, context: Context) -> None:
    name = constraint.name
    if name in table.checks or any(key.name == name for key in table.constraints):
        raise SqlError("DELTA_CONSTRAINT_ALREADY_EXISTS", f"{name} already exists.", "42710")
    for kind in constraint.expressions:
        if not isinstance(kind, exp.CheckColumnConstraint):
            table.constraints.append(read_key(kind, name, table, context))
            continue
        text = kind.this.sql(dialect="databricks")
        for column in parse_condition(text).find_all(exp.Column):
            if table.column(column.name) is None:
                raise column_not_found(f"`{column.name}`")
        violated = SqlError(
            "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION",
            f"Rows in {table.full_name} violate the new CHECK constraint ({text}).",
            "23512",
        )
        _require(text, table, context, violated)
        table.checks[name] = text


def _drop_constraint(action: exp.Drop, table: Table) -> str:
    (target,) = action.args["tables"]
    name = target.name
    kept = [key for key in table.constraints if key.name != name]
    found = len(kept) < len(table.constraints) or table.checks.pop(name, None) is not None
    if not found and not action.args.get("exists"):
        raise SqlError(
            "DELTA_CONSTRAINT_DOES_NOT_EXIST", f"Constraint {name} does not exist.", "42704"
        )
    table.constraints = kept
    return "DROP CONSTRAINT"


def _unset_properties(words: Words, table: Table, context: Context) -> Result:
    tolerant = words.accept("IF", "EXISTS")
    words.expect("(")
    names = [words.property_name()]
    while words.accept(","):
        names.append(words.property_name())
    words.expect(")")
    words.end()
    with changing(table, context) as draft:
        for name in names:
            if draft.table.properties.pop(name, None) is None and not tolerant:
                raise SqlError("UNSET_NONEXISTENT_PROPERTIES", f"No property {name}.", "42K0J")
        draft.operation = "UNSET TBLPROPERTIES"
        draft.parameters = {"properties": json.dumps(names, separators=(",", ":"))}
    return NOTHING


def comment(words: Words, context: Context) -> Result:
    """``COMMENT ON TABLE|COLUMN|SCHEMA|CATALOG name IS 'text'``."""
    if words.accept("TABLE"):
        table = context.resolver.table(words.table(), MANAGE)
        with changing(table, context) as draft:
            draft.table.comment = _comment_text(words)
            draft.operation = "SET TBLPROPERTIES"
    elif words.accept("COLUMN"):
        *table_name, column_name = words.name()
        node = exp.to_table(".".join(f"`{part}`" for part in table_name), dialect="databricks")
        table = context.resolver.table(node, MANAGE)
        with changing(table, context) as draft:
            column = draft.table.column(column_name)
            if column is None:
                raise column_not_found(f"`{column_name}`")
            column.comment = _comment_text(words)
            draft.operation = "CHANGE COLUMN"
    elif words.accept("SCHEMA") or words.accept("DATABASE"):
        place = context.resolver.schema(words.name())
        found = context.catalog.schema(*place.path)
        context.access.require(MANAGE, place)
        found.comment = _comment_text(words)
        context.catalog.save()
    else:
        words.expect("CATALOG")
        (name,) = words.name()
        found = context.catalog.catalog(name)
        context.access.require(MANAGE, context.resolver.catalog_named(name))
        found.comment = _comment_text(words)
        context.catalog.save()
    return NOTHING


@dataclass
class Draft:
    """A copy of a table's description, to be changed and then committed whole."""

    table: Table
    operation: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    was: dict[str, str] | None = None  # where columns were renamed or dropped: new name → old


@contextmanager
def changing(table: Table, context: Context) -> Iterator[Draft]:
    """Commit what the block makes of the draft; nothing, if the block raises."""
    with context.commits.exclusively(table, context.cancellation):
        draft = Draft(copy.deepcopy(table))
        yield draft
        _commit(table, draft, context)


def _commit(table: Table, draft: Draft, context: Context) -> None:
    location = context.catalog.location(table)
    delta = DeltaTable(location)
    if not description.agrees(table, delta):  # or a renamed column's values would be lost
        raise metadata_changed(table.full_name)
    version = delta.version() + 1
    note_version(draft.table, table, version, breaks_changes=draft.was is not None)
    files = [] if draft.was is None else columns.rewrite(draft.table, location, draft.was)
    schema = _schema(draft, delta, context)
    actions = [
        delta_log.info(draft.operation, draft.parameters),
        description.action(draft.table, schema, delta.metadata().configuration, delta),
        *files,
    ]
    commit(table, draft.table, version, actions, context)


def _schema(draft: Draft, delta: DeltaTable, context: Context) -> str:
    known = {f["name"].lower(): f for f in json.loads(delta.schema().to_json())["fields"]}
    was = draft.was or {}
    fields = []
    for column in draft.table.columns:
        field = known.get(was.get(column.name.lower(), column.name.lower()))
        if field is None:
            field = delta_log.new_field(column.name, column.type, context.engine)
        metadata = {k: v for k, v in field["metadata"].items() if k != "comment"}
        if column.comment:
            metadata["comment"] = column.comment
        told = {"name": column.name, "nullable": column.nullable, "metadata": metadata}
        fields.append({**field, **told})
    return json.dumps({"type": "struct", "fields": fields})


def _comment_text(words: Words) -> str | None:
    words.expect("IS")
    text = None if words.accept("NULL") else words.string()
    words.end()
    return text


def _require(condition: str, table: Table, context: Context, otherwise: SqlError) -> None:
    probe = (
        f"SELECT 1 FROM {engine_name(table.id)} AS `{table.name}` "
        f"WHERE NOT coalesce({condition}, false) LIMIT 1"
    )
    if context.engine.run(probe).num_rows:
        raise otherwise


def _nulls(table: Table, column: Column) -> SqlError:
    return SqlError(
        "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
        f"Column {column.name} of {table.full_name} has null values.",
        "23502",
    )
