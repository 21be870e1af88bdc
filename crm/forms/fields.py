"""Form fields for the kinds of column in crm/model/schema.py."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from crm.model.characters import one_line
from crm.model.links import link_problem
from crm.model.schema import AREA, MAX_REASON, PEOPLE_COLUMNS, RESERVED_BSNID, Column
from crm.model.vocabulary import words
from crm.page_urls import record_url

_BSNID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LINE_BREAKS = re.compile(r"\r\n?|[\u2028\u2029\x85]")


class LineField(forms.CharField):
    """One line of text.

    A validator checks the limit. There is no ``maxlength``, because browsers silently cut a pasted
    text that is longer.
    """

    def __init__(self, *, limit: int, **options: Any) -> None:
        super().__init__(**options)
        self.limit = limit

    def to_python(self, value: Any) -> str:
        lines = _LINE_BREAKS.sub("\n", super().to_python(value) or "")
        return one_line(lines)

    def validate(self, value: str) -> None:
        super().validate(value)
        if len(value) > self.limit:
            raise ValidationError(
                f"This is too long: {len(value):,} characters of at most {self.limit:,}.",
                code="max_length",
            )


class TextField(LineField):
    """Text of several lines; every line break becomes ``\\n``, whatever the browser sent."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return _LINE_BREAKS.sub("\n", forms.CharField.to_python(self, value) or "")


class LinksField(TextField):
    """Links, one per line."""

    def to_python(self, value: Any) -> str:
        lines = (line.strip() for line in super().to_python(value).split("\n"))
        return "\n".join(line for line in lines if line)

    def validate(self, value: str) -> None:
        super().validate(value)
        problems = [
            ValidationError(f"Line {number} ({_shortened(line)}): {problem}", code="link")
            for number, line in enumerate(value.split("\n") if value else (), start=1)
            if (problem := link_problem(line))
        ]
        if problems:
            raise ValidationError(problems)


class BsnidField(LineField):
    def validate(self, value: str) -> None:
        super().validate(value)
        if not _BSNID.fullmatch(value):
            raise ValidationError(
                "A BSNID has 1 to 64 letters, digits, dots, hyphens or underscores and starts "
                "with a letter or digit.",
                code="bsnid",
            )
        if value.lower() == RESERVED_BSNID:
            raise ValidationError(f"“{value}” is reserved for a page. Choose another BSNID.")


class MomentField(forms.Field):
    """A hidden ``updated_at``: the version of the record that the form shows.

    An empty or invalid value becomes None, a version that no saved record has, so the repository
    raises Stale with the present record.
    """

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> dt.datetime | None:
        return parse_moment(str(value or "").strip())

    def prepare_value(self, value: Any) -> Any:
        return format_moment(value) if isinstance(value, dt.datetime) else value


def field_for(column: Column, *used: Any) -> forms.Field:
    """Return the form field of a column; a choice also offers the words that are ``used``."""
    common: dict[str, Any] = {
        "label": column.label,
        "help_text": column.help,
        "required": column.required,
        "error_messages": {"required": _required_message(column)},
    }
    if column.kind == "choice":
        return _choice_field(column, used, common)
    if column.kind == "date":
        return _date_field(common)
    if column.kind == "links":
        return LinksField(limit=column.max_length, widget=_textarea(3), **common)
    if column.kind == "long_text":
        return TextField(limit=column.max_length, widget=_textarea(6), **common)
    if column.name == "bsnid":
        return BsnidField(limit=column.max_length, **common)
    field = LineField(limit=column.max_length, **common)
    if column.name == AREA or column.name in PEOPLE_COLUMNS:
        field.widget.attrs |= _suggesting(column.name)
    return field


def _suggesting(column: str) -> dict[str, str]:
    """Return the attributes of a field that suggests known values during typing.

    Its datalist is in forms/_field.html; htmx fills it.
    """
    return {
        "list": f"known-{column}",
        "hx-get": record_url("suggestions", column),
        "hx-trigger": "focus once, input changed delay:250ms",
        "hx-target": "next datalist",
        "hx-swap": "innerHTML",
        "hx-sync": "this:replace",
        "hx-push-url": "false",
    }


def masked_field(column: Column) -> forms.Field:
    """Return a read-only field with the masked value that the person sees."""
    return forms.CharField(
        label=column.label,
        required=False,
        disabled=True,
        help_text="A policy of the warehouse masks this field, so you cannot change it here.",
        widget=_textarea(3) if column.kind in ("links", "long_text") else None,
    )


def reason_field() -> forms.Field:
    """Return the field for the reason of a status."""
    return LineField(limit=MAX_REASON, label="Reason", required=False)


def offered(column: Column, *used: str | None) -> list[str]:
    """Return the words to choose from: the vocabulary's, then others that are ``used``."""
    return list(dict.fromkeys((*words(column.vocabulary), *(word for word in used if word))))


def fingerprint(column: Column, value: Any) -> str:
    """Return a short text that is equal for equal values of one column, such as ``vp=1f0e…``."""
    return f"{column.name}={hashlib.sha256(str(value or '').encode()).hexdigest()[:16]}"


def posted(value: object) -> str:
    """Return a value as a form field sends it."""
    return value.isoformat() if isinstance(value, dt.date) else str(value or "")


def format_moment(value: dt.datetime | None) -> str:
    """Return ISO 8601 with microseconds; nothing for None."""
    return value.isoformat(timespec="microseconds") if value else ""


def parse_moment(text: str) -> dt.datetime | None:
    """Parse the text of ``format_moment``, in UTC without an offset; None for other texts."""
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def _choice_field(
    column: Column, used: tuple[str | None, ...], common: dict[str, Any]
) -> forms.Field:
    common["error_messages"]["invalid_choice"] = "“%(value)s” is not one of the choices."
    choices = [("", "—"), *((word, word) for word in offered(column, *used))]
    return forms.ChoiceField(choices=choices, **common)


def _date_field(common: dict[str, Any]) -> forms.Field:
    common["error_messages"]["invalid"] = "This is not a date. Write it as 2026-03-31."
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(widget=widget, input_formats=["%Y-%m-%d"], **common)


def _textarea(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "cols": 60})


def _required_message(column: Column) -> str:
    verb = "Choose" if column.kind == "choice" else "Fill in"
    label = column.label if column.label.isupper() else column.label[0].lower() + column.label[1:]
    return f"{verb} the {label}."


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
