"""A table's description in its Delta log: whole, with every version.

Log and catalog cannot be written at once, so one of them has to be the truth: the log. Each commit
that changes the description carries all of it in the metadata's configuration, which checkpoints
keep. From there a start that follows a kill takes what the catalog missed, and RESTORE and CLONE
take what held for the version that they are about. Grants and policies are no part of it.
"""

from __future__ import annotations

import copy
import json
import time
from dataclasses import asdict, fields, replace

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from sqlglot import exp

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Column, Constraint, Table
from local_warehouse.catalog.types import column_of
from local_warehouse.sql.check_constraints import parse_condition

KEY = "localWarehouse.description"
_PLAIN = ("comment", "cluster_by", "properties", "checks", "feed_since", "schema_since")
_OF_COLUMN = {field.name for field in fields(Column)} - {"mask"}


def text(table: Table) -> str:
    """The description as the log holds it."""
    told = {name: getattr(table, name) for name in _PLAIN}
    told["columns"] = [{name: getattr(c, name) for name in _OF_COLUMN} for c in table.columns]
    told["constraints"] = [asdict(constraint) for constraint in table.constraints]
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def action(
    table: Table, schema: str, configuration: dict[str, str], own: DeltaTable | None = None
) -> dict:
    """The ``metaData`` action that makes the description a version's; ``own`` is the table's log
    so far, ``schema`` Delta's JSON."""
    known = own.metadata() if own else None
    return {
        "metaData": {
            "id": str(known.id) if known else table.id,
            "name": known.name if known else None,
            "description": table.comment,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema,
            "partitionColumns": [],
            "configuration": {**configuration, KEY: text(table)},
            "createdTime": known.created_time if known else int(time.time() * 1000),
        }
    }


def adopt(table: Table, draft: Table) -> None:
    """Describe the table as the draft is; whatever else was changed meanwhile stays."""
    for name in (*_PLAIN, "columns", "constraints"):
        setattr(table, name, getattr(draft, name))


def as_of(table: Table, delta: DeltaTable) -> Table:
    """A copy of the table, described as it was at a version.

    Keys are Unity Catalog's and no part of a version: those stay whose columns there are.
    """
    draft = copy.deepcopy(table)
    if (told := delta.metadata().configuration.get(KEY)) is not None:
        _put_back(draft, told)
    else:
        _put_back_schema(draft, delta)
    draft.constraints = [key for key in table.constraints if _has_all(draft, key.columns)]
    return draft


def catch_up(catalog: Catalog) -> None:
    """Let the catalog follow the logs: a kill may have come between the two."""
    for table in catalog.all_tables():
        try:
            delta = DeltaTable(catalog.location(table), without_files=True)
        except DeltaError:
            continue  # the engine will say so
        draft = copy.deepcopy(table)
        if (told := delta.metadata().configuration.get(KEY)) is not None:
            _put_back(draft, told)
        elif not agrees(table, delta):
            _put_back_schema(draft, delta)
        if text(draft) != text(table):
            adopt(table, draft)
            catalog.changed(table)


def has_shape_of(table: Table, draft: Table) -> bool:
    """Whether the columns have the same names and types, whatever else is said of them."""
    return [(c.name, c.type) for c in table.columns] == [(c.name, c.type) for c in draft.columns]


def agrees(table: Table, delta: DeltaTable) -> bool:
    """Whether the log has the table's columns."""
    return [c.name for c in table.columns] == [field.name for field in delta.schema().fields]


def _put_back(draft: Table, told: str) -> None:
    content = json.loads(told)
    for name in _PLAIN:
        setattr(draft, name, content[name])
    masks = {column.name.lower(): column.mask for column in draft.columns}
    columns = [Column(**column) for column in content["columns"]]
    draft.columns = [replace(c, mask=masks.get(c.name.lower())) for c in columns]
    draft.constraints = [Constraint(**constraint) for constraint in content["constraints"]]


def _put_back_schema(draft: Table, delta: DeltaTable) -> None:
    """Versions of former times tell no more than the schema."""
    told = [column_of(field) for field in json.loads(delta.schema().to_json())["fields"]]
    draft.columns = [
        replace(known, name=c.name, nullable=c.nullable, comment=c.comment)
        if (known := draft.column(c.name)) is not None
        else c
        for c in told
    ]
    draft.cluster_by = [name for name in draft.cluster_by if draft.column(name)]
    draft.checks = {
        name: check
        for name, check in draft.checks.items()
        if _has_all(draft, [c.name for c in parse_condition(check).find_all(exp.Column)])
    }


def _has_all(table: Table, names: list[str]) -> bool:
    return all(table.column(name) is not None for name in names)
