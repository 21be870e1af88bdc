"""The columns of a list's file: those of its table, and some computed from other tables."""

from __future__ import annotations

from crm.model import vocabulary
from crm.model.schema import AUDIT_COLUMNS, TABLES, Table

OF_OTHER_TABLES = {
    table.name: ("team",) if table.parent_key else ("use_cases", "updates", "last_update")
    for table in TABLES
}


def list_columns(table: Table) -> list[str]:
    """Return the columns in their order; the list of accounts also has one for each platform."""
    own = [column.name for column in table.own_columns]
    audit = [column.name for column in AUDIT_COLUMNS]
    others = OF_OTHER_TABLES[table.name]
    if table.parent_key:
        return [*own[:2], *others, *own[2:], *audit]
    return [*own, *vocabulary.platforms(), *others, *audit]
