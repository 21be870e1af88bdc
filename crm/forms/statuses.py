"""The forms that set a status on a page or in a list."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from crm.model import schema

from .fields import MomentField, field_for, reason_field


class _StatusForm(forms.Form):
    """Sets a record's status, with an optional reason; it also offers the word ``current``."""

    table: schema.Table
    updated_at = MomentField(required=False)

    def __init__(self, data: QueryDict, *, current: str | None = None) -> None:
        super().__init__(data)
        self.fields["status"] = field_for(self.table.column("status"), current)
        self.fields["reason"] = reason_field()

    @property
    def problem(self) -> str:
        """Return the errors of the fields in one line."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class UseCaseStatusForm(_StatusForm):
    table = schema.USE_CASES


class PlatformStatusForm(_StatusForm):
    """Sets one platform's status; the view checks the platform."""

    table = schema.PLATFORMS_STATUS
    platform = forms.CharField(widget=forms.HiddenInput, max_length=schema.MAX_LINE)
