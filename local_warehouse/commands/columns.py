"""ALTER TABLE: rename and drop columns, and set their defaults.

On Databricks, column mapping makes renaming and dropping a change of the description alone. The
engine has no column mapping, so the files are written again, in a commit that changes no data.
Older versions keep their names. https://docs.databricks.com/delta/column-mapping
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable
from sqlglot import exp

from local_warehouse.catalog import properties
from local_warehouse.catalog.objects import Column, Table
from local_warehouse.delta import log
from local_warehouse.delta.files import Files
from local_warehouse.engine import Engine
from local_warehouse.errors import EngineEnded, SqlError
from local_warehouse.sql.parsing import parse_condition
from local_warehouse.sql.template import DIALECT

_DEFAULTS = "delta.feature.allowcolumndefaults"


def rename(action: exp.RenameColumn, table: Table) -> dict[str, str]:
    """Rename a column of the table; return {new name: old name} in lower case."""
    column = table.require_column(action.this.name)
    new = action.args["to"].name
    _require_mapping(table, "RENAME", "Column rename")
    _require_unused(column.name, table)
    if table.column(new) is not None and new.lower() != column.name.lower():
        raise SqlError("FIELD_ALREADY_EXISTS", f"A column {new} exists already.", "42710")
    old = column.name
    column.name = new
    table.cluster_by = [new if name.lower() == old.lower() else name for name in table.cluster_by]
    return {new.lower(): old.lower()}


def drop(action: exp.Drop, table: Table) -> list[str]:
    """Drop one column, or several in parentheses, and return their names.

    With IF EXISTS, unknown columns are left out.
    """
    names = [
        each.name
        for node in action.args["tables"]
        for each in (node.expressions if isinstance(node, exp.Schema | exp.Tuple) else [node])
    ]
    if action.args.get("exists"):
        names = [name for name in names if table.column(name) is not None]
    for name in names:
        column = table.require_column(name)
        _require_mapping(table, "DROP", "DROP COLUMN")
        _require_unused(column.name, table)
        if column.name.lower() in (each.lower() for each in table.cluster_by):
            raise SqlError(
                "DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN",
                f"Dropping clustering columns ({column.name}) is not allowed.",
                "0AKDC",
            )
        if len(table.columns) == 1:
            raise SqlError(
                "DELTA_DROP_COLUMN_ON_SINGLE_FIELD_SCHEMA",
                "Cannot drop column from a schema with a single column.",
                "0AKDC",
            )
        table.columns.remove(column)
    return names


def rewrite_files(table: Table, location: Path, old_names: Mapping[str, str]) -> list[log.Action]:
    """Write the table's files again with its present columns.

    ``old_names`` maps new names to old ones. Returns remove and add actions that change no data.
    """
    before, after = Files.of(DeltaTable(location)).sizes, dict[str, int]()
    rows = dict[str, int]()
    for path in before:
        content = pq.read_table(location / path)
        names = {name.lower(): name for name in content.column_names}
        kept = {
            column.name: names[old]
            for column in table.columns
            if (old := old_names.get(column.name.lower(), column.name.lower())) in names
        }
        name = f"part-{uuid.uuid4()}.snappy.parquet"
        pq.write_table(
            content.select(list(kept.values())).rename_columns(list(kept)), location / name
        )
        after[name], rows[name] = (location / name).stat().st_size, content.num_rows
    removed = log.remove_actions(before, changes_data=False)
    return removed + log.add_actions(after, rows, changes_data=False)


def set_default(
    column: Column, table: Table, value: exp.Expr, command: str, engine: Engine
) -> None:
    """Set a column's default. Raises SqlError for a value that no INSERT could use."""
    require_defaults(table, command)
    check_default(column, value, command, engine)
    column.default = value.sql(dialect=DIALECT)


