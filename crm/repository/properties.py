"""The properties of our tables, such as the schema version and how long a table keeps history."""

from __future__ import annotations

from crm.model.schema import Table
from crm.warehouse import Warehouse

from . import ddl


def read(wh: Warehouse, table: Table) -> dict[str, str]:
    """Return the table's properties by name. One statement. Raises WarehouseError."""
    rows = wh.query(ddl.show_properties(table, wh.namespace))
    return {row["key"]: row["value"] for row in rows}
