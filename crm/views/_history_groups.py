"""The changes of a history page, grouped by account, person and time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from itertools import takewhile

from crm.model.changes import DELETED, Change, Undo
from crm.model.schema import ACCOUNTS
from crm.repository import summaries

# One person's operations at most this far apart form one group on the page.
TOGETHER = dt.timedelta(minutes=5)
SHOWN = 5


@dataclass(frozen=True)
class Group:
    """The changes that one person made to one account at about one time, the latest first.

    :param undo: the URL where the current person can undo the operation.
    :param undone: the operation that undid it, or began to.
    """

    person: str
    outside: bool
    bsnid: str
    team: str
    changes: list[Change]
    undo: str = ""
    undone: Undo | None = None

    @classmethod
    def of(cls, change: Change) -> Group:
        return cls(change.person, change.outside, change.bsnid, change.team, [])

    def includes(self, change: Change) -> bool:
        """Return whether an earlier operation of the person belongs to this group."""
        if self.summary or change.summary:
            return False
        same = (self.person, self.outside) == (change.person, change.outside)
        return same and self.moment - moment_of(change) < TOGETHER

    @property
    def summary(self) -> str:
        """The summary of an operation on many rows; empty for other changes."""
        return self.changes[0].summary

    @property
    def undo_label(self) -> str:
        noun = summaries.noun_of(self.summary) if self.summary else "operation"
        return f"Undo the {noun}"

    @property
    def operation(self) -> str:
        return self.changes[0].operation

    @property
    def moment(self) -> dt.datetime:
        return moment_of(self.changes[0])

    @property
    def deletes_account(self) -> bool:
        latest = self.changes[0]
        return latest.table is ACCOUNTS and latest.kind == DELETED

    @property
    def before(self) -> dt.datetime:
        """The last moment before the deletions at the end of these changes."""
        *_, first = takewhile(lambda change: change.kind == DELETED, self.changes)
        return moment_of(first) - dt.timedelta(milliseconds=1)

    @property
    def first(self) -> list[Change]:
        return self.changes[: len(self.changes) - len(self.others)]

    @property
    def others(self) -> list[Change]:
        """The changes that the page collapses, such as those of an import."""
        return self.changes[SHOWN:] if len(self.changes) > SHOWN + 2 else []


def mark_returned(changes: list[Change]) -> list[Change]:
    """Mark the deletions of records that exist again, as later ones of the changes show.

    The latest change comes first.
    """
    exists: dict[tuple[str, str], bool] = {}
    marked = []
    for change in changes:
        is_deletion = change.kind == DELETED
        is_back = exists.setdefault((change.table.name, change.key), not is_deletion)
        marked.append(replace(change, is_back=True) if is_deletion and is_back else change)
    return marked


def grouped(changes: list[Change]) -> list[Group]:
    """Group changes, latest first, by account, operation and person.

    All changes of an account by one operation form one group. So do one person's operations on an
    account that follow each other closely, even with changes of other accounts between them.
    """
    groups: list[Group] = []
    latest: dict[str, Group] = {}
    of_operation: dict[tuple[str, str], Group] = {}
    for change in changes:
        key = (change.bsnid, change.operation)
        group = of_operation.get(key)
        if group is None:
            group = latest.get(change.bsnid)
            if group is None or not group.includes(change):
                group = latest[change.bsnid] = Group.of(change)
                groups.append(group)
            if change.operation:
                of_operation[key] = group
        group.changes.append(change)
    return groups


def moment_of(change: Change) -> dt.datetime:
    assert change.moment is not None  # only the changes of a diff have none
    return change.moment
