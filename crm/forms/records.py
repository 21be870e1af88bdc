"""The forms of the four tables, derived from crm/model/schema.py, and the merging of two edits.

A form has a hidden field ``shown`` with a fingerprint of each value at the time it was shown. So
it saves only the fields that the person changed, and merges two edits of one record field by
field: a field that only one person changed gets that person's value; if both changed it to the
same value, that is kept; if the two values differ, the person chooses.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.http import QueryDict

from crm.model import schema
from crm.model.records import Record
from crm.model.schema import MAX_LINE, Column, Table
from crm.model.vocabulary import words

from .differences import differences
from .fields import (
    MomentField,
    field_for,
    fingerprint,
    format_moment,
    masked_field,
    posted,
    reason_field,
)

# The conflict page sends two values for a field: the choice, and the other person's value.
CHOOSE, THEIRS = "choose-", "theirs-"


class Renderer(TemplatesSetting):
    """Renders fields and error lists with the product's own templates."""

    field_template_name = "forms/_field.html"


@dataclass(frozen=True)
class Conflict:
    """A field that both people changed: the saved value, and its text in parts.

    Each part is (text, whether the person's own text lacks it).
    """

    column: Column
    theirs: Any
    parts: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Merged:
    """``form`` edits the present record; ``kept`` are the fields that only others changed."""

    form: RecordForm
    conflicts: tuple[Conflict, ...]
    kept: tuple[Column, ...]


class RecordForm(forms.Form):
    """Creates (``new``) or edits one record of ``table``.

    A new record's form has its key; an edit has ``updated_at``, the version that the person saw,
    and ``shown``. ``masked`` columns are read-only and show the masked value, which is never
    written back.
    """

    table: Table

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        record: Record | None = None,
        new: bool = False,
        initial: Mapping[str, Any] | None = None,
        masked: Collection[str] = (),
    ) -> None:
        super().__init__(
            _with_choices(data), initial={**self._values_of(record), **(initial or {})}
        )
        self.masked = masked
        self.is_new = new
        # Maps a field to the person who changed it while this person was typing.
        self.notes: dict[str, str] = {}
        if new:
            self.fields |= self._key_fields()
        for column in self.table.editable:
            current = record.value(column.name) if record else None
            is_masked = column.name in masked
            self.fields[column.name] = (
                masked_field(column) if is_masked else field_for(column, current)
            )
        if not new:
            self.fields["updated_at"] = MomentField(required=False)
            self.fields["shown"] = forms.CharField(required=False, widget=forms.HiddenInput)
            self.initial["shown"] = self._shown(record)
        elif data is None:
            self._first_to_fill().widget.attrs["autofocus"] = True

    def _first_to_fill(self) -> forms.Field:
        """Return the first required field without a value."""
        shown = self.visible_fields()
        empty = (each.field for each in shown if each.field.required and not each.initial)
        return next(empty, shown[0].field)

    def focus_on(self, name: str) -> None:
        """Put the focus on this field, if the form has it and the person can change it."""
        field = self.fields.get(name)
        if field and not field.disabled and not field.widget.is_hidden:
            self.drop_autofocus()
            field.widget.attrs["autofocus"] = True

    @property
    def begins_in_a_field(self) -> bool:
        return any("autofocus" in field.widget.attrs for field in self.fields.values())

    def drop_autofocus(self) -> None:
        for field in self.fields.values():
            field.widget.attrs.pop("autofocus", None)

    def _key_fields(self) -> dict[str, forms.Field]:
        """Return the fields of a new record's key.

        A UUID is created when the form is shown, so that sending it twice makes one row.
        """
        return {self.table.key: forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)}

    def _values_of(self, record: Record | None) -> dict[str, Any]:
        names = [column.name for column in self.table.editable] + ["updated_at"]
        return {name: record.value(name) for name in names} if record else {}

    @property
    def open_columns(self) -> list[Column]:
        """The columns that this person can fill in."""
        return [column for column in self.table.editable if column.name not in self.masked]

    @property
    def _choices(self) -> list[Column]:
        return [column for column in self.open_columns if column.kind == "choice"]

    @property
    def needs_record(self) -> bool:
        """Return whether a chosen word is valid only if the record already has it."""
        chosen = ((column, self.data.get(column.name, "")) for column in self._choices)
        return any(word and word not in words(column.vocabulary) for column, word in chosen)

    def values(self) -> dict[str, Any]:
        """Return the values to save by column, None for an empty field; for an edit only
        changes."""
        shown = set() if self.is_new else set(self.cleaned_data["shown"].split())
        values = ((column, self.cleaned_data[column.name] or None) for column in self.open_columns)
        return {
            column.name: value
            for column, value in values
            if fingerprint(column, value) not in shown
        }

    def merge(self, current: Record) -> Merged:
        """Return this edit of an older version as an edit of ``current``.

        If the form has no fingerprints, each field that differs is a conflict.
        """
        before = set(self.data.get("shown", "").split())
        answers = QueryDict(mutable=True)
        answers.update(
            {name: self.data[name] for name in self.data if not name.startswith((CHOOSE, THEIRS))}
        )
        answers["updated_at"] = format_moment(current.value("updated_at"))
        form = type(self)(answers, record=current, masked=self.masked)
        answers["shown"] = form._shown(current)
        for column in self._choices:
            used = current.value(column.name), answers.get(column.name, "")
            form.fields[column.name] = field_for(column, *used)
        conflicts, kept = [], []
        for column in self.open_columns:
            saved = current.value(column.name)
            mine = form._cleaned(column, self.data.get(column.name))
            theirs = form._cleaned(column, saved)
            if fingerprint(column, mine) == fingerprint(column, theirs):
                continue
            if fingerprint(column, mine) in before:
                answers[column.name] = posted(saved)
                form.notes[column.name] = current.value("updated_by") or "Somebody else"
                kept.append(column)
            elif fingerprint(column, theirs) not in before:
                parts = differences(str(theirs or ""), str(mine or ""))
                conflicts.append(Conflict(column, saved, parts))
        return Merged(form, tuple(conflicts), tuple(kept))

    def _shown(self, record: Record | None) -> str:
        """Return the fingerprints of the record's fields, which the form will send back."""
        return " ".join(
            fingerprint(
                column, self._cleaned(column, record.value(column.name) if record else None)
            )
            for column in self.open_columns
        )

    def _cleaned(self, column: Column, value: Any) -> Any:
        """Return a value as its field cleans it, or unchanged if the field refuses it."""
        try:
            return self.fields[column.name].to_python(value)
        except forms.ValidationError:
            return value


