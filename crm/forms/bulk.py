"""The forms of a bulk change: a field or a status for many accounts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from crm.model import vocabulary
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS

from .fields import field_for, reason_field


class FieldForm(forms.Form):
    """Sets one of the columns of accounts that are not ``masked``."""

    def __init__(
        self, data: QueryDict | None = None, *, masked: Collection[str] = (), column: str = ""
    ) -> None:
        super().__init__(data, auto_id="bulk_%s", initial={"column": column})
        columns = [each for each in ACCOUNTS.editable if each.name not in masked]
        choices = [(each.name, each.label) for each in columns]
        self.fields["column"] = forms.ChoiceField(label="Field", choices=choices)
        self.fields["value"] = forms.CharField(
            label="New value",
            required=False,
            strip=True,
            help_text="Left empty, it empties the field. Separate several links by blanks.",
        )

        if data is None:
            self.fields["value"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """Check the value as the form of one account does."""
        name, value = self.cleaned_data.get("column"), self.cleaned_data.get("value", "")
        if name:
            column = ACCOUNTS.column(name)
            text = "\n".join(value.split()) if column.kind == "links" else value
            try:
                self.cleaned_data["value"] = field_for(column).clean(text)
            except ValidationError as error:
                self.add_error("value", error)
        return self.cleaned_data


class StatusForm(forms.Form):
    """Sets the status for one platform, with an optional reason."""

    def __init__(self, data: QueryDict | None = None, *, platform: str = "") -> None:
        super().__init__(data, auto_id="bulk_%s", initial={"platform": platform})
        platforms = [(word, word) for word in vocabulary.platforms()]
        self.fields["platform"] = forms.ChoiceField(label="Platform", choices=platforms)
        self.fields["status"] = field_for(PLATFORMS_STATUS.column("status"))
        self.fields["reason"] = reason_field()
