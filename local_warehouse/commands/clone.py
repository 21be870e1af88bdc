"""CREATE TABLE … [DEEP|SHALLOW] CLONE: make a table from a version of another table.

A clone gets the schema, nullability, CHECK constraints, properties and clustering of that version,
but no keys, grants, row filters, masks or comment (https://docs.databricks.com/delta/clone).

The clone's files are hard links to the source's: no file of a Delta table ever changes, so each
table may delete its own without harm to the other. A deep clone promises that, and so does a
shallow clone in Unity Catalog, whose files a VACUUM of the source keeps
(https://docs.databricks.com/delta/clone-unity-catalog). So here the two differ only in the
metrics that they return.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from local_warehouse.catalog import properties
from local_warehouse.catalog.catalog import table_exists
from local_warehouse.catalog.objects import Table
from local_warehouse.catalog.securables import MANAGE, schema_securable
from local_warehouse.context import Context
from local_warehouse.delta import log, metadata
from local_warehouse.delta.files import Files
from local_warehouse.delta.old_commits import open_version
from local_warehouse.errors import SqlError, missing_files, unsupported
from local_warehouse.result import NOTHING, NUMBER, Result, rows
from local_warehouse.sql.parsing import Words
from local_warehouse.sql.policies import is_protected
from local_warehouse.statements import version_clause

from . import policies
from ._committing import commit, note_version

# The returned columns (https://docs.databricks.com/sql/language-manual/delta-clone, clone
# metrics), and their names in DESCRIBE HISTORY.
COLUMNS = {
    "source_table_size": "sourceTableSize",
    "source_num_of_files": "sourceNumOfFiles",
    "num_removed_files": "numRemovedFiles",
    "num_copied_files": "numCopiedFiles",
    "removed_files_size": "removedFilesSize",
    "copied_files_size": "copiedFilesSize",
}


def is_clone(words: Words) -> bool:
    """Whether the rest of a CREATE TABLE is ``name [DEEP|SHALLOW] CLONE …``."""
    words.accept("IF", "NOT", "EXISTS")
    words.name()
    return (
        words.accept("CLONE") or words.accept("DEEP", "CLONE") or words.accept("SHALLOW", "CLONE")
    )


@dataclass(frozen=True)
class _CloneRequest:
    """The source, version and target of a clone; version None is the latest."""

    source: Table
    version: int | None
    is_shallow: bool
    properties: dict[str, str]


def create(words: Words, context: Context, *, replaces: bool = False) -> Result:
    if_not_exists = words.accept("IF", "NOT", "EXISTS")
    node = words.table()
    is_shallow = words.accept("SHALLOW")
    if not is_shallow:
        words.accept("DEEP")
    words.expect("CLONE")
    source = context.resolver.table(words.table(), "SELECT")
    if is_protected(source):
        raise unsupported("cloning a table with a row filter or column mask")
    has_point = not words.next_is("TBLPROPERTIES", "LOCATION")
    ends = ("TBLPROPERTIES", "LOCATION")
    version = version_clause.read(words, source, context, ends).version if has_point else None
    request = _CloneRequest(source, version, is_shallow, _properties(words))
    path = context.resolver.parts(node)
    found = context.catalog.find(*path)
    if found is None:
        context.catalog.schema(*path[:2])
        context.access.require("CREATE TABLE", schema_securable(*path[:2]))
        return _create(path, request, context)
    if if_not_exists:
        return NOTHING
    if not replaces:
        raise table_exists(found.full_name)
    target = context.resolver.table(node, MANAGE)
    if target is source:
        raise _same_table(target)
    return _replace(target, request, context)


def _properties(words: Words) -> dict[str, str]:
    given: dict[str, str] = {}
    if words.accept("TBLPROPERTIES"):
        words.expect("(")
        while not given or words.accept(","):
            name = words.property_name()
            words.expect("=")
            given[name] = words.value()
        words.expect(")")
    if words.next_is("LOCATION") and words.more:
        raise unsupported("CLONE with LOCATION")
    words.end()
    return given


def _create(path: tuple[str, str, str], request: _CloneRequest, context: Context) -> Result:
    table = Table(*path, [], context.session.user)
    location = context.catalog.location(table)
    with (
        context.commits.exclusively(request.source, context.cancellation),
        _removed_on_failure(location),
    ):
        (location / "_delta_log").mkdir(parents=True)
        delta = _open_source(request, context)
        _copy_description(table, request, delta)
        note_version(table, Table(*path, [], ""), 0, breaks_change_feed=False)
        files = _link_files(delta, request, location, context)
        copied = log.add_actions(files.sizes, files.rows, changes_data=True)
        values = _values(files, Files({}), request)
        configuration = delta.metadata().configuration
        actions = [
            _clone_info(request, delta, values),
            _protocol(delta),
            metadata.action(table, delta.schema().to_json(), configuration),
            *copied,
        ]
        log.commit(location, 0, actions)
        context.engine.register(table.id, str(location))
        context.catalog.add_table(table)
    context.commits.record(table, 0, context.session.user, context.statement_id)
    return rows(dict.fromkeys(COLUMNS, NUMBER), [values])


def _replace(table: Table, request: _CloneRequest, context: Context) -> Result:
    location = context.catalog.location(table)
    with _hold_both(table, request.source, context):
        delta, own = _open_source(request, context), DeltaTable(location)
        made, before = own.version() + 1, Files.of(own)
        draft = replace(table, constraints=[])
        _copy_description(draft, request, delta)
        policies.require_columns(table, draft)
        same = metadata.has_same_types(table, draft)
        note_version(draft, table, made, breaks_change_feed=not same)
        files = _link_files(delta, request, location, context)
        values = _values(files, before, request)
        configuration = delta.metadata().configuration
        actions = [
            _clone_info(request, delta, values),
            *_newer_protocol(delta, own),
            metadata.action(draft, delta.schema().to_json(), configuration, own),
            *log.remove_actions(before.sizes, changes_data=True),
            *log.add_actions(files.sizes, files.rows, changes_data=True),
        ]
        commit(table, draft, made, actions, context)
    return rows(dict.fromkeys(COLUMNS, NUMBER), [values])


@contextmanager
def _hold_both(one: Table, other: Table, context: Context) -> Iterator[None]:
    """Hold two tables, always in the same order, since two clones may be made crosswise.

    Holding the source keeps VACUUM from deleting files that the clone needs.
    """
    with ExitStack() as stack:
        for table in sorted((one, other), key=lambda table: table.id):
            stack.enter_context(context.commits.exclusively(table, context.cancellation))
        yield


@contextmanager
def _removed_on_failure(location: Path) -> Iterator[None]:
    """Delete the folder of the new table if the block raises."""
    try:
        yield
    except BaseException:
        shutil.rmtree(location, ignore_errors=True)
        raise


def _open_source(request: _CloneRequest, context: Context) -> DeltaTable:
    try:
        location = context.catalog.location(request.source)
        if request.version is None:
            return DeltaTable(location)
        return open_version(location, request.version)
    except DeltaError as error:
        raise SqlError("DELTA_VERSION_NOT_FOUND", str(error), "22003") from error


def _copy_description(table: Table, request: _CloneRequest, delta: DeltaTable) -> None:
    """Copy the source's description of the version; the table keeps its comment and masks."""
    source = metadata.as_of(request.source, delta)
    masks = {column.name.lower(): column.mask for column in table.columns}
    table.columns = [replace(c, mask=masks.get(c.name.lower())) for c in source.columns]
    table.cluster_by = source.cluster_by
    table.properties = source.properties | request.properties
    table.checks = source.checks
    properties.check(table, source)


