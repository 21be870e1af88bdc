"""Copies a schema with its tables' files and history, for tests that need many equal schemas.

A CLONE would begin a history of its own; this copy has the versions of the tables that it copies,
with their times. A copy whose rows were changed can be reset: that costs less than another copy,
because statements that name it stay prepared.
"""

from __future__ import annotations

import copy
import os
import shutil
import uuid
from dataclasses import replace
from itertools import chain
from pathlib import Path

from local_warehouse.cancellation import Cancellation
from local_warehouse.catalog.objects import Schema, Table
from local_warehouse.context import Parts
from local_warehouse.delta.log import LOG, OLD_COMMITS
from local_warehouse.warehouse import Warehouse


def copy_schema(parts: Parts, catalog: str, source: str, target: str) -> None:
    """Create ``target`` as a copy of ``source``, a schema of the same catalog without functions.

    The name of ``source`` must occur in its tables as the schema's name only. Nobody may write
    to them meanwhile.
    """
    original = parts.catalog.schema(catalog, source)
    tables = {}
    for name, table in original.tables.items():
        tables[name] = _describe(table, source, target)
        _copy_files(parts, table, tables[name], source, target)
        parts.engine.register(tables[name].id, str(parts.catalog.location(tables[name])))
    with parts.catalog.changing():
        schemas = parts.catalog.catalog(catalog).schemas
        schemas[target] = Schema(original.comment, original.owner, tables=tables)


def reset_schema(warehouse: Warehouse, catalog: str, source: str, target: str) -> None:
    """Give the tables of ``target``, a copy of ``source``, the rows and history of the copy again.

    Nobody may use the tables meanwhile, or have changed their descriptions.
    """
    parts = warehouse.parts
    originals = parts.catalog.schema(catalog, source).tables
    for name, table in parts.catalog.schema(catalog, target).tables.items():
        original, location = originals[name], parts.catalog.location(table)
        if _files(location) != _files(parts.catalog.location(original)):
            with (
                parts.commits.exclusively(table, Cancellation()),
                parts.engine.reregistering(table.id, str(location)),
            ):
                warehouse.forget(table, after=parts.commits.version(original))
                shutil.rmtree(location)
                _copy_files(parts, original, table, source, target)
                table.vacuumed_to = original.vacuumed_to


def _files(location: Path) -> set[str]:
    return {str(file.relative_to(location)) for file in location.rglob("*")}


def _describe(table: Table, source: str, target: str) -> Table:
    copied = copy.deepcopy(table)
    copied.constraints = [
        replace(key, references=[target if part == source else part for part in key.references])
        if key.references
        else key
        for key in copied.constraints
    ]
    return replace(copied, schema=target, id=f"t_{uuid.uuid4().hex}")


def _copy_files(parts: Parts, table: Table, copied: Table, source: str, target: str) -> None:
    location = parts.catalog.location(copied)
    # Files of Delta tables never change, so the copy can share them.
    shutil.copytree(parts.catalog.location(table), location, copy_function=os.link)
    # Each version describes the table, with the schema's name in its foreign keys; a server reads
    # it when it starts.
    for file in chain(location.glob(f"{LOG}/*"), location.glob(f"{OLD_COMMITS}/*")):
        if source.encode() in (content := file.read_bytes()):
            file.unlink()
            file.write_bytes(content.replace(source.encode(), target.encode()))
    for maker in parts.commits.makers(table).values():
        parts.commits.record(copied, maker["version"], maker["user"], maker["statement_id"])
