"""The newest commits of the tables, and the versions at which to read the change feeds for
them."""

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

# A process reads newer commits after this time. Until then its first part also includes them.
FRESH = dt.timedelta(minutes=10)
_moment = attrgetter("moment")


class NewestCommits:
    """The known commits of the tables, and the versions at which parts of the feeds begin.

    :param starts: by table name, the version from which the feed can be read.
    :param after: only commits up to this moment are wanted, if given.
    :param reads_all: whether to read from the feeds' starts, because few rows are wanted.
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
        """Return the last versions at ``after``, by table name; empty if unknown."""
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
        """Return the beginning of a part with the last ``count`` commits, or with fewer that
        changed ``enough`` rows. Inserted rows do not count, since those of an import may be
        skipped.

        It is the first version of each table, and the moment; None if the feeds begin there.
        """
        starts = self._starts
        if not self._lines:
            return dict(starts), None
        newest = merge(*map(self._newest, self._lines.values()), key=_moment, reverse=True)
        read, changed = list[Commit](), 0
        for commit in islice(newest, count):
            read.append(commit)
            # A commit that does not say how many rows it changed may have changed none.
            changed += (commit.changed or 0) if self._is_whole(commit) else 0
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
        """Return versions from which the feeds have all commits since the moment."""
        starts = self._starts
        first = {
            name: max(starts[name], first_since(commits, moment))
            for name, commits in self._lines.items()
        }
        return self.readable(first) if first else dict(starts)

    def _is_whole(self, commit: Commit) -> bool:
        """Return whether all changes of the commit are after the position."""
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
