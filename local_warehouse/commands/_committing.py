"""Commits that change a table's description, in the log first and then in the catalog."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from deltalake import DeltaTable

from local_warehouse.catalog import properties
from local_warehouse.catalog.objects import Table
from local_warehouse.context import Context
from local_warehouse.delta import log
from local_warehouse.delta import metadata as description
from local_warehouse.delta.history_terms import compact
from local_warehouse.errors import metadata_changed

from . import columns


@dataclass
class Draft:
    """A copy of a table's description, to be changed and then committed whole."""

    table: Table
    operation: str = ""  # nothing is to be committed
    parameters: dict = field(default_factory=dict)
    was: dict[str, str] | None = None  # where columns were renamed or dropped: new name → old

    def tell(self, operation: str, **parameters) -> None:
        """How the history calls the change. ``columns``, as a list, are those that were added or
        changed: how they are now is told."""
        self.operation, self.parameters = operation, parameters


@contextmanager
def changing(table: Table, context: Context) -> Iterator[Draft]:
    """Commit what the block makes of the draft; nothing, if the block raises."""
    with context.commits.exclusively(table, context.cancellation):
        draft = Draft(copy.deepcopy(table))
        yield draft
        properties.check(draft.table, table)
        if draft.operation:
            _commit(table, draft, context)


def _commit(table: Table, draft: Draft, context: Context) -> None:
    location = context.catalog.location(table)
    delta = DeltaTable(location)
    if not description.agrees(table, delta):  # or a renamed column's values would be lost
        raise metadata_changed(table.full_name)
    version = delta.version() + 1
    note_version(draft.table, table, version, breaks_changes=draft.was is not None)
    files = [] if draft.was is None else columns.rewrite(draft.table, location, draft.was)
    fields = _fields(draft, delta, context)
    schema = json.dumps({"type": "struct", "fields": fields})
    actions = [
        log.info(draft.operation, _parameters(draft, fields)),
        description.action(draft.table, schema, delta.metadata().configuration, delta),
        *files,
    ]
    commit(table, draft.table, version, actions, context)


def _fields(draft: Draft, delta: DeltaTable, context: Context) -> list[dict]:
    """The columns as Delta's schema describes them."""
    known = {f["name"].lower(): f for f in json.loads(delta.schema().to_json())["fields"]}
    was = draft.was or {}
    fields = []
    for column in draft.table.columns:
        found = known.get(was.get(column.name.lower(), column.name.lower()))
        if found is None:
            found = log.new_field(column.name, column.type, context.engine)
        metadata = {k: v for k, v in found["metadata"].items() if k != "comment"}
        if column.comment:
            metadata["comment"] = column.comment
        told = {"name": column.name, "nullable": column.nullable, "metadata": metadata}
        fields.append({**found, **told})
    return fields


def _parameters(draft: Draft, fields: list[dict]) -> dict[str, str | None]:
    names = draft.parameters.get("columns")
    if not isinstance(names, list):
        return draft.parameters
    wanted = {name.lower() for name in names}
    told = [each for each in fields if each["name"].lower() in wanted]
    if draft.operation == "ADD COLUMNS":
        return {"columns": compact([{"column": each} for each in told])}
    return {"column": compact(told[0])}


def note_version(draft: Table, table: Table, version: int, *, breaks_changes: bool) -> None:
    """Set what the description says of the version that it comes with: from where on changes are
    recorded, and in how far they can be read."""
    draft.feed_since, draft.schema_since = table.feed_since, table.schema_since
    if draft.has_change_feed and not table.has_change_feed:
        draft.feed_since = version
    if breaks_changes:
        draft.schema_since = version


def commit(
    table: Table, draft: Table, version: int, actions: Iterable[dict], context: Context
) -> None:
    """Make the table what the draft is; whoever calls holds it. Raises SqlError.

    A kill may come anywhere: what the log has, the next start reads from there.
    """
    location = context.catalog.location(table)
    same = description.has_shape_of(table, draft)
    renewing = nullcontext() if same else context.engine.renewing(table.id, str(location))
    with renewing:
        log.commit(location, version, actions)
        description.adopt(table, draft)
    context.catalog.changed(table)
    context.commits.record(table, version, context.session.user, context.statement_id)
