"""From a raw value to what the column holds, saying what had to be changed."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from openpyxl.utils.datetime import WINDOWS_EPOCH, from_excel

from crm.model.schema import Column

from .errors import Refused

_BETWEEN_LINKS = re.compile(r"\s*\n\s*|\s*[,;]\s*(?=https?://)|\s+(?=https?://)", re.IGNORECASE)
# See crm/exporting/tabular.py.
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_GUARD_TAKEN = "the apostrophe that keeps spreadsheets from running it was taken away"
_FORBIDDEN_IN_KEYS = re.compile(r"[/\x00-\x1f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# A day as Excel counts: of the years 1927 to 2173, so that no year is taken for one.
_DAY_AS_TEXT = re.compile(r"\d{5}(\.\d+)?")


@dataclass(frozen=True)
class Habits:
    """How a kind of file says things.

    ``guards``: an apostrophe may stand before what a spreadsheet would take for a formula.
    ``literal``: texts are exactly what they are to become. ``epoch``: where days count from.
    """

    guards: bool = False
    literal: bool = False
    epoch: dt.datetime = WINDOWS_EPOCH


_USUAL = Habits()


def clean(column: Column, raw: Any, habits: Habits = _USUAL) -> tuple[str | None, str]:
    """The value as ISO text, and what was changed about it (empty: nothing).

    Raises Refused when no value can be made of it.
    """
    if habits.literal and isinstance(raw, str) and column.type == "STRING":
        return _fitting(column, _sound(raw), "")
    if is_nothing(raw):
        return None, ""
    raw, was_guarded = _plain(raw), False
    if isinstance(raw, str):
        was_guarded = habits.guards and bool(_GUARDED.match(raw))
        raw = _sound(raw[1:] if was_guarded else raw)
    if column.type == "DATE":
        value, changed = _date(raw, habits)
    elif column.type == "TIMESTAMP":
        value, changed = _timestamp(raw, habits)
    else:
        value, changed = _links(raw) if column.kind == "links" else _text(column, raw)
        value, changed = _fitting(column, value, changed)
    return value or None, "; ".join(filter(None, [changed, was_guarded and _GUARD_TAKEN]))


def check_key(column: Column, value: str | None) -> str:
    """A key that can be part of an address; raises Refused."""
    if value is None:
        raise Refused(f"{column.label} is missing", column.name)
    # "new" is the address of the form for a new account; browsers take dots out of addresses.
    reserved = (".", "..", "new") if column.name == "bsnid" else (".", "..")
    if _FORBIDDEN_IN_KEYS.search(value) or value.lower() in reserved:
        reason = f"{column.label} “{value}” cannot be used: no address can hold it"
        raise Refused(reason, column.name)
    return value


def is_nothing(raw: Any) -> bool:
    return (
        raw is None
        or raw == []
        or (isinstance(raw, str) and raw.strip() == "")
        or (isinstance(raw, float) and math.isnan(raw))
    )


def links_of(raw: Any, habits: Habits = _USUAL) -> list[Any]:
    """The links that a value holds, be it a list or a text."""
    if isinstance(raw, list):
        return raw
    text = str(raw)
    if habits.guards and _GUARDED.match(text):
        text = text[1:]
    return _BETWEEN_LINKS.split(text)


def _plain(raw: Any) -> Any:
    """Numbers as they are in Python; JSON's come as Decimal, so that none is too large."""
    if not isinstance(raw, Decimal):
        return raw
    if abs(raw.adjusted()) > 300:
        return str(raw)
    return int(raw) if raw == raw.to_integral_value() else float(raw)


def _sound(text: str) -> str:
    """Half a character (from a broken escape) cannot be stored."""
    return _SURROGATES.sub("\ufffd", text)


def _text(column: Column, raw: Any) -> tuple[str, str]:
    if isinstance(raw, bool | dict | list):
        return json.dumps(raw, ensure_ascii=False, default=_jsonable), "was not a text"
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)  # Excel has no whole numbers
    text = str(raw)
    value = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()
    if column.kind != "long_text":
        value = re.sub(r"\s*\n\s*", " ", value)
    changed = "NUL characters were left out" if "\x00" in text else ""
    if not changed and value != text.replace("\r\n", "\n").strip():
        changed = "line breaks became spaces"
    return value, changed


def _jsonable(raw: Any) -> Any:
    return _plain(raw) if isinstance(raw, Decimal) else str(raw)


def _links(raw: Any) -> tuple[str, str]:
    parts = [
        part if isinstance(part, str) else json.dumps(part, default=_jsonable)
        for part in links_of(raw)
        if part
    ]
    links = list(dict.fromkeys(part.strip(" ,;\t\r\n") for part in parts))
    links = [link for link in links if link]
    value = "\n".join(links)
    is_same = isinstance(raw, str) and value == raw.strip().replace("\r\n", "\n")
    if is_same or (isinstance(raw, list) and links == raw):
        return value, ""
    return value, f"{len(links)} links, one per line" if len(links) > 1 else ""


def _fitting(column: Column, value: str, changed: str) -> tuple[str, str]:
    if len(value) > column.max_length:
        raise Refused(
            f"{column.label} has {len(value):,} characters; at most {column.max_length:,} fit"
        )
    return value, changed


def _date(raw: Any, habits: Habits) -> tuple[str, str]:
    if isinstance(raw, dt.datetime):
        return raw.date().isoformat(), ""
    if isinstance(raw, dt.date):
        return raw.isoformat(), ""
    if (number := _day_number(raw)) is not None:
        return _excel_moment(number, habits).date().isoformat(), f"Excel’s day {number:g}"
    text = str(raw).strip()
    try:
        return dt.date.fromisoformat(text).isoformat(), ""
    except ValueError:
        return _moment(text).date().isoformat(), "the time of day was left out"


def _timestamp(raw: Any, habits: Habits) -> tuple[str, str]:
    if (number := _day_number(raw)) is not None:
        return _utc(_excel_moment(number, habits)).isoformat(), f"Excel’s day {number:g}"
    if isinstance(raw, dt.date) and not isinstance(raw, dt.datetime):
        raw = dt.datetime.combine(raw, dt.time())
    moment = raw if isinstance(raw, dt.datetime) else _moment(str(raw).strip())
    return _utc(moment).isoformat(), ""


def _moment(text: str) -> dt.datetime:
    """ISO, or as Python prints it; the two differ by a T."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"“{text[:40]}” is no date; it should read like 2025-06-27") from None


def _utc(moment: dt.datetime) -> dt.datetime:
    """A time without a zone is UTC: the legacy app ran there."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        reason = f"{moment.isoformat()} lies, in UTC, outside of the years 1 to 9999"
        raise Refused(reason) from None


def _day_number(raw: Any) -> float | None:
    """A day as Excel counts them, as a number or as the text that a CSV has of it."""
    if isinstance(raw, str):
        return float(raw) if _DAY_AS_TEXT.fullmatch(raw.strip()) else None
    return raw if isinstance(raw, int | float) and not isinstance(raw, bool) else None


def _excel_moment(number: float, habits: Habits) -> dt.datetime:
    # Day 60 of Excel’s first calendar is 29 February 1900, which never was.
    is_no_day = habits.epoch == WINDOWS_EPOCH and 60 <= number < 61
    if not 1 <= number < 2_958_466 or is_no_day:  # up to the year 9999
        raise Refused(f"{str(number)[:40]} is no date")
    try:
        return from_excel(number, habits.epoch)
    except OverflowError:
        raise Refused(f"{str(number)[:40]} is no date") from None