def check_default(column: Column, value: exp.Expr, command: str, engine: Engine) -> None:
    """Raise SqlError for a value that no INSERT could use.

    https://docs.databricks.com/error-messages/invalid-default-value-error-class
    """
    text = value.sql(dialect=DIALECT)

    def refused(kind: str, why: str) -> SqlError:
        return SqlError(
            f"INVALID_DEFAULT_VALUE.{kind}",
            f"Failed to execute {command} command because the destination column or variable "
            f"`{column.name}` has a DEFAULT value {text}, which {why}.",
            "42623",
        )

    if value.find(exp.Query):
        raise refused("SUBQUERY_EXPRESSION", "contains subquery expressions")
    if value.find(exp.Column):
        raise refused("UNRESOLVED_EXPRESSION", "fails to resolve as a valid expression")
    if value.find(exp.AggFunc, exp.Window):
        why = "is not a constant expression whose equivalent value is known at query planning time"
        raise refused("NOT_CONSTANT", why)
    try:
        engine.run(f"SELECT {text}")
    except EngineEnded:
        raise
    except SqlError as error:
        raise refused("UNRESOLVED_EXPRESSION", "fails to resolve as a valid expression") from error
    try:
        engine.run(f"SELECT CAST({text} AS {column.type})")
    except EngineEnded:
        raise
    except SqlError as error:
        why = f"requires {column.type} type, but the statement provided another"
        raise refused("DATA_TYPE", why) from error


def require_defaults(table: Table, command: str) -> None:
    """Raise SqlError unless the table has the feature for column defaults.

    https://docs.databricks.com/delta/default-columns
    """
    feature = properties.value(table, _DEFAULTS) or ""
    if feature.lower() not in ("supported", "enabled"):
        raise SqlError(
            "WRONG_COLUMN_DEFAULTS_FOR_DELTA_FEATURE_NOT_ENABLED",
            f"Failed to execute {command} command because it assigned a column DEFAULT value, but "
            "the corresponding table feature was not enabled. Please retry the command again "
            "after executing ALTER TABLE tableName SET TBLPROPERTIES"
            "('delta.feature.allowColumnDefaults' = 'supported').",
            "0AKDE",
        )


def no_default_in_add() -> SqlError:
    return SqlError(
        "WRONG_COLUMN_DEFAULTS_FOR_DELTA_ALTER_TABLE_ADD_COLUMN_NOT_SUPPORTED",
        "DEFAULT values are not supported when adding new columns to previously existing Delta "
        "tables; please add the column without a default value first, then run a second ALTER "
        "TABLE ALTER COLUMN SET DEFAULT command to apply for future inserted rows instead.",
        "0AKDC",
    )


def _require_mapping(table: Table, operation: str, feature: str) -> None:
    """Raise SqlError unless the table has column mapping."""
    mode = properties.value(table, properties.MAPPING) or "none"
    if mode.lower() not in ("name", "id"):
        raise SqlError(
            f"DELTA_UNSUPPORTED_{operation}_COLUMN",
            f"{feature} is not supported for your Delta table. Please enable Column Mapping on "
            f"it: ALTER TABLE {table.full_name} SET TBLPROPERTIES "
            "('delta.columnMapping.mode' = 'name')",
            "0AKDC",
        )


def _require_unused(name: str, table: Table) -> None:
    """Raise SqlError if a CHECK constraint, key, row filter or mask uses the column."""
    using = [
        check
        for check, text in table.checks.items()
        if any(c.name.lower() == name.lower() for c in parse_condition(text).find_all(exp.Column))
    ]
    if using:
        raise SqlError(
            "DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE",
            f"Cannot alter column {name} because this column is referenced by the following check "
            f"constraint(s): {', '.join(using)}",
            "42K09",
        )
    keys = [k.name for k in table.constraints if name.lower() in (c.lower() for c in k.columns)]
    column = table.column(name)
    policies = [column.mask] if column and column.mask else []
    policies += [table.row_filter] if table.row_filter else []
    covered = any(name.lower() in (c.lower() for c in p.columns) for p in policies)
    if keys or covered or (column and column.mask):
        raise SqlError(
            "UC_DEPENDENCY_EXISTS" if not keys else "CANNOT_ALTER_COLUMN_IN_CONSTRAINT",
            f"Cannot alter column {name}: "
            + (f"it is part of {', '.join(keys)}" if keys else "a row filter or mask uses it"),
            "42K09",
        )
