"""Ids for rows without one, computed from their content.

The same content gets the same id, so that importing it twice adds nothing. An import computes ids
in Python; a copy of tables computes the same ids in SQL (crm/repository/_made_ids.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from .schema import PLATFORMS_STATUS, Table

NAMESPACE = uuid.UUID("0c5b7a43-5a0e-4a55-9d3c-6f0c2f4be1f1")
SEPARATOR = "\x1f"


def columns(table: Table) -> tuple[str, ...]:
    """Return the columns from whose values the id is computed."""
    if table is PLATFORMS_STATUS:
        return table.match
    return tuple(name for name in table.own_names if name != table.key)


def made_id(table: Table, row: Mapping[str, str | None]) -> str:
    """Return the id, a UUID (version 5), of a row of texts by column."""
    content = SEPARATOR.join([table.name, *(row[name] or "" for name in columns(table))])
    return str(uuid.uuid5(NAMESPACE, content))
