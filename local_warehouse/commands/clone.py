"""CREATE TABLE … [DEEP|SHALLOW] CLONE: a table with the files of another, at some version.

A clone takes schema, nullability, CHECK constraints, properties and clustering of that version
along, but neither keys, grants, row filters, masks nor the description
(https://docs.databricks.com/delta/clone). Files are hard-linked: no file of a Delta table is
ever changed, so either table may drop its own without harm to the other. That is what a deep clone
promises, and what Unity Catalog promises of a shallow one: VACUUM of the source spares the files
that the clone needs (https://docs.databricks.com/delta/clone-unity-catalog). So the two differ in
what they report.
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
from local_warehouse.catalog.securables import MANAGE, schema_
from local_warehouse.context import Context
from local_warehouse.delta import log, metadata
from local_warehouse.delta.files import Files
from local_warehouse.delta.time_travel import vacuumed
from local_warehouse.errors import SqlError, unsupported
from local_warehouse.result import NOTHING, NUMBER, Result, rows
from local_warehouse.sql.parsing import Words
from local_warehouse.sql.policies import is_protected
from local_warehouse.statements import version_clause

from . import policies
from ._committing import commit, note_version

# https://docs.databricks.com/sql/language-manual/delta-clone (clone metrics), and what
# DESCRIBE HISTORY calls the same.
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
class _Wanted:
    """What is to be cloned, and how."""

    source: Table
    version: int | None
    is_shallow: bool
    properties: dict[str, str]


def create(words: Words, context: Context, *, replaces: bool = False) -> Result:
    tolerant = words.accept("IF", "NOT", "EXISTS")
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
    wanted = _Wanted(source, version, is_shallow, _properties(words))
    place = context.resolver.parts(node)
    found = context.catalog.find(*place)
    if found is None:
        context.catalog.schema(*place[:2])
        context.access.require("CREATE TABLE", schema_(*place[:2]))
        return _create(place, wanted, context)
    if tolerant:
        return NOTHING
    if not replaces:
        raise table_exists(found.full_name)
    target = context.resolver.table(node, MANAGE)
    if target is source:
        raise _onto_itself(target)
    return _replace(target, wanted, context)


def _properties(words: Words) -> dict[str, str]:
    given = {}
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


def _create(place: tuple[str, str, str], wanted: _Wanted, context: Context) -> Result:
    table = Table(*place, [], context.session.user)
    location = context.catalog.location(table)
    with context.commits.exclusively(wanted.source, context.cancellation), _undone(location):
        (location / "_delta_log").mkdir(parents=True)
        delta = _open(wanted, context)
        _describe(table, wanted, delta)
        note_version(table, Table(*place, [], ""), 0, breaks_changes=False)
        files = _link(delta, wanted, location, context)
        copied = log.added(files.sizes, changes_data=True)
        values = _values(files, Files({}), wanted)
        configuration = delta.metadata().configuration
        actions = [
            _info(wanted, delta, values),
            _protocol(delta),
            metadata.action(table, delta.schema().to_json(), configuration),
            *copied,
        ]
        log.commit(location, 0, actions)
        context.engine.register(table.id, str(location))
        context.catalog.add_table(table)
    context.commits.record(table, 0, context.session.user, context.statement_id)
    return rows(dict.fromkeys(COLUMNS, NUMBER), [values])


def _replace(table: Table, wanted: _Wanted, context: Context) -> Result:
    location = context.catalog.location(table)
    with _both(table, wanted.source, context):
        delta, own = _open(wanted, context), DeltaTable(location)
        made, before = own.version() + 1, Files.of(own)
        draft = replace(table, constraints=[])
        _describe(draft, wanted, delta)
        policies.require_columns(table, draft)
        same = metadata.has_shape_of(table, draft)
        note_version(draft, table, made, breaks_changes=not same)
        files = _link(delta, wanted, location, context)
        values = _values(files, before, wanted)
        configuration = delta.metadata().configuration
        actions = [
            _info(wanted, delta, values),
            *_newer_protocol(delta, own),
            metadata.action(draft, delta.schema().to_json(), configuration, own),
            *log.removed(before.sizes, changes_data=True),
            *log.added(files.sizes, changes_data=True),
        ]
        commit(table, draft, made, actions, context)
    return rows(dict.fromkeys(COLUMNS, NUMBER), [values])


@contextmanager
def _both(one: Table, other: Table, context: Context) -> Iterator[None]:
    """Hold two tables, always in the same order: two clones may be made crosswise. Held against a
    VACUUM, the source keeps the files that the clone is to have."""
    with ExitStack() as stack:
        for table in sorted((one, other), key=lambda table: table.id):
            stack.enter_context(context.commits.exclusively(table, context.cancellation))
        yield


@contextmanager
def _undone(location: Path) -> Iterator[None]:
    """Leave no folder of a table that did not come to be."""
    try:
        yield
    except BaseException:
        shutil.rmtree(location, ignore_errors=True)
        raise


def _open(wanted: _Wanted, context: Context) -> DeltaTable:
    try:
        return DeltaTable(context.catalog.location(wanted.source), version=wanted.version)
    except DeltaError as error:
        raise SqlError("DELTA_VERSION_NOT_FOUND", str(error), "22003") from error


def _describe(table: Table, wanted: _Wanted, delta: DeltaTable) -> None:
    """As the source was; the table keeps its own comment and masks."""
    then = metadata.as_of(wanted.source, delta)
    masks = {column.name.lower(): column.mask for column in table.columns}
    table.columns = [replace(c, mask=masks.get(c.name.lower())) for c in then.columns]
    table.cluster_by = then.cluster_by
    table.properties = then.properties | wanted.properties
    table.checks = then.checks
    properties.check(table, then)


def _link(delta: DeltaTable, wanted: _Wanted, target: Path, context: Context) -> Files:
    """The files of a version, which are the target's, too, under names of their own: those that a
    killed attempt left must not be in the way. Raises SqlError where some are gone."""
    source = context.catalog.location(wanted.source)
    linked = {}
    try:
        for path, size in Files.of(delta).sizes.items():
            name = f"part-{uuid.uuid4()}.snappy.parquet"
            os.link(source / path, target / name)
            linked[name] = size
    except FileNotFoundError:
        for name in linked:
            (target / name).unlink(missing_ok=True)
        raise vacuumed(wanted.source, delta.version()) from None
    return Files(linked)


def _info(wanted: _Wanted, delta: DeltaTable, values: tuple[int, ...]) -> dict:
    parameters = {
        "source": wanted.source.full_name,
        "sourceVersion": str(delta.version()),
        "isShallow": str(wanted.is_shallow).lower(),
    }
    return log.info("CLONE", parameters, dict(zip(COLUMNS.values(), values, strict=True)))


def _protocol(delta: DeltaTable) -> dict:
    protocol = delta.protocol()
    versions_ = {
        "minReaderVersion": protocol.min_reader_version,
        "minWriterVersion": protocol.min_writer_version,
    }
    features = {
        "readerFeatures": protocol.reader_features,
        "writerFeatures": protocol.writer_features,
    }
    return {"protocol": versions_ | {key: value for key, value in features.items() if value}}


def _newer_protocol(delta: DeltaTable, own: DeltaTable) -> list[dict]:
    """What the source's columns may need that the table's did not."""
    is_newer = delta.protocol().min_writer_version > own.protocol().min_writer_version
    return [_protocol(delta)] if is_newer else []


def _values(source: Files, removed: Files, wanted: _Wanted) -> tuple[int, ...]:
    copied = Files({}) if wanted.is_shallow else source
    return (source.size, len(source), len(removed), len(copied), removed.size, copied.size)


def _onto_itself(table: Table) -> SqlError:
    return SqlError(
        "DELTA_UNSUPPORTED_CLONE_REPLACE_SAME_TABLE",
        f"You tried to REPLACE an existing table ({table.full_name}) with CLONE. This operation "
        "is unsupported. Try a different target for CLONE or delete the table at the current "
        "target.",
        "0AKDC",
    )
