"""Mappings of imports, kept for files with the same headings.

They are not data of accounts. Imports work without the table, which may be missing or hidden from
the person.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """A mapping (JSON), who chose it last, and when."""

    id: str
    mapping: str
    person: str
    updated_at: dt.datetime | None


_READ = """
SELECT id, MAX_BY(mapping, updated_at) AS mapping, MAX_BY(person, updated_at) AS person,
  MAX(updated_at) AS updated_at
FROM {import_mappings} WHERE ARRAY_CONTAINS({ids}, id) GROUP BY id
"""
_KEEP = """
MERGE INTO {import_mappings} AS t
USING (
  SELECT g.k[0] AS id, g.k[1] AS mapping
  FROM (SELECT EXPLODE(FROM_JSON(:given, 'array<array<string>>')) AS k) AS g
) AS s
ON t.id = s.id
WHEN MATCHED THEN UPDATE SET
  mapping = s.mapping, person = :person, updated_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN INSERT (id, mapping, person, updated_at)
  VALUES (s.id, s.mapping, :person, CURRENT_TIMESTAMP())
"""

_LIST = """
SELECT id, mapping, person, updated_at FROM {import_mappings}
ORDER BY updated_at DESC, id LIMIT :most
"""
_FORGET = "DELETE FROM {import_mappings} WHERE id = :id"


def read(wh: Warehouse, ids: Iterable[str]) -> dict[str, Kept]:
    """Map the ids to the mappings that are kept. Raises WarehouseError."""
    array, params = _sql.text_array("ids", sorted(set(ids)))
    try:
        rows = wh.query(_sql.render(wh.namespace, _READ, ids=array), params)
    except (ObjectNotFound, PermissionDenied):
        return {}
    return {each.id: each for each in map(_kept, rows) if each.mapping}


def keep(wh: Warehouse, mappings: Mapping[str, str]) -> None:
    """Save these mappings (JSON, by id), replacing earlier ones. Raises WarehouseError."""
    given = json.dumps(sorted(mappings.items()), ensure_ascii=False)
    sql = _sql.render(wh.namespace, _KEEP)
    try:
        wh.execute(sql, {"given": given, "person": wh.actor}, repeatable=True)
    except (ObjectNotFound, PermissionDenied) as error:
        log.info("the mapping of an import was not kept: %s", error)


def list_kept(wh: Warehouse, most: int) -> list[Kept]:
    """Return the most recent mappings, the latest first. Raises WarehouseError."""
    try:
        rows = wh.query(_sql.render(wh.namespace, _LIST), {"most": most})
    except (ObjectNotFound, PermissionDenied):
        return []
    return list(map(_kept, rows))


def _kept(row: Row) -> Kept:
    return Kept(row["id"], row["mapping"] or "", row["person"] or "", row["updated_at"])


def forget(wh: Warehouse, id: str) -> None:
    """Delete a kept mapping, so that it no longer applies to the next file with its headings.
    Raises WarehouseError."""
    wh.execute(_sql.render(wh.namespace, _FORGET), {"id": id}, repeatable=True)