def _link_files(
    delta: DeltaTable, request: _CloneRequest, target: Path, context: Context
) -> Files:
    """Link the files of a version into the target's folder, and return them.

    They get new names, since a killed attempt may have left links behind. Raises SqlError if
    files are gone.
    """
    source = context.catalog.location(request.source)
    found, linked, rows = Files.of(delta), dict[str, int](), dict[str, int]()
    try:
        for path, size in found.sizes.items():
            name = f"part-{uuid.uuid4()}.snappy.parquet"
            os.link(source / path, target / name)
            linked[name] = size
            if path in found.rows:
                rows[name] = found.rows[path]
    except FileNotFoundError:
        for name in linked:
            (target / name).unlink(missing_ok=True)
        raise missing_files(request.source.full_name, delta.version()) from None
    return Files(linked, rows)


def _clone_info(request: _CloneRequest, delta: DeltaTable, values: tuple[int, ...]) -> log.Action:
    parameters = {
        "source": request.source.full_name,
        "sourceVersion": str(delta.version()),
        "isShallow": str(request.is_shallow).lower(),
    }
    return log.commit_info_action(
        "CLONE", parameters, dict(zip(COLUMNS.values(), values, strict=True))
    )


def _protocol(delta: DeltaTable) -> log.Action:
    protocol = delta.protocol()
    versions = {
        "minReaderVersion": protocol.min_reader_version,
        "minWriterVersion": protocol.min_writer_version,
    }
    features = {
        "readerFeatures": protocol.reader_features,
        "writerFeatures": protocol.writer_features,
    }
    return {"protocol": versions | {key: value for key, value in features.items() if value}}


def _newer_protocol(delta: DeltaTable, own: DeltaTable) -> list[log.Action]:
    """Return the source's protocol if its columns need a newer one than the table has."""
    is_newer = delta.protocol().min_writer_version > own.protocol().min_writer_version
    return [_protocol(delta)] if is_newer else []


def _values(source: Files, removed: Files, request: _CloneRequest) -> tuple[int, ...]:
    copied = Files({}) if request.is_shallow else source
    return (source.size, len(source), len(removed), len(copied), removed.size, copied.size)


def _same_table(table: Table) -> SqlError:
    return SqlError(
        "DELTA_UNSUPPORTED_CLONE_REPLACE_SAME_TABLE",
        f"You tried to REPLACE an existing table ({table.full_name}) with CLONE. This operation "
        "is unsupported. Try a different target for CLONE or delete the table at the current "
        "target.",
        "0AKDC",
    )
