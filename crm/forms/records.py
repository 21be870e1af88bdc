"""The product's forms, derived from crm/model/schema.py."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.http import QueryDict

from crm.model import schema
from crm.model.schema import Column, Table
from crm.model.vocabulary import words

from .fields import (
    BsnidField,
    LineField,
    LinksField,
    MomentField,
    TextField,
    choice_field,
    format_moment,
)

# On the conflict page: whose value of a field shall stay, and what theirs is.
CHOOSE, THEIRS = "choose-", "theirs-"


class Renderer(TemplatesSetting):
    """Fields and error lists in the product's own templates."""

    field_template_name = "forms/_field.html"


def field_for(column: Column, current: Any = None) -> forms.Field:
    """The form field of a column; ``current`` is what the record holds now."""
    common = {
        "label": column.label,
        "help_text": column.help,
        "required": column.required,
        "error_messages": {"required": _required_message(column)},
    }
    if column.kind == "choice":
        messages = common.pop("error_messages")
        field = choice_field(column, current, **common)
        field.error_messages |= messages
        return field
    if column.kind == "date":
        return _date_field(common)
    if column.kind == "links":
        return LinksField(limit=column.max_length, widget=_textarea(3), **common)
    if column.kind == "long_text":
        return TextField(limit=column.max_length, widget=_textarea(6), **common)
    if column.name == "bsnid":
        return BsnidField(limit=column.max_length, **common)
    return LineField(limit=column.max_length, **common)


def masked_field(column: Column) -> forms.Field:
    """A column that a policy masks: shown as it is seen, and not to be changed."""
    return forms.CharField(
        label=column.label,
        required=False,
        disabled=True,
        help_text="Masked by a policy: it cannot be changed here, and stays as it is.",
        widget=_textarea(3) if column.kind in ("links", "long_text") else None,
    )


def _date_field(common: dict[str, Any]) -> forms.DateField:
    common["error_messages"]["invalid"] = "This is not a day. Write it as 2026-03-31."
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(widget=widget, input_formats=["%Y-%m-%d"], **common)


def _textarea(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "cols": 60})


def _required_message(column: Column) -> str:
    verb = "Choose" if column.kind == "choice" else "Fill in"
    label = column.label if column.label.isupper() else column.label[0].lower() + column.label[1:]
    return f"{verb} the {label}."


class RecordForm(forms.Form):
    """Creates (``new``) or edits one record of ``table``.

    A new record's form carries its key; an edit carries ``updated_at``, the version that
    the person saw, and in ``shown`` what it said, so that only what the person changed is
    saved: a value that a policy masks is never written back as if it were the real one.
    ``masked`` columns can be read only.
    """

    table: Table

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        record: Any = None,
        new: bool = False,
        initial: Mapping[str, Any] | None = None,
        masked: Collection[str] = (),
    ) -> None:
        super().__init__(
            _with_theirs_taken(data), initial={**self._values_of(record), **(initial or {})}
        )
        self.masked = masked
        self.is_new = new
        if new:
            self.fields[self.table.key] = self._key_field()
        for column in self.table.editable:
            current = getattr(record, column.name, None)
            is_masked = column.name in masked
            self.fields[column.name] = (
                masked_field(column) if is_masked else field_for(column, current)
            )
        if not new:
            self.fields["updated_at"] = MomentField(required=False)
            self.fields["shown"] = forms.CharField(required=False, widget=forms.HiddenInput)
            self.initial["shown"] = self._shown(record)

    def _key_field(self) -> forms.Field:
        """A UUID made when the form is shown, so that sending it twice makes one row."""
        return forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def _values_of(self, record: Any) -> dict[str, Any]:
        names = [column.name for column in self.table.editable] + ["updated_at"]
        return {name: getattr(record, name) for name in names} if record else {}

    @property
    def open_columns(self) -> list[Column]:
        """The columns that this person can fill in."""
        return [column for column in self.table.editable if column.name not in self.masked]

    @property
    def _choices(self) -> list[Column]:
        return [column for column in self.open_columns if column.kind == "choice"]

    def _shown(self, record: Any) -> str:
        """What the record says in each field, as the form will have it when it comes back."""
        said = (
            (column.name, self.said(column.name, getattr(record, column.name, None)))
            for column in self.open_columns
        )
        return " ".join(f"{name}={fingerprint(value)}" for name, value in said)

    def said(self, name: str, value: Any) -> Any:
        """A value as its field understands it; as it is, where the field does not."""
        try:
            return self.fields[name].to_python(value)
        except forms.ValidationError:
            return value

    def values(self) -> dict[str, Any]:
        """What was filled in, by column; nothing filled in is None. Of an edit, what changed."""
        filled_in = {
            column.name: self.cleaned_data[column.name] or None for column in self.open_columns
        }
        if self.is_new:
            return filled_in
        shown = set(self.cleaned_data["shown"].split())
        return {
            name: value
            for name, value in filled_in.items()
            if f"{name}={fingerprint(value)}" not in shown
        }

    @property
    def says_unknown_words(self) -> bool:
        """Whether a choice was made that only the record's present words could allow."""
        said = ((column, self.data.get(column.name, "")) for column in self._choices)
        return any(word and word not in words(column.vocabulary) for column, word in said)

    def again(self, record: Any) -> RecordForm:
        """The same answers, as a change to ``record`` as it is now."""
        data = self.data.copy()
        data["updated_at"] = format_moment(record.updated_at)
        for name in [name for name in data if name.startswith((CHOOSE, THEIRS))]:
            del data[name]
        form = type(self)(data, record=record, masked=self.masked)
        data["shown"] = form.initial["shown"]
        for column in self._choices:
            _show_also(form.fields[column.name], data.get(column.name, ""))
        return form


def _with_theirs_taken(data: QueryDict | None) -> QueryDict | None:
    """The conflict page asks of each field whose value shall stay, ours or theirs."""
    if data is None or not any(name.startswith(CHOOSE) for name in data):
        return data
    data = data.copy()
    for name in [name for name in data if name.startswith(CHOOSE)]:
        field = name.removeprefix(CHOOSE)
        if data[name] == "theirs" and THEIRS + field in data:
            data[field] = data[THEIRS + field]
    return data


def _show_also(field: forms.Field, word: str) -> None:
    """A word that was chosen stays chosen on the screen, even if it is not on offer now."""
    if word not in {value for value, _ in field.choices}:
        field.choices = [*field.choices, (word, word)]


def fingerprint(value: Any) -> str:
    return hashlib.sha256(str(value or "").encode()).hexdigest()[:16]


class AccountForm(RecordForm):
    table = schema.ACCOUNTS

    def _key_field(self) -> forms.Field:
        return field_for(self.table.column("bsnid"))


class UseCaseForm(RecordForm):
    table = schema.USE_CASES


class UpdateForm(RecordForm):
    table = schema.UPDATES


class PlatformStatusForm(forms.Form):
    """Sets one platform's status; the platform itself is checked by the view."""

    platform = forms.CharField(widget=forms.HiddenInput, max_length=schema.MAX_LINE)
    updated_at = MomentField(required=False)

    def __init__(self, data: QueryDict, *, current: str | None = None) -> None:
        super().__init__(data)
        column = schema.PLATFORMS_STATUS.column("status")
        self.fields["status"] = field_for(column, current)
