"""Commits that change a table's description, in the log first and then in the catalog."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext

from .. import delta_log, description
from ..catalog import Table
from ..context import Context


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
        delta_log.commit(location, version, actions)
        description.adopt(table, draft)
    context.catalog.changed(table)
    context.commits.record(table, version, context.session.user, context.statement_id)
