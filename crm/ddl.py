"""The statements that create catalog, schema and tables, derived from crm/schema.py.

Text in these statements comes from our own schema alone: identifiers from Namespace (which
checks them), literals from column comments.
"""

from __future__ import annotations

from .schema import ACCOUNTS, Column, Namespace, Table

HISTORY_DAYS = 365


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
    return f"""
CREATE TABLE IF NOT EXISTS {namespace.table(table)} (
  {body}
)
USING DELTA
CLUSTER BY ({cluster})
COMMENT {_literal(table.comment)}
TBLPROPERTIES (
  'delta.enableChangeDataFeed' = 'true',
  'delta.logRetentionDuration' = 'interval {int(history_days)} days',
  'delta.deletedFileRetentionDuration' = 'interval {int(history_days)} days'
)
""".strip()


def _column(column: Column) -> str:
    not_null = " NOT NULL" if column.not_null else ""
    return f"`{column.name}` {column.type}{not_null} COMMENT {_literal(column.comment)}"


def _constraints(table: Table, namespace: Namespace) -> list[str]:
    # Constraint names share the schema's name space, so they carry the prefix, too.
    name = f"{namespace.prefix}{table.name}"
    constraints = [f"CONSTRAINT `{name}_pk` PRIMARY KEY (`{table.key}`)"]
    if table.parent_key:
        constraints.append(
            f"CONSTRAINT `{name}_account_fk` FOREIGN KEY (`{table.parent_key}`) "
            f"REFERENCES {namespace.table(ACCOUNTS)} (`{ACCOUNTS.key}`)"
        )
    return constraints


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
    return sql, {"catalog": namespace.catalog.lower(), "schema": namespace.schema.lower()}
