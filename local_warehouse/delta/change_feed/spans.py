"""When a table's change data feed was on: the catalog knows since when it is, the log the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator

from local_warehouse.catalog.objects import CHANGE_FEED, Table
from local_warehouse.delta.commits import Commits

Span = tuple[int, int | None]  # from a version until before another


class Spans:
    """The versions that were recorded. Safe to use from many threads."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._known: dict[str, tuple[int, list[Span]]] = {}

    def of(self, table: Table) -> list[Span]:
        if table.has_change_feed and not table.feed_since:
            return [(0, None)]
        known = self._known.get(table.id)
        if known is None or known[0] != table.epoch:
            known = self._known[table.id] = (table.epoch, list(self._look(table)))
        return known[1]

    def unrecorded(self, table: Table, start: int, end: int) -> int | None:
        """The first version of a range that was not recorded."""
        if table.has_change_feed and start >= (table.feed_since or 0):
            return None
        for first, after in self.of(table):
            if first <= start and (after is None or start < after):
                return after if after is not None and after <= end else None
        return start

    def _look(self, table: Table) -> Iterator[Span]:
        switched = list(self._switched(table))
        # The catalog notes only switching on: where that never was, it was on from the start.
        was_on = not switched[0][1] if switched and table.feed_since else bool(switched)
        since = 0 if was_on else None
        for version, on in switched:
            if on and since is None:
                since = version
            elif not on and since is not None:
                yield since, version
                since = None
        if table.has_change_feed:
            yield table.feed_since or 0, None

    def _switched(self, table: Table) -> Iterator[tuple[int, bool]]:
        earliest = self._commits.reach(table).commits
        for version in range(earliest, self._commits.version(table) + 1):
            info = self._commits.info(table, version)
            if info.get("operation") in ("CLONE", "RESTORE") and version:
                told = self._commits.description(table, version)
                yield version, version == table.feed_since if told is None else _is_on(told)
            elif (on := _switch(info)) is not None:
                yield version, on


def _is_on(description: dict) -> bool:
    said = {name.lower(): value for name, value in description["properties"].items()}
    return said.get(CHANGE_FEED, "").lower() == "true"


def _switch(info: dict) -> bool | None:
    """What ALTER TABLE said of the feed; None if nothing."""
    operation = info.get("operation")
    if operation not in ("SET TBLPROPERTIES", "UNSET TBLPROPERTIES"):
        return None
    said = json.loads(info.get("operationParameters", {}).get("properties", "{}"))
    found = [name for name in said if name.lower() == CHANGE_FEED]
    if not found:
        return None
    return operation == "SET TBLPROPERTIES" and said[found[-1]].lower() == "true"