def _with_choices(data: QueryDict | None) -> QueryDict | None:
    """Return the form's data with the other person's value where the conflict page chose it."""
    if data is None or not any(name.startswith(CHOOSE) for name in data):
        return data
    data = data.copy()
    for name in [name for name in data if name.startswith(CHOOSE)]:
        field = name.removeprefix(CHOOSE)
        if data[name] == "theirs" and THEIRS + field in data:
            data.setlist(field, data.getlist(THEIRS + field))
    return data


class AccountForm(RecordForm):
    table = schema.ACCOUNTS

    def _key_fields(self) -> dict[str, forms.Field]:
        """Return the BSNID field, and the id that recognizes a form which is sent again."""
        form_id = forms.CharField(
            required=False,
            max_length=MAX_LINE,
            widget=forms.HiddenInput,
            initial=lambda: uuid.uuid4().hex,
        )
        return {"bsnid": field_for(self.table.column("bsnid")), "form_id": form_id}


class UseCaseForm(RecordForm):
    """Also has the reason of the status, and a hidden field with the reason that was shown."""

    table = schema.USE_CASES

    def __init__(
        self, data: QueryDict | None = None, *, record: Record | None = None, **options: Any
    ) -> None:
        super().__init__(data, record=record, **options)
        if "status" in self.masked:
            return
        self.fields["reason"] = reason_field()
        self.fields["shown_reason"] = forms.CharField(required=False, widget=forms.HiddenInput)
        shown = record.value("reason") if record else None
        self.initial = {**self.initial, "reason": shown, "shown_reason": shown}
        names = list(self.fields)
        place = names.index("status") + 1
        self.order_fields([*names[:place], "reason", *names[place:-2]])

    @property
    def reason(self) -> str:
        """Return the reason to save with a valid form.

        An unchanged reason is not saved again: it stays with the status for which it was given.
        """
        typed = str(self.cleaned_data.get("reason", ""))
        if typed != self.cleaned_data.get("shown_reason", ""):
            return typed
        saved = self.values()
        return typed if saved and "status" not in saved else ""

    @property
    def removes_reason(self) -> bool:
        """Return whether the person only emptied the reason. A changed status drops it anyway."""
        given = self.cleaned_data
        return bool(given.get("shown_reason") and not given.get("reason") and not self.values())

    def merge(self, current: Record) -> Merged:
        """Return this edit as an edit of ``current``. A reason that the person did not change, or
        emptied, is replaced by one that somebody else has written meanwhile."""
        merged = super().merge(current)
        answers = merged.form.data
        assert isinstance(answers, QueryDict)
        shown, theirs = answers.get("shown_reason", ""), current.value("reason") or ""
        is_emptied = not answers.get("reason") and theirs != shown
        if is_emptied or answers.get("reason", "") == shown:
            answers["reason"] = answers["shown_reason"] = theirs
        return merged


class UpdateForm(RecordForm):
    table = schema.UPDATES
