"""Ask Unity Catalog for a person's rights on the tables."""

from __future__ import annotations

from collections.abc import Mapping

from crm.model.namespace import Namespace
from crm.model.schema import TABLES
from crm.repository import _sql
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied


def current_user(wh: Warehouse) -> str:
    """Return the name to which rights are granted; for a service principal its application id."""
    return str(wh.query("SELECT CURRENT_USER() AS me")[0]["me"])


def may_write(wh: Warehouse) -> bool:
    """Return whether the person may change accounts.

    It tries an UPDATE of no row, which the warehouse refuses like any other. Reading the grants is
    no alternative: people see only a part of groups, owners and inheritance.
    """
    sql = """
    UPDATE {accounts} SET updated_by = updated_by WHERE FALSE
    """
    return _may_run(wh, sql)


def may_follow(wh: Warehouse) -> bool:
    """Return whether the person may follow accounts. Also tries an UPDATE of no row."""
    sql = """
    UPDATE {follows} SET person = person WHERE FALSE
    """
    return _may_run(wh, sql)


def _may_run(wh: Warehouse, template: str) -> bool:
    try:
        wh.execute(_sql.render(wh.namespace, template), repeatable=True)
    except PermissionDenied:
        return False
    return True


def filtered_tables(wh: Warehouse) -> frozenset[str]:
    """Return the names of our tables that have a row filter. For whom it hides rows is unknown.

    Empty if the person may not read this.
    """
    sql = """
    SELECT table_name
    FROM {information_schema}.row_filters
    WHERE schema_name = :schema
    """
    found = {row["table_name"].lower() for row in _policies(wh, sql, wh.namespace)}
    prefix = wh.namespace.prefix.lower()
    return frozenset(table.name for table in TABLES if f"{prefix}{table.name}" in found)


def masked_columns(wh: Warehouse) -> Mapping[str, frozenset[str]]:
    """Return the columns that have a mask, by table name. For whom it hides values is unknown.

    Empty if the person may not read this. Even then no masked value is written back, because
    forms send only values that the person changed (crm/forms/records.py).
    """
    found = masked_in(wh, wh.namespace)
    prefix = wh.namespace.prefix.lower()
    masked = {
        table.name: frozenset(
            name for name in table.names if (f"{prefix}{table.name}", name) in found
        )
        for table in TABLES
    }
    return {name: columns for name, columns in masked.items() if columns}


def masked_in(wh: Warehouse, where: Namespace) -> frozenset[tuple[str, str]]:
    """Return each (table, column) of the schema that has a mask, in lower case.

    Empty if the person may not read this.
    """
    sql = """
    SELECT table_name, column_name
    FROM {information_schema}.column_masks
    WHERE schema_name = :schema
    """
    rows = _policies(wh, sql, where)
    return frozenset((row["table_name"].lower(), row["column_name"].lower()) for row in rows)


def _policies(wh: Warehouse, template: str, where: Namespace) -> list[_sql.Row]:
    source = f"{where.quoted_catalog}.information_schema"
    text = _sql.render(where, template, information_schema=source)
    try:
        return wh.query(text, {"schema": where.schema.lower()})
    except (PermissionDenied, ObjectNotFound):
        return []
