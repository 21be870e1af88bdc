"""The form for the moment as of which the app shows its data."""

from __future__ import annotations

import datetime as dt

from django import forms

from crm.model import as_of_address

# The choices of the picker: (name, label, time ago).
AGO = {
    "hour": ("An hour ago", dt.timedelta(hours=1)),
    "day": ("A day ago", dt.timedelta(days=1)),
    "week": ("A week ago", dt.timedelta(days=7)),
    "month": ("30 days ago", dt.timedelta(days=30)),
}
CHOICES = tuple((key, label) for key, (label, _) in AGO.items())
_INVALID = "This is not a date and time. Write it as 2026-11-20 09:30."


class MomentForm(forms.Form):
    """A moment, typed in the reader's time zone."""

    moment = forms.DateTimeField(
        label="Date and time",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}),
        error_messages={"invalid": _INVALID, "required": "Fill in a date and time."},
    )

    def clean_moment(self) -> dt.datetime:
        """Return the moment in UTC, if an address can have it."""
        moment = as_of_address.parse(self.cleaned_data["moment"].isoformat())
        if moment is None:
            raise forms.ValidationError(_INVALID)
        return moment
