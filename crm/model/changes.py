"""The changes of a record: its fields, and a sentence that describes them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .links import fits_in_path
from .schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Column, Table

CREATED, CHANGED, DELETED = "created", "changed", "deleted"
KINDS = (CREATED, CHANGED, DELETED)
_NAME_LENGTH = 80

Values = Mapping[str, str]


def kind_of(before: object, after: object) -> str:
    """Return what happened to a row that was ``before`` and is ``after``, each None if absent."""
    if before is None:
        return CREATED
    return DELETED if after is None else CHANGED


@dataclass(frozen=True)
class FieldChange:
    """The values of one field before and after a change; empty texts for NULL."""

    column: Column
    before: str
    after: str


@dataclass(frozen=True)
class Undo:
    """The revert of a whole operation: its person, its summary, and its beginning.

    :param finished: when it was finished; None if it failed or is still running.
    """

    person: str
    summary: str
    began: dt.datetime
    finished: dt.datetime | None

    @property
    def moment(self) -> dt.datetime:
        return self.finished or self.began


@dataclass  # not frozen: 500 of these would take 2 ms longer to make
class Change:
    """One change of one record.

    :param before: the record's own columns before the change; None if it did not exist.
    :param after: the record's own columns after the change; None if it was deleted.
    :param team: the team of the record's account.
    :param version: the Delta version of the table that made the change.
    :param person: the person who made the change; empty if unknown.
    :param operation: the id of the operation that made the change; empty if unknown.
    :param summary: the summary of an operation on many rows; pages show it after the person's
        name.
    :param note: the person's note on the operation.
    :param removes_reason: whether the person removed the reason of a status.
    :param changes: how many of the wanted changes the operation made; None if not counted.
    :param started_at: the beginning of the import or bulk change that made the change.
    :param undo: the revert of that operation; None if nobody tried one.
    :param outside: whether it was made outside the CRM, such as in an SQL editor or by a restore.
    :param returned: whether a deleted record was inserted again.
    :param is_back: whether a later change on the page shows that the deleted record exists again.
    """

    table: Table
    key: str
    bsnid: str
    before: Values | None
    after: Values | None
    team: str = ""
    version: int | None = None
    moment: dt.datetime | None = None
    person: str = ""
    operation: str = ""
    summary: str = ""
    note: str = ""
    removes_reason: bool = False
    changes: int | None = 1
    started_at: dt.datetime | None = None
    undo: Undo | None = None
    outside: bool = False
    returned: bool = False
    is_back: bool = False

    @property
    def has_address(self) -> bool:
        return fits_in_path(self.key)

    @property
    def kind(self) -> str:
        return kind_of(self.before, self.after)

    @cached_property
    def fields(self) -> tuple[FieldChange, ...]:
        """Return the changed fields; for a created or deleted record those with a value."""
        before, after = self.before or {}, self.after or {}
        values = (
            (column, before.get(column.name, ""), after.get(column.name, ""))
            for column in self.table.editable
        )
        return tuple(FieldChange(column, was, now) for column, was, now in values if was != now)

    @property
    def values(self) -> Values:
        """Return the record after the change or, if it was deleted, before."""
        return self.after if self.after is not None else self.before or {}

    @property
    def name(self) -> str:
        """Return the name of the record."""
        values = self.values
        if self.table is ACCOUNTS:
            return values.get("team") or self.key
        if self.table is PLATFORMS_STATUS:
            return values.get("platform") or "a platform"
        return _shortened(values.get("problem") or values.get("description") or "")

    @property
    def reason(self) -> str:
        """Return the reason of a status; empty without one, and for other records."""
        has_status = self.table in (PLATFORMS_STATUS, USE_CASES) and self.kind != DELETED
        return self.note if has_status else ""

    @property
    def what(self) -> str:
        """Return a description to follow the person's name: ``moved X from … to …``."""
        if self.returned:
            return f"restored {self.subject}"
        if self.table is PLATFORMS_STATUS:
            return self._platform()
        changed = {field.column.name: field for field in self.fields}
        subject = self.subject
        if self.kind != CHANGED:
            return f"{self.kind} {subject}" if self.table is not UPDATES else self._update()
        if self.table is USE_CASES and list(changed) == ["status"]:
            field = changed["status"]
            before, after = field.before or "no status", field.after or "no status"
            return f"moved {subject} from {before} to {after}{self._and_moved()}"
        if not changed:
            return self._unchanged()
        labels = _listed([_label(field.column) for field in self.fields])
        return f"changed {labels} of {subject}{self._and_moved()}"

    @property
    def subject(self) -> str:
        """Return the record as part of a sentence: ``the use case “…”``."""
        if self.table is PLATFORMS_STATUS:
            return f"{self.name}, {self.values.get('status') or 'without a status'}"
        if self.table is ACCOUNTS:
            return f"the account {self.name}"
        return f"the {self.table.singular} “{self.name}”" if self.name else self.table.singular

    def _update(self) -> str:
        return f"{'wrote' if self.kind == CREATED else 'deleted'} {self.subject}"

    def _unchanged(self) -> str:
        """Describe a change without changed fields: a child may have moved to another account."""
        if accounts := self._other_account():
            return f"moved {self.subject} {accounts}"
        if self.reason or self.removes_reason:
            done = "gave a reason for" if self.reason else "removed the reason of"
            return f"{done} {self.subject}"
        return f"saved {self.subject} without changing it"

    def _other_account(self) -> str:
        """Describe the move of a child to another account; empty if it did not move."""
        parent = self.table.parent_key
        before, after = (values.get(parent, "") for values in (self.before or {}, self.values))
        return f"from the account {before or '(none)'} to {after}" if before != after else ""

    def _and_moved(self) -> str:
        accounts = self._other_account()
        return f", and moved it {accounts}" if accounts else ""

    def _platform(self) -> str:
        before, after = self.before or {}, self.after or {}
        was, now = before.get("status") or "no status", after.get("status") or "no status"
        if self.kind == CREATED:
            return f"set {self.name} to {now}"
        if self.kind == DELETED:
            return f"removed {self.name}, which was {was}"
        if before.get("platform") != after.get("platform"):
            text = f"changed {before.get('platform')} ({was}) to {self.name} ({now})"
            return f"{text}{self._and_moved()}"
        if was == now:
            return self._unchanged()
        return f"moved {self.name} from {was} to {now}{self._and_moved()}"


def values_of(table: Table, row: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return a row's own columns as texts, dates in ISO 8601; None for no row."""
    if row is None:
        return None
    found = ((name, row.get(name)) for name in table.own_names)
    return {name: "" if value is None else str(value) for name, value in found}


class LazyValues(Mapping[str, str]):
    """``values_of`` a row in JSON, parsed on demand, since a page shows 100 of 500 records."""

    __slots__ = ("_parsed", "_row", "_table")

    def __init__(self, table: Table, row: str) -> None:
        self._table, self._row = table, row
        self._parsed: dict[str, str] | None = None

    def _values(self) -> dict[str, str]:
        if self._parsed is None:
            self._parsed = values_of(self._table, json.loads(self._row)) or {}
        return self._parsed

    def __getitem__(self, name: str) -> str:
        return self._values()[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self._values().get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _NAME_LENGTH else f"{line[:_NAME_LENGTH].rstrip()}…"


def _label(column: Column) -> str:
    # Avoid "the Update of the update".
    return "the text" if column is UPDATES.column("description") else column.label


def _listed(labels: list[str]) -> str:
    *others, last = labels
    return f"{', '.join(others)} and {last}" if others else last
