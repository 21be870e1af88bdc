"""The versions during which a table's change data feed was on.

The catalog has the version since which the feed is on now; the log has the earlier spans.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from local_warehouse.catalog.objects import CHANGE_FEED, Table
from local_warehouse.delta.commits import Commits

Span = tuple[int, int | None]  # the first version, and the one after the last (None: still on)


class RecordedSpans:
    """The spans of versions whose changes were recorded. Safe to use from many threads."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._known: dict[str, tuple[int, list[Span]]] = {}

    def of(self, table: Table) -> list[Span]:
        """Return the spans of a table, the earliest first."""
        if table.has_change_feed and not table.feed_since:
            return [(0, None)]
        known = self._known.get(table.id)
        if known is None or known[0] != table.epoch:
            known = self._known[table.id] = (table.epoch, list(self._read_log(table)))
        return known[1]

    def unrecorded(self, table: Table, start: int, end: int) -> int | None:
        """Return the first version of a range that was not recorded; None if all were."""
        if table.has_change_feed and start >= (table.feed_since or 0):
            return None
        for first, after in self.of(table):
            if first <= start and (after is None or start < after):
                return after if after is not None and after <= end else None
        return start

    def _read_log(self, table: Table) -> Iterator[Span]:
        switches = list(self._switches(table))
        # The catalog notes when the feed was switched on; if it never was, it was on at first.
        was_on = not switches[0][1] if switches and table.feed_since else bool(switches)
        since = 0 if was_on else None
        for version, on in switches:
            if on and since is None:
                since = version
            elif not on and since is not None:
                yield since, version
                since = None
        if table.has_change_feed:
            yield table.feed_since or 0, None

    def _switches(self, table: Table) -> Iterator[tuple[int, bool]]:
        """The versions that switched the feed, each with whether it was on from then."""
        earliest = self._commits.earliest(table).commit
        for version in range(earliest, self._commits.version(table) + 1):
            info = self._commits.info(table, version)
            if info.get("operation") in ("CLONE", "RESTORE") and version:
                description = self._commits.description(table, version)
                if description is None:
                    yield version, version == table.feed_since
                else:
                    yield version, _is_on(description["properties"])
            elif (on := _switch(info)) is not None:
                yield version, on


def _is_on(properties: Mapping[str, str]) -> bool:
    lower = {name.lower(): value for name, value in properties.items()}
    return lower.get(CHANGE_FEED, "").lower() == "true"


def _switch(info: Mapping[str, Any]) -> bool | None:
    """Return whether an ALTER TABLE switched the feed on or off; None if it did neither."""
    operation = info.get("operation")
    if operation not in ("SET TBLPROPERTIES", "UNSET TBLPROPERTIES"):
        return None
    # A map of properties that were set, or a list of names that were unset.
    properties = json.loads(info.get("operationParameters", {}).get("properties", "{}"))
    found = [name for name in properties if name.lower() == CHANGE_FEED]
    if not found:
        return None
    if operation == "UNSET TBLPROPERTIES":
        return False
    value: str = properties[found[-1]]
    return value.lower() == "true"
