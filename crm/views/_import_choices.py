"""The choices in the preview of an import. Changing one makes a new preview."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from crm.forms.import_file import EMPTY_CHOICES
from crm.importing.importer import UPDATE
from crm.importing.jobs import job as jobs
from crm.importing.jobs.job import Job

from ._wording import counted


@dataclass(frozen=True)
class Conflict:
    """A field changed both in the file and in the CRM. ``is_taken``: the file's value is used."""

    field: str
    label: str
    is_taken: bool


@dataclass(frozen=True)
class Choices:
    """``empty`` are the choices for empty cells; ``cleared`` says how many fields become empty."""

    conflicts: list[Conflict]
    empty: tuple[tuple[str, str], ...]
    chosen_empty: str
    cleared: str


def offered(job: Job) -> Choices | None:
    """Return the choices of the preview; None without a preview, or if no row changes."""
    options, tables = job.options, job.state["tables"]
    if job.phase != jobs.PREVIEW or options.on_conflict != UPDATE:
        return None
    if not any(table[name] for table in tables for name in ("different", "unchanged", "stale")):
        return None
    conflicts = [
        Conflict(
            each["field"],
            f"{each['label']} of {counted(each['rows'], table['singular'], table['plural'])}",
            each["field"] in options.taken,
        )
        for table in tables
        for each in table["conflicts"]
    ]
    cleared = sum(table["cleared"] for table in tables)
    words = f"{counted(cleared, 'field')} would be cleared" if cleared else ""
    return Choices(conflicts, EMPTY_CHOICES, options.empty, words)


def changed(job: Job, data: QueryDict) -> dict[str, Any]:
    """Return the options that the person changed; empty if none."""
    choices = offered(job)
    if choices is None or "choices" not in data:
        return {}
    fields = {each.field for each in choices.conflicts}
    hidden = set(job.options.taken) - fields
    taken = sorted(hidden | (fields & set(data.getlist("take"))))
    empty = data.get("empty", "")
    if empty not in dict(choices.empty):
        empty = job.options.empty
    if taken == sorted(job.options.taken) and empty == job.options.empty:
        return {}
    return {"taken": taken, "empty": empty}
