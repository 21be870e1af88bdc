"""CREATE TABLE … DEEP|SHALLOW CLONE: a table with the files of another, at some version.

A clone takes schema, nullability, CHECK constraints, properties and clustering along, but
neither keys, grants, row filters, masks nor the description
(https://docs.databricks.com/delta/clone). Files are hard-linked: no file of a Delta table is
ever changed, so either table may drop its own without harm to the other. That is what a deep clone
promises, and what Unity Catalog promises of a shallow one: VACUUM of the source spares the files
that the clone needs (https://docs.databricks.com/delta/clone-unity-catalog). So the two differ in
what they report.
"""

from __future__ import annotations

import copy
import os
import time
from dataclasses import replace
from pathlib import Path

from deltalake import DeltaTable

from .. import delta_log
from ..catalog import Table, table_exists
from ..context import NOTHING, Context, Result, rows
from ..errors import unsupported
from ..files import Files
from ..parsing import Words
from ..policies import is_protected
from ..privileges import MANAGE, schema_
from ..system_tables import NUMBER
from . import versions

# https://docs.databricks.com/sql/language-manual/delta-clone (clone metrics)
COLUMNS = (
    "source_table_size",
    "source_num_of_files",
    "num_removed_files",
    "num_copied_files",
    "removed_files_size",
    "copied_files_size",
)


def create(words: Words, context: Context, *, replaces: bool = False) -> Result:
    tolerant = words.accept("IF", "NOT", "EXISTS")
    node = words.table()
    is_shallow = words.accept("SHALLOW")
    if not is_shallow:
        words.expect("DEEP")
    words.expect("CLONE")
    source = context.resolver.table(words.table(), "SELECT")
    if is_protected(source):
        raise unsupported("cloning a table with a row filter or column mask")
    version = versions.read(words, source, context) if words.more else None
    place = context.resolver.parts(node)
    found = context.catalog.find(*place)
    if found is None:
        context.catalog.schema(*place[:2])
        context.access.require("CREATE TABLE", schema_(*place[:2]))
        return _create(place, source, version, is_shallow, context)
    if tolerant:
        return NOTHING
    if not replaces:
        raise table_exists(found.full_name)
    target = context.resolver.table(node, MANAGE)
    return _replace(target, source, version, is_shallow, context)


def _create(
    place: tuple[str, str, str],
    source: Table,
    version: int | None,
    is_shallow: bool,
    context: Context,
) -> Result:
    catalog, schema, name = place
    table = Table(catalog, schema, name, [], context.session.user)
    _describe(table, source)
    location = context.catalog.location(table)
    (location / "_delta_log").mkdir(parents=True)
    delta = DeltaTable(context.catalog.location(source), version=version)
    files = _link(delta, context.catalog.location(source), location, "")
    protocol = delta.protocol()
    features = {
        "readerFeatures": protocol.reader_features,
        "writerFeatures": protocol.writer_features,
    }
    versions_ = {
        "minReaderVersion": protocol.min_reader_version,
        "minWriterVersion": protocol.min_writer_version,
    }
    actions = [
        _info(source, delta.version(), is_shallow),
        {"protocol": versions_ | {key: value for key, value in features.items() if value}},
        _metadata(table, delta),
        *files,
    ]
    delta_log.commit(location, 0, actions)
    context.engine.register(table.id, str(location))
    context.commits.record(table, 0, context.session.user, context.statement_id)
    context.catalog.add_table(table)
    return _result(Files.of(delta), Files({}), is_shallow)


def _replace(
    table: Table, source: Table, version: int | None, is_shallow: bool, context: Context
) -> Result:
    location = context.catalog.location(table)
    delta = DeltaTable(context.catalog.location(source), version=version)
    with context.commits.exclusively(table, context.cancellation):
        made = context.commits.version(table) + 1
        before = Files.of(DeltaTable(location))
        files = _link(delta, context.catalog.location(source), location, f"v{made}-")
        now = int(time.time() * 1000)
        removed = [
            {"remove": {"path": path, "deletionTimestamp": now, "dataChange": True, "size": size}}
            for path, size in before.sizes.items()
        ]
        draft = copy.deepcopy(table)
        _describe(draft, source)
        if draft.has_change_feed and not table.has_change_feed:
            draft.feed_since = made
        actions = [
            _info(source, delta.version(), is_shallow),
            _metadata(table, delta),
            *removed,
            *files,
        ]
        delta_log.commit(location, made, actions)
        context.commits.record(table, made, context.session.user, context.statement_id)
        vars(table).update(vars(draft))
        context.catalog.changed(table)
    return _result(Files.of(delta), before, is_shallow)


def _describe(table: Table, source: Table) -> None:
    table.columns = [replace(column, mask=None) for column in source.columns]
    table.cluster_by = list(source.cluster_by)
    table.properties = dict(source.properties)
    table.checks = dict(source.checks)


def _link(delta: DeltaTable, source: Path, target: Path, prefix: str) -> list[dict]:
    """Add actions for the files of a version, which are then the target's, too."""
    actions = []
    for path, size in Files.of(delta).sizes.items():
        name = f"{prefix}{Path(path).name}"
        os.link(source / path, target / name)
        add = {"path": name, "partitionValues": {}, "size": size}
        actions.append({"add": {**add, "modificationTime": 0, "dataChange": True}})
    return actions


def _info(source: Table, version: int, is_shallow: bool) -> dict:
    parameters = {
        "source": source.full_name,
        "sourceVersion": str(version),
        "isShallow": str(is_shallow).lower(),
    }
    now = int(time.time() * 1000)
    return {
        "commitInfo": {"timestamp": now, "operation": "CLONE", "operationParameters": parameters}
    }


def _metadata(table: Table, delta: DeltaTable) -> dict:
    return {
        "metaData": {
            "id": table.id,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": delta.schema().to_json(),
            "partitionColumns": [],
            "configuration": delta.metadata().configuration,
            "createdTime": int(time.time() * 1000),
        }
    }


def _result(source: Files, removed: Files, is_shallow: bool) -> Result:
    copied = Files({}) if is_shallow else source
    values = (source.size, len(source), len(removed), len(copied), removed.size, copied.size)
    return rows(dict.fromkeys(COLUMNS, NUMBER), [values])
