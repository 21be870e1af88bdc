"""What became of a record, field by field and in plain words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .schema import (
    ACCOUNTS,
    PLATFORMS_STATUS,
    UPDATES,
    USE_CASES,
    Column,
    Table,
)

CREATED, CHANGED, DELETED = "created", "changed", "deleted"
KINDS = (CREATED, CHANGED, DELETED)
_GIST = 80

Values = Mapping[str, str]


@dataclass(frozen=True)
class FieldChange:
    """One field, before and after; texts, empty where there is nothing."""

    column: Column
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One record's own columns before and after: None where it was not there.

    ``person`` is empty where nobody knows who it was; ``outside`` says that it did not happen
    through the CRM (a SQL editor, an import, a restore), ``returned`` that a deleted record came
    back.
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
    outside: bool = False
    returned: bool = False

    @property
    def kind(self) -> str:
        if self.before is None:
            return CREATED
        return DELETED if self.after is None else CHANGED

    @cached_property
    def fields(self) -> tuple[FieldChange, ...]:
        """The fields that differ; for what was created or deleted, those that hold something."""
        before, after = self.before or {}, self.after or {}
        keys = {self.table.key, self.table.parent_key}
        return tuple(
            FieldChange(column, before.get(column.name, ""), after.get(column.name, ""))
            for column in self.table.own_columns
            if column.name not in keys
            and before.get(column.name, "") != after.get(column.name, "")
        )

    @property
    def values(self) -> Values:
        """The record: as it became or, deleted, as it was."""
        return self.after if self.after is not None else self.before or {}

    @property
    def name(self) -> str:
        """What people call the record."""
        values = self.values
        if self.table is ACCOUNTS:
            return values.get("team") or self.key
        if self.table is PLATFORMS_STATUS:
            return values.get("platform") or "a platform"
        return _shortened(values.get("problem") or values.get("description") or "")

    @property
    def what(self) -> str:
        """What was done, after the name of who did it: ``moved Databricks from … to …``."""
        if self.returned:
            return f"brought back {self.subject}"
        if self.table is PLATFORMS_STATUS:
            return self._platform()
        changed = {field.column.name: field for field in self.fields}
        subject = self.subject
        if self.kind != CHANGED:
            return f"{self.kind} {subject}" if self.table is not UPDATES else self._update()
        if self.table is USE_CASES and list(changed) == ["status"]:
            field = changed["status"]
            return f"moved {subject} from {field.before or 'no status'} to {field.after or 'none'}"
        return f"changed {_listed([_label(field.column) for field in self.fields])} of {subject}"

    @property
    def subject(self) -> str:
        """The record, as it stands in a sentence: ``the use case “…”``."""
        if self.table is PLATFORMS_STATUS:
            return f"{self.name}, {self.values.get('status') or 'without a status'}"
        if self.table is ACCOUNTS:
            return f"the account {self.name}"
        return f"the {self.table.singular} “{self.name}”" if self.name else self.table.singular

    def _update(self) -> str:
        return f"{'wrote' if self.kind == CREATED else 'deleted'} {self.subject}"

    def _platform(self) -> str:
        before, after = self.before or {}, self.after or {}
        was, now = before.get("status") or "no status", after.get("status") or "no status"
        if self.kind == CREATED:
            return f"set {self.name} to {now}"
        if self.kind == DELETED:
            return f"removed {self.name}, which was {was}"
        if before.get("platform") != after.get("platform"):
            return f"changed {before.get('platform')} ({was}) to {self.name} ({now})"
        return f"moved {self.name} from {was} to {now}"


def values_of(table: Table, row: Mapping[str, Any] | None) -> dict[str, str] | None:
    """A row's own columns as texts, None for no row; dates in ISO 8601."""
    if row is None:
        return None
    return {
        column.name: "" if row.get(column.name) is None else str(row[column.name])
        for column in table.own_columns
    }


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _GIST else f"{line[:_GIST].rstrip()}…"


def _label(column: Column) -> str:
    """“The Update of the update” would be said twice."""
    return "the text" if column is UPDATES.column("description") else column.label


def _listed(labels: list[str]) -> str:
    if not labels:
        return "nothing that shows"
    *others, last = labels
    return f"{', '.join(others)} and {last}" if others else last
