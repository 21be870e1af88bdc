"""The statements that create catalog, schema and tables, derived from crm/model/schema.py.

Text in these statements comes from our own schema alone: identifiers from Namespace (which
checks them), literals from column comments.
"""

from __future__ import annotations

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, Column, Table

HISTORY_DAYS = 365

# A property of the accounts table holds the number of the last migration step that the tables
# have been through (crm/repository/tables/migrations.py). New tables have been through all.
VERSION_PROPERTY = "edip.schema_version"
VERSION = 5


def create_catalog(namespace: Namespace) -> str:
    return f"CREATE CATALOG IF NOT EXISTS {namespace.quoted_catalog}"


def create_schema(namespace: Namespace) -> str:
    return f"CREATE SCHEMA IF NOT EXISTS {namespace.quoted_schema}"


def create_table(table: Table, namespace: Namespace, history_days: int = HISTORY_DAYS) -> str:
    """CREATE TABLE, safe to repeat. Keys are informational: Databricks enforces NOT NULL only.

    Change data feed and both retentions are what the history pages live on: with less, time
    travel and the feed end after seven days.
    """
    lines = [_column(column) for column in table.columns] + _constraints(table, namespace)
    body = ",\n  ".join(lines)
    cluster = ", ".join(f"`{name}`" for name in table.cluster_by)
    own = {VERSION_PROPERTY: str(VERSION)} if table is ACCOUNTS else {}
    return f"""
CREATE TABLE IF NOT EXISTS {namespace.table(table)} (
  {body}
)
USING DELTA
CLUSTER BY ({cluster})
COMMENT {_literal(table.comment)}
TBLPROPERTIES ({_pairs(properties(history_days) | own)})
""".strip()


RETENTION = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")


def properties(history_days: int = HISTORY_DAYS) -> dict[str, str]:
    """What every table is to have."""
    return {
        "delta.enableChangeDataFeed": "true",
        **retention(history_days),
    }


def retention(history_days: int) -> dict[str, str]:
    """How long Delta keeps versions, and the files that they need."""
    return dict.fromkeys(RETENTION, f"interval {int(history_days)} days")


def add_columns(table: Table, columns: tuple[Column, ...], namespace: Namespace) -> str:
    """Delta adds only columns that may be NULL; see ``not_null``."""
    added = ", ".join(_column(column, may_be_null=True) for column in columns)
    return f"ALTER TABLE {namespace.table(table)} ADD COLUMNS ({added})"


def cluster_by(table: Table, namespace: Namespace) -> str:
    names = ", ".join(f"`{name}`" for name in table.cluster_by)
    return f"ALTER TABLE {namespace.table(table)} CLUSTER BY ({names})"


def set_properties(table: Table, values: dict[str, str], namespace: Namespace) -> str:
    return f"ALTER TABLE {namespace.table(table)} SET TBLPROPERTIES ({_pairs(values)})"


def show_properties(table: Table, namespace: Namespace) -> str:
    return f"SHOW TBLPROPERTIES {namespace.table(table)}"


def describe_detail(table: Table, namespace: Namespace) -> str:
    return f"DESCRIBE DETAIL {namespace.table(table)}"


def list_columns(namespace: Namespace) -> tuple[str, dict[str, str]]:
    """The query, with its parameters, for the columns of all tables in the schema."""
    sql = """
    SELECT table_name, column_name, is_nullable, comment
    FROM system.information_schema.columns
    WHERE table_catalog = :catalog AND table_schema = :schema
    """
    return sql, _place(namespace)


def list_tables(namespace: Namespace) -> tuple[str, dict[str, str]]:
    """The same for the tables' comments."""
    sql = """
    SELECT table_name, comment
    FROM system.information_schema.tables
    WHERE table_catalog = :catalog AND table_schema = :schema
    """
    return sql, _place(namespace)


def list_keys(namespace: Namespace) -> tuple[str, dict[str, str]]:
    """The same for the columns of primary and foreign keys."""
    sql = """
    SELECT c.table_name, c.constraint_type, k.column_name
    FROM system.information_schema.table_constraints AS c
    JOIN system.information_schema.key_column_usage AS k
      ON k.constraint_catalog = c.constraint_catalog
      AND k.constraint_schema = c.constraint_schema AND k.constraint_name = c.constraint_name
    WHERE c.table_catalog = :catalog AND c.table_schema = :schema
    """
    return sql, _place(namespace)


def primary_key(table: Table, namespace: Namespace) -> str:
    return f"ALTER TABLE {namespace.table(table)} ADD {_primary_key(table, namespace)}"


def foreign_key(table: Table, namespace: Namespace) -> str:
    return f"ALTER TABLE {namespace.table(table)} ADD {_foreign_key(table, namespace)}"


def not_null(table: Table, column: Column, namespace: Namespace) -> str:
    return f"ALTER TABLE {namespace.table(table)} ALTER COLUMN `{column.name}` SET NOT NULL"


def count_nulls(table: Table, column: Column, namespace: Namespace) -> str:
    return f"SELECT COUNT(*) AS n FROM {namespace.table(table)} WHERE `{column.name}` IS NULL"  # noqa: S608


def describe_table(table: Table, namespace: Namespace) -> str:
    return f"COMMENT ON TABLE {namespace.table(table)} IS {_literal(table.comment)}"


def describe_column(table: Table, column: Column, namespace: Namespace) -> str:
    name = namespace.table(table)
    return f"ALTER TABLE {name} ALTER COLUMN `{column.name}` COMMENT {_literal(column.comment)}"


def _place(namespace: Namespace) -> dict[str, str]:
    # Unity Catalog stores names in lower case.
    return {"catalog": namespace.catalog.lower(), "schema": namespace.schema.lower()}


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{_literal(name)} = {_literal(value)}" for name, value in values.items())


def _column(column: Column, *, may_be_null: bool = False) -> str:
    not_null = " NOT NULL" if column.not_null and not may_be_null else ""
    return f"`{column.name}` {column.type}{not_null} COMMENT {_literal(column.comment)}"


def _constraints(table: Table, namespace: Namespace) -> list[str]:
    keys = [_primary_key(table, namespace)]
    return [*keys, _foreign_key(table, namespace)] if table.parent_key else keys


# Constraint names share the schema's name space, so they carry the prefix, too.
def _primary_key(table: Table, namespace: Namespace) -> str:
    name = f"{namespace.prefix}{table.name}_pk"
    return f"CONSTRAINT `{name}` PRIMARY KEY (`{table.key}`)"


def _foreign_key(table: Table, namespace: Namespace) -> str:
    return (
        f"CONSTRAINT `{namespace.prefix}{table.name}_account_fk` "
        f"FOREIGN KEY (`{table.parent_key}`) "
        f"REFERENCES {namespace.table(ACCOUNTS)} (`{ACCOUNTS.key}`)"
    )


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def list_existing(namespace: Namespace) -> tuple[str, dict[str, str]]:
    """The query, with its parameters, for the catalog, schema and tables that can be seen."""
    sql = """
    SELECT 'catalog' AS what, catalog_name AS name
    FROM system.information_schema.catalogs WHERE catalog_name = :catalog
    UNION ALL
    SELECT 'schema', schema_name
    FROM system.information_schema.schemata
    WHERE catalog_name = :catalog AND schema_name = :schema
    UNION ALL
    SELECT 'table', table_name
    FROM system.information_schema.tables
    WHERE table_catalog = :catalog AND table_schema = :schema
    """
    return sql, _place(namespace)
