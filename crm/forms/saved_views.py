"""The form of a saved view: its name, and whether everybody sees it."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.http import QueryDict

from crm.forms.fields import LineField, MomentField
from crm.repository.records.saved_views import NAME_LENGTH, QUERY_LENGTH

TOO_MANY_SETTINGS = "These are too many settings for a saved view."


class SavedViewForm(forms.Form):
    """``is_new``: the form also offers to make the view the person's default."""

    use_required_attribute = False

    id = forms.CharField(widget=forms.HiddenInput, required=False)
    seen = MomentField(widget=forms.HiddenInput, required=False)
    list = forms.CharField(widget=forms.HiddenInput)
    query = forms.CharField(
        widget=forms.HiddenInput,
        required=False,
        max_length=QUERY_LENGTH,
        error_messages={"max_length": TOO_MANY_SETTINGS},
    )
    name = LineField(
        label="Name",
        limit=NAME_LENGTH,
        error_messages={"required": "Give the view a name."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    shared = forms.BooleanField(label="Share it: everybody sees it", required=False)
    default = forms.BooleanField(
        label="Show it first when the menu opens the list", required=False
    )

    def __init__(self, data: QueryDict | None = None, *, is_new: bool, **options: Any) -> None:
        super().__init__(data, auto_id="view-%s", label_suffix="", **options)
        self.is_new = is_new
        if is_new:
            self.fields["id"].initial = str(uuid.uuid4())
        else:
            del self.fields["default"]

    def clean_id(self) -> str:
        return view_id(self.cleaned_data["id"])

    def clean_name(self) -> str:
        return " ".join(str(self.cleaned_data["name"]).split())


def view_id(given: str) -> str:
    """Return the form's id if it is valid for a URL, else a new one."""
    try:
        return str(uuid.UUID(given))
    except ValueError:
        return str(uuid.uuid4())
