"""Form fields for the kinds of column that crm/model/schema.py knows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from django import forms
from django.core.exceptions import ValidationError

from crm.model.links import link_problem
from crm.model.schema import Column
from crm.model.vocabulary import words

_BSNID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = {"new"}
_LINE_BREAKS = re.compile(r"\r\n?|[\u2028\u2029\x85]")


class LineField(forms.CharField):
    """One line of text.

    The limit is a validator and no ``maxlength``: browsers cut what is pasted beyond
    ``maxlength`` without a word.
    """

    def __init__(self, *, limit: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.limit = limit

    def to_python(self, value: object) -> str:
        return re.sub(r"\s*\n\s*", " ", _LINE_BREAKS.sub("\n", super().to_python(value)))

    def validate(self, value: str) -> None:
        super().validate(value)
        if len(value) > self.limit:
            raise ValidationError(
                f"This is too long: {len(value):,} characters, where {self.limit:,} fit.",
                code="max_length",
            )


class TextField(LineField):
    """Text of several lines, its line breaks made ``\\n`` whatever the browser sent."""

    widget = forms.Textarea

    def to_python(self, value: object) -> str:
        return _LINE_BREAKS.sub("\n", forms.CharField.to_python(self, value)).strip()


class LinksField(TextField):
    """Links, one per line."""

    def to_python(self, value: object) -> str:
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
                "A BSNID starts with a letter or digit and goes on with letters, digits, "
                "dots, hyphens or underscores, 64 in all.",
                code="bsnid",
            )
        if value.lower() in _RESERVED:
            raise ValidationError(f"“{value}” is taken by the page itself. Choose another.")


class MomentField(forms.CharField):
    """A hidden ``updated_at``: which version of the record the form shows.

    Empty or garbled means a version that nobody has, which the repository answers with the
    record as it is now.
    """

    widget = forms.HiddenInput

    def to_python(self, value: object) -> dt.datetime | None:
        return parse_moment(super().to_python(value))

    def prepare_value(self, value: object) -> object:
        return format_moment(value) if isinstance(value, dt.datetime) else value


def format_moment(value: dt.datetime | None) -> str:
    return value.isoformat(timespec="microseconds") if value else ""


def posted(value: object) -> str:
    """A value as a form field would send it."""
    return value.isoformat() if isinstance(value, dt.date) else str(value or "")


def parse_moment(text: str) -> dt.datetime | None:
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def choice_field(column: Column, current: str | None, **kwargs: object) -> forms.ChoiceField:
    """The vocabulary's words, and the record's own one where that is not among them."""
    return forms.ChoiceField(
        choices=[("", "—"), *((word, word) for word in offered(column, current))],
        error_messages={"invalid_choice": "“%(value)s” is not one of the choices."},
        **kwargs,
    )


def offered(column: Column, current: str | None) -> Iterable[str]:
    known = words(column.vocabulary)
    return known if not current or current in known else (*known, current)


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
