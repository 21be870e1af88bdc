"""The newest commits of the tables, and where a part of the change feeds begins that has them."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import islice
from operator import attrgetter

from crm.model.namespace import PastNamespace
from crm.repository import versions
from crm.repository.versions import CLOCKS_DIFFER, Commit, first_since
from crm.warehouse import Warehouse, now

# A process looks for newer commits after this time. Until then its first part grows with them.
FRESH = dt.timedelta(minutes=10)
_moment = attrgetter("moment")


class NewestCommits:
    """The commits of the tables, as far as they are known, and where parts of the feeds begin.

    :param starts: from where the feeds can be read, by table name.
    :param after: commits up to this moment are wanted, where it is given.
    :param reads_all: few rows are wanted, which are read from the feeds' starts.
    """

    def __init__(
        self,
        wh: Warehouse,
        starts: Mapping[str, int],
        after: dt.datetime | None,
        *,
        reads_all: bool = False,
    ) -> None:
        self._starts, self._after = starts, after
        self._lines: dict[str, tuple[Commit, ...]] = {}
        if reads_all:
            return
        known = dict(wh.namespace.versions) if isinstance(wh.namespace, PastNamespace) else {}
        self._found = versions.timelines_until(wh.at(wh.namespace.present), now() - FRESH)
        for table, commits in self._found.commits.items():
            until = known.get(table.name, commits[-1].version)
            self._lines[table.name] = tuple(c for c in commits if c.version <= until)

    def last(self) -> dict[str, int]:
        """Return the last versions at the position after which changes are read, if known."""
        after = self._after
        if not self._lines or not after or after > self._found.read_at - CLOCKS_DIFFER:
            return {}
        return {
            name: commits[max(0, bisect_right(commits, after, key=_moment) - 1)].version
            for name, commits in self._lines.items()
        }

    def first(
        self, count: int, enough: int | None = None
    ) -> tuple[dict[str, int], dt.datetime | None]:
        """Return where a part begins that has the changes of the last ``count`` commits, or of
        fewer that changed ``enough`` rows. Inserted ones do not count: those of an import
        may be passed over.

        The first version of each table, and the moment; no moment if the feeds begin there.
        """
        starts = self._starts
        if not self._lines:
            return dict(starts), None
        newest = merge(*map(self._newest, self._lines.values()), key=_moment, reverse=True)
        read, changed = list[Commit](), 0
        for commit in islice(newest, count):
            read.append(commit)
            changed += commit.changed if self._is_whole(commit) else 0
            if enough is not None and changed >= enough:
                break
        else:
            if len(read) < count:
                return dict(starts), None
        begins = read[-1].moment
        first = {
            name: max(starts[name], first_since(commits, begins))
            for name, commits in self._lines.items()
        }
        return first, None if first == starts else begins

    def since(self, moment: dt.datetime) -> dict[str, int]:
        """Return versions from which the feeds have all that was committed since the moment."""
        starts = self._starts
        first = {
            name: max(starts[name], first_since(commits, moment))
            for name, commits in self._lines.items()
        }
        return self.readable(first) if first else dict(starts)

    def _is_whole(self, commit: Commit) -> bool:
        """Return whether all of its changes are after the position."""
        return self._after is None or commit.moment < self._after

    def _newest(self, commits: tuple[Commit, ...]) -> Iterator[Commit]:
        after = self._after
        end = bisect_right(commits, after, key=_moment) if after else len(commits)
        return (commits[place] for place in range(end - 1, -1, -1))

    def readable(self, first: Mapping[str, int]) -> dict[str, int]:
        """Return versions from which the feeds can be read: not later than the latest."""
        return {
            name: min(version, self._lines[name][-1].version) if self._lines else version
            for name, version in first.items()
        }
