"""The statements that create and change catalog, schema and tables, from crm/model/schema.py.

Commands take no parameters, so comments and properties become literals here. All of them are
texts of the CRM; identifiers are quoted.
"""

from __future__ import annotations

from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, Column, Table

from . import _sql

HISTORY_DAYS = 365

# A property of the accounts table has the number of the last migration step that was run
# (crm/repository/tables/migrations.py). New tables start with the last step's number.
VERSION_PROPERTY = "edip.schema_version"
VERSION = 11


def create_catalog(namespace: Namespace) -> str:
    sql = "CREATE CATALOG IF NOT EXISTS {catalog}"
    return _sql.render(namespace, sql, catalog=namespace.quoted_catalog)


def create_schema(namespace: Namespace) -> str:
    sql = "CREATE SCHEMA IF NOT EXISTS {schema}"
    return _sql.render(namespace, sql, schema=namespace.quoted_schema)


def create_table(table: Table, namespace: Namespace, history_days: int = HISTORY_DAYS) -> str:
    """Return a CREATE TABLE that is safe to repeat.

    Databricks enforces NOT NULL, but no keys. The history pages need the change data feed and
    both retentions: by default, Delta keeps seven days.
    """
    sql = """CREATE TABLE IF NOT EXISTS {table} (
  {columns}
)
USING DELTA
CLUSTER BY ({cluster_by})
COMMENT {comment}
TBLPROPERTIES ({properties})"""
    lines = [_column(column) for column in table.stored_columns] + _constraints(table, namespace)
    own = {VERSION_PROPERTY: str(VERSION)} if table is ACCOUNTS else {}
    return _on(
        table,
        namespace,
        sql,
        columns=",\n  ".join(lines),
        cluster_by=_sql.names(table.cluster_by),
        comment=_sql.literal(table.comment),
        properties=_pairs(properties(history_days) | own),
    )


# The table feature that transactions need. It is set only on request, because readers and writers
# that do not know it cannot use the table
# (https://docs.databricks.com/tables/features/catalog-commits).
CATALOG_MANAGED = ("delta.feature.catalogManaged", "supported")

RETENTION = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")


def properties(history_days: int = HISTORY_DAYS) -> dict[str, str]:
    """Return the properties that every table needs."""
    return {
        "delta.enableChangeDataFeed": "true",
        **retention(history_days),
    }


def retention(history_days: int) -> dict[str, str]:
    """Return the properties that set how long Delta keeps versions and their files."""
    return dict.fromkeys(RETENTION, f"interval {int(history_days)} days")


def add_columns(table: Table, columns: tuple[Column, ...], namespace: Namespace) -> str:
    """Return the statement that adds columns. They may be NULL at first; see ``not_null``."""
    sql = "ALTER TABLE {table} ADD COLUMNS ({columns})"
    added = ", ".join(_column(column, may_be_null=True) for column in columns)
    return _on(table, namespace, sql, columns=added)


def cluster_by(table: Table, namespace: Namespace) -> str:
    sql = "ALTER TABLE {table} CLUSTER BY ({columns})"
    return _on(table, namespace, sql, columns=_sql.names(table.cluster_by))


def set_properties(table: Table, values: dict[str, str], namespace: Namespace) -> str:
    sql = "ALTER TABLE {table} SET TBLPROPERTIES ({properties})"
    return _on(table, namespace, sql, properties=_pairs(values))


def show_properties(table: Table, namespace: Namespace) -> str:
    return _on(table, namespace, "SHOW TBLPROPERTIES {table}")


def describe_detail(table: Table, namespace: Namespace) -> str:
    return _on(table, namespace, "DESCRIBE DETAIL {table}")


def list_columns(namespace: Namespace) -> tuple[str, dict[str, str]]:
    """Return the query, with its parameters, for the columns of all tables in the schema."""
    sql = """
    SELECT table_name, column_name, is_nullable, comment
    FROM system.information_schema.columns
    WHERE table_catalog = :catalog AND table_schema = :schema
    """
    return sql, _place(namespace)


def list_tables(namespace: Namespace) -> tuple[str, dict[str, str]]:
    """Return the query, with its parameters, for the comments of all tables in the schema."""
    sql = """
    SELECT table_name, comment
    FROM system.information_schema.tables
    WHERE table_catalog = :catalog AND table_schema = :schema
    """
    return sql, _place(namespace)


def list_keys(namespace: Namespace) -> tuple[str, dict[str, str]]:
    """Return the query, with its parameters, for the columns of primary and foreign keys."""
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
    sql = "ALTER TABLE {table} ADD {constraint}"
    return _on(table, namespace, sql, constraint=_primary_key(table, namespace))


def foreign_key(table: Table, namespace: Namespace) -> str:
    sql = "ALTER TABLE {table} ADD {constraint}"
    return _on(table, namespace, sql, constraint=_foreign_key(table, namespace))


def not_null(table: Table, column: Column, namespace: Namespace) -> str:
    sql = "ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"
    return _on(table, namespace, sql, column=quoted(column.name))


def count_nulls(table: Table, column: Column, namespace: Namespace) -> str:
    sql = "SELECT COUNT(*) AS n FROM {table} WHERE {column} IS NULL"
    return _on(table, namespace, sql, column=quoted(column.name))


def describe_table(table: Table, namespace: Namespace) -> str:
    sql = "COMMENT ON TABLE {table} IS {comment}"
    return _on(table, namespace, sql, comment=_sql.literal(table.comment))


def describe_column(table: Table, column: Column, namespace: Namespace) -> str:
    sql = "ALTER TABLE {table} ALTER COLUMN {column} COMMENT {comment}"
    comment = _sql.literal(column.comment)
    return _on(table, namespace, sql, column=quoted(column.name), comment=comment)


def _on(table: Table, namespace: Namespace, template: str, **parts: str) -> str:
    return _sql.render(namespace, template, table=namespace.table(table), **parts)


def _place(namespace: Namespace) -> dict[str, str]:
    # Unity Catalog stores names in lower case.
    return {"catalog": namespace.catalog.lower(), "schema": namespace.schema.lower()}


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(
        f"{_sql.literal(name)} = {_sql.literal(value)}" for name, value in values.items()
    )


def _column(column: Column, *, may_be_null: bool = False) -> str:
    not_null = " NOT NULL" if column.not_null and not may_be_null else ""
    return f"{quoted(column.name)} {column.type}{not_null} COMMENT {_sql.literal(column.comment)}"


def _constraints(table: Table, namespace: Namespace) -> list[str]:
    keys = [_primary_key(table, namespace)]
    return [*keys, _foreign_key(table, namespace)] if table.parent_key else keys


# Constraint names are unique in a schema, so they need the table prefix, too.
def _primary_key(table: Table, namespace: Namespace) -> str:
    name = quoted(f"{namespace.prefix}{table.name}_pk")
    return f"CONSTRAINT {name} PRIMARY KEY ({_sql.names(table.composite_key or (table.key,))})"


def _foreign_key(table: Table, namespace: Namespace) -> str:
    name = quoted(f"{namespace.prefix}{table.name}_account_fk")
    return (
        f"CONSTRAINT {name} FOREIGN KEY ({quoted(table.parent_key)}) "
        f"REFERENCES {namespace.table(ACCOUNTS)} ({quoted(ACCOUNTS.key)})"
    )


def list_existing(namespace: Namespace) -> tuple[str, dict[str, str]]:
    """Return the query, with its parameters, for the catalog, schema and tables that exist and
    that this person may see."""
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
