"""Two edits of one record, made at the same time, put together field by field.

What a field said when the form was shown is known by its fingerprint. A field that only one of
the two changed is that one's; where both wrote the same, there is nothing to ask; where each wrote
something else, the person is asked.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from crm.model.schema import Column

from .fields import posted
from .records import RecordForm, fingerprint

# Comparing word by word takes time by the square of the length.
_COMPARABLE = 20_000


@dataclass(frozen=True)
class Asked:
    """A field that both changed: what is saved now, and the parts of it that differ."""

    column: Column
    theirs: Any
    parts: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Merged:
    """``form`` is a change to the record as it is now. ``kept`` are fields that only others
    changed."""

    form: RecordForm
    asked: tuple[Asked, ...]
    kept: tuple[Column, ...]


def merge(form: RecordForm, current: Any) -> Merged:
    """``form``, filled in for an older version, as a change to ``current``.

    A form that does not say what it was shown with is asked about each field that differs.
    """
    before = set(form.data.get("shown", "").split())
    merged = form.again(current)
    asked, kept = [], []
    for column in form.open_columns:
        mine, theirs = (
            merged.said(column.name, value)
            for value in (form.data.get(column.name), getattr(current, column.name))
        )
        if fingerprint(mine) == fingerprint(theirs):
            continue
        if _unchanged(column, mine, before):
            merged.data[column.name] = posted(getattr(current, column.name))
            merged.fields[column.name].note = current.updated_by or "Somebody else"
            kept.append(column)
        elif not _unchanged(column, theirs, before):
            saved = getattr(current, column.name)
            asked.append(Asked(column, saved, _parts(str(theirs or ""), str(mine or ""))))
    return Merged(merged, tuple(asked), tuple(kept))


def _unchanged(column: Column, value: Any, before: set[str]) -> bool:
    return f"{column.name}={fingerprint(value)}" in before


def _parts(theirs: str, mine: str) -> tuple[tuple[str, bool], ...]:
    """Their text in pieces, and which of them are not in mine."""
    if max(len(theirs), len(mine)) > _COMPARABLE:
        return ((theirs, False),)
    words, other = (re.findall(r"\s+|[^\s]+", text) for text in (theirs, mine))
    steps = difflib.SequenceMatcher(None, other, words, autojunk=False).get_opcodes()
    pieces = ((tag, "".join(words[start:end])) for tag, _, _, start, end in steps)
    return tuple((text, tag != "equal") for tag, text in pieces if text)
