"""Commit a change of a table's description: to the Delta log first, then to the catalog."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from deltalake import DeltaTable

from local_warehouse.catalog import properties
from local_warehouse.catalog.objects import Table
from local_warehouse.context import Context
from local_warehouse.delta import log, metadata
from local_warehouse.delta.log import Action, Parameters
from local_warehouse.delta.operation_details import compact_json
from local_warehouse.errors import metadata_changed

from . import columns


@dataclass
class Draft:
    """A copy of a table's description, to be changed and then committed as a whole.

    ``operation`` and ``parameters`` are what DESCRIBE HISTORY shows for the commit; without an
    operation, nothing is committed. ``changed_columns`` names the columns whose new definitions
    become parameters, too. ``old_names`` is set where columns were renamed or dropped: it maps
    the new names to the old ones, in lower case.
    """

    table: Table
    operation: str = ""
    parameters: dict[str, str | None] = field(default_factory=dict)
    changed_columns: list[str] = field(default_factory=list)
    old_names: dict[str, str] | None = None

    def set_operation(
        self, operation: str, changed_columns: Iterable[str] = (), **parameters: str | None
    ) -> None:
        self.operation, self.parameters = operation, parameters
        self.changed_columns = list(changed_columns)


@contextmanager
def changing(table: Table, context: Context) -> Iterator[Draft]:
    """Give the block a draft and commit it at the end; if the block raises, commit nothing."""
    with context.commits.exclusively(table, context.cancellation):
        draft = Draft(copy.deepcopy(table))
        yield draft
        properties.check(draft.table, table)
        if draft.operation:
            _commit_draft(table, draft, context)


def _commit_draft(table: Table, draft: Draft, context: Context) -> None:
    location = context.catalog.location(table)
    delta = DeltaTable(location)
    if not metadata.has_same_columns(table, delta):  # a renamed column would lose its values
        raise metadata_changed(table.full_name)
    version = delta.version() + 1
    is_rewritten = draft.old_names is not None
    note_version(draft.table, table, version, breaks_change_feed=is_rewritten)
    files: list[Action] = []
    if draft.old_names is not None:
        files = columns.rewrite_files(draft.table, location, draft.old_names)
    fields = _schema_fields(draft, delta, context)
    schema = json.dumps({"type": "struct", "fields": fields})
    actions = [
        log.commit_info_action(draft.operation, _parameters(draft, fields)),
        metadata.action(draft.table, schema, delta.metadata().configuration, delta),
        *files,
    ]
    commit(table, draft.table, version, actions, context)


def _schema_fields(draft: Draft, delta: DeltaTable, context: Context) -> list[log.Field]:
    """Return the draft's columns as fields of a Delta schema."""
    known = {f["name"].lower(): f for f in json.loads(delta.schema().to_json())["fields"]}
    old_names = draft.old_names or {}
    fields = []
    for column in draft.table.columns:
        name = column.name.lower()
        found = known.get(old_names.get(name, name))
        if found is None:
            found = log.new_field(column.name, column.type, context.engine)
        extra = {k: v for k, v in found["metadata"].items() if k != "comment"}
        if column.comment:
            extra["comment"] = column.comment
        changed = {"name": column.name, "nullable": column.nullable, "metadata": extra}
        fields.append({**found, **changed})
    return fields


def _parameters(draft: Draft, fields: list[log.Field]) -> Parameters:
    if not draft.changed_columns:
        return draft.parameters
    wanted = {name.lower() for name in draft.changed_columns}
    changed = [each for each in fields if each["name"].lower() in wanted]
    if draft.operation == "ADD COLUMNS":
        return {"columns": compact_json([{"column": each} for each in changed])}
    return {"column": compact_json(changed[0])}


def note_version(draft: Table, table: Table, version: int, *, breaks_change_feed: bool) -> None:
    """Set the draft's versions: since when changes are recorded, and since when they can be read
    with the present columns."""
    draft.feed_since, draft.schema_since = table.feed_since, table.schema_since
    if draft.has_change_feed and not table.has_change_feed:
        draft.feed_since = version
    if breaks_change_feed:
        draft.schema_since = version
    for column in draft.columns:
        before = table.column(column.name)
        if before is None or column.nullable:
            column.not_null_since = 0
        else:
            column.not_null_since = version if before.nullable else before.not_null_since


def commit(
    table: Table, draft: Table, version: int, actions: Iterable[Action], context: Context
) -> None:
    """Commit the actions, and copy the draft to the table. Raises SqlError.

    The caller holds the table. If the process is killed between log and catalog, the next start
    reads the description from the log.
    """
    location = context.catalog.location(table)
    with ExitStack() as stack:
        if not metadata.has_same_types(table, draft):
            stack.enter_context(context.engine.reregistering(table.id, str(location)))
        log.commit(location, version, actions)
        metadata.apply_draft(table, draft)
    context.catalog.changed(table)
    context.commits.record(table, version, context.session.user, context.statement_id)
