"""The forms of a bulk change: a field or a status for many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse

from crm.model import vocabulary
from crm.model.schema import MAX_LINE, PLATFORMS_STATUS, Column

from .fields import LineField, field_for, reason_field


class FieldForm(forms.Form):
    """Sets one of the columns that people type a value into."""

    def __init__(
        self, columns: Sequence[Column], data: QueryDict | None = None, *, column: str = ""
    ) -> None:
        super().__init__(data, auto_id="bulk_%s", initial={"column": column})
        self.columns = {each.name: each for each in columns}
        choices = [(each.name, each.label) for each in columns]
        self.fields["column"] = forms.ChoiceField(label="Field", choices=choices)
        has_links = any(each.kind == "links" for each in columns)
        more = " Separate several links by blanks." if has_links else ""
        self.fields["value"] = forms.CharField(
            label="New value",
            required=False,
            strip=True,
            help_text=f"If you leave this empty, the field becomes empty.{more}",
        )

    def clean(self) -> dict[str, Any]:
        """Check the value as the form of one record does."""
        name, value = self.cleaned_data.get("column"), self.cleaned_data.get("value", "")
        if name:
            column = self.columns[name]
            text = "\n".join(value.split()) if column.kind == "links" else value
            try:
                self.cleaned_data["value"] = field_for(column).clean(text)
            except ValidationError as error:
                self.add_error("value", error)
        return self.cleaned_data


class ChoiceForm(forms.Form):
    """Sets a column whose values are the words of a vocabulary; a status with a reason."""

    def __init__(self, column: Column, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id=f"bulk_{column.name}_%s")
        self.column = column
        self.fields["column"] = forms.CharField(widget=forms.HiddenInput, initial=column.name)
        self.fields["value"] = field_for(column)
        if not column.required:
            self.fields["value"].help_text = "If you leave this empty, the field becomes empty."
        if column.name == "status":
            self.fields["reason"] = reason_field()


class MoveForm(forms.Form):
    """Asks for the account that use cases or updates move to, by its BSNID or its team."""

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="bulk_move_%s")
        suggests = {
            "list": "accounts-suggested",
            "autocomplete": "off",
            "hx-get": reverse("account-names"),
            "hx-trigger": "input changed delay:300ms",
            "hx-target": "#accounts-suggested",
        }
        self.fields["account"] = LineField(
            limit=MAX_LINE,
            label="Account",
            help_text="Its BSNID, or the name of its team.",
            error_messages={"required": "Fill in the account."},
            widget=forms.TextInput(attrs=suggests),
        )


class StatusForm(forms.Form):
    """Sets the status for one platform, with an optional reason."""

    def __init__(self, data: QueryDict | None = None, *, platform: str = "") -> None:
        super().__init__(data, auto_id="bulk_%s", initial={"platform": platform})
        platforms = [(word, word) for word in vocabulary.platforms()]
        self.fields["platform"] = forms.ChoiceField(label="Platform", choices=platforms)
        self.fields["status"] = field_for(PLATFORMS_STATUS.column("status"))
        self.fields["reason"] = reason_field()
