"""A table's description, kept in its Delta log.

Log and catalog cannot be written at once, so one of them must be the truth: the log. Each commit
that changes the description carries all of it in the configuration of its ``metaData`` action,
which checkpoints keep. After a kill, the next start copies the description from the log to the
catalog. RESTORE and CLONE read a version's description there. Grants, row filters and column masks
are not part of the description.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, fields, replace

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from sqlglot import exp

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Column, Constraint, Table
from local_warehouse.catalog.types import column_of
from local_warehouse.sql.parsing import parse_condition

from .log import Action

KEY = "localWarehouse.description"
_PLAIN = ("comment", "cluster_by", "properties", "checks", "feed_since", "schema_since")
_OF_COLUMN = {field.name for field in fields(Column)} - {"mask"}


def description_json(table: Table) -> str:
    """Return the table's description as the log holds it."""
    content = {name: getattr(table, name) for name in _PLAIN}
    content["columns"] = [{name: getattr(c, name) for name in _OF_COLUMN} for c in table.columns]
    content["constraints"] = [asdict(constraint) for constraint in table.constraints]
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def action(
    table: Table, schema: str, configuration: Mapping[str, str], own: DeltaTable | None = None
) -> Action:
    """Return the ``metaData`` action for the table's description.

    ``schema`` is Delta's JSON; ``own`` is the table's log so far, None for a new table.
    """
    known = own.metadata() if own else None
    return {
        "metaData": {
            "id": str(known.id) if known else table.id,
            "name": known.name if known else None,
            "description": table.comment,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema,
            "partitionColumns": [],
            "configuration": {**configuration, KEY: description_json(table)},
            "createdTime": known.created_time if known else int(time.time() * 1000),
        }
    }


def apply_draft(table: Table, draft: Table) -> None:
    """Copy the draft's description to the table; grants and policies stay."""
    for name in (*_PLAIN, "columns", "constraints"):
        setattr(table, name, getattr(draft, name))


def as_of(table: Table, delta: DeltaTable) -> Table:
    """Return a copy of the table with its description of a version.

    Keys belong to Unity Catalog and not to a version: those whose columns exist stay.
    """
    draft = copy.deepcopy(table)
    _restore(draft, delta)
    draft.constraints = [key for key in table.constraints if _has_all(draft, key.columns)]
    return draft


def update_catalog_from_logs(catalog: Catalog) -> None:
    """Copy to the catalog the descriptions that a kill left in the logs only."""
    for table in catalog.all_tables():
        try:
            delta = DeltaTable(catalog.location(table), without_files=True)
        except DeltaError:
            continue  # the engine will report it
        draft = copy.deepcopy(table)
        if KEY in delta.metadata().configuration or not has_same_columns(table, delta):
            _restore(draft, delta)
        if description_json(draft) != description_json(table):
            apply_draft(table, draft)
            catalog.changed(table)


def has_same_types(table: Table, draft: Table) -> bool:
    """Whether the columns have the same names and types, in the same order."""
    return [(c.name, c.type) for c in table.columns] == [(c.name, c.type) for c in draft.columns]


def has_same_columns(table: Table, delta: DeltaTable) -> bool:
    """Whether the log's schema has the table's column names, in the same order."""
    return [c.name for c in table.columns] == [field.name for field in delta.schema().fields]


def _restore(draft: Table, delta: DeltaTable) -> None:
    """Give the draft the description that a version carries; older logs carry only a schema."""
    text = delta.metadata().configuration.get(KEY)
    if text is None:
        _restore_schema(draft, delta)
        return
    content = json.loads(text)
    for name in _PLAIN:
        setattr(draft, name, content[name])
    masks = {column.name.lower(): column.mask for column in draft.columns}
    columns = [Column(**column) for column in content["columns"]]
    draft.columns = [replace(c, mask=masks.get(c.name.lower())) for c in columns]
    draft.constraints = [Constraint(**constraint) for constraint in content["constraints"]]


def _restore_schema(draft: Table, delta: DeltaTable) -> None:
    columns = [column_of(field) for field in json.loads(delta.schema().to_json())["fields"]]
    draft.columns = [
        replace(known, name=c.name, nullable=c.nullable, comment=c.comment)
        if (known := draft.column(c.name)) is not None
        else c
        for c in columns
    ]
    draft.cluster_by = [name for name in draft.cluster_by if draft.column(name)]
    draft.checks = {
        name: check
        for name, check in draft.checks.items()
        if _has_all(draft, [c.name for c in parse_condition(check).find_all(exp.Column)])
    }


def _has_all(table: Table, names: list[str]) -> bool:
    return all(table.column(name) is not None for name in names)
