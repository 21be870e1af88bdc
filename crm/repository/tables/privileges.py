"""What Unity Catalog lets the person do whose warehouse this is."""

from __future__ import annotations

from collections.abc import Mapping

from crm.model.schema import TABLES
from crm.repository import _sql
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied


def may_write(wh: Warehouse) -> bool:
    """Whether the accounts may be changed: a change of nothing is refused like any other.

    Reading grants instead would have to follow groups, owners and inheritance, and shows
    people only some of them.
    """
    sql = """
    UPDATE {accounts} SET updated_by = updated_by WHERE FALSE
    """
    try:
        wh.execute(_sql.render(wh.namespace, sql), repeatable=True)
    except PermissionDenied:
        return False
    return True


def masked_columns(wh: Warehouse) -> Mapping[str, frozenset[str]]:
    """The columns that have a mask, by the table's name; whom it masks, nobody can tell.

    A catalog that does not let people read this shows no locks, and still nothing masked is
    written back: forms send no value that the person did not change (crm/forms/records.py).
    """
    sql = """
    SELECT table_name, column_name
    FROM {information_schema}.column_masks
    WHERE schema_name = :schema
    """
    source = f"{wh.namespace.quoted_catalog}.information_schema"
    text = _sql.render(wh.namespace, sql, information_schema=source)
    try:
        rows = wh.query(text, {"schema": wh.namespace.schema.lower()})
    except (PermissionDenied, ObjectNotFound):
        return {}
    found = {(row["table_name"].lower(), row["column_name"].lower()) for row in rows}
    prefix = wh.namespace.prefix.lower()
    return {
        table.name: frozenset(
            name for name in table.names if (f"{prefix}{table.name}", name) in found
        )
        for table in TABLES
    }
