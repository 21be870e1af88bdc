"""Turns a raw value into what its column holds, and says what had to be changed."""

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
# A text that our exports guard with an apostrophe, see crm/exporting/tabular.py.
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_GUARD_REMOVED = "the apostrophe that keeps spreadsheets from running it was removed"
_FORBIDDEN_IN_KEYS = re.compile(r"[/\x00-\x1f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Excel’s number of a day between 1927 and 2173; shorter numbers may be years.
_DAY_AS_TEXT = re.compile(r"\d{5}(\.\d+)?")


@dataclass(frozen=True)
class Conventions:
    """How a kind of file writes values.

    ``guards_formulas``: an apostrophe may stand before what a spreadsheet would run as a formula.
    ``is_exact``: texts are stored exactly as they are. ``epoch``: the day that Excel counts from.
    """

    guards_formulas: bool = False
    is_exact: bool = False
    epoch: dt.datetime = WINDOWS_EPOCH


_USUAL = Conventions()


def clean(column: Column, raw: Any, conventions: Conventions = _USUAL) -> tuple[str | None, str]:
    """Return the value as it is stored (times and dates as ISO text), and what was changed
    about it, empty for nothing.

    Raises Refused if the column cannot hold the value.
    """
    if conventions.is_exact and isinstance(raw, str) and column.type == "STRING":
        return _check_length(column, _replace_surrogates(raw), "")
    if is_empty(raw):
        return None, ""
    raw, was_guarded = _python_number(raw), False
    if isinstance(raw, str):
        was_guarded = conventions.guards_formulas and bool(_GUARDED.match(raw))
        raw = _replace_surrogates(raw[1:] if was_guarded else raw)
    if column.type == "DATE":
        value, changed = _date(raw, conventions)
    elif column.type == "TIMESTAMP":
        value, changed = _timestamp(raw, conventions)
    else:
        value, changed = _links(raw) if column.kind == "links" else _text(column, raw)
        value, changed = _check_length(column, value, changed)
    return value or None, "; ".join(filter(None, [changed, _GUARD_REMOVED if was_guarded else ""]))


def check_key(column: Column, value: str | None) -> str:
    """Return the key if it can be part of a URL; raises Refused."""
    if value is None:
        raise Refused(f"{column.label} is missing", column.name)
    # "new" is the address of the form for a new account; browsers take dots out of addresses.
    reserved = (".", "..", "new") if column.name == "bsnid" else (".", "..")
    if _FORBIDDEN_IN_KEYS.search(value) or value.lower() in reserved:
        reason = f"{column.label} “{value}” cannot be used: no URL can hold it"
        raise Refused(reason, column.name)
    return value


def is_empty(raw: Any) -> bool:
    return (
        raw is None
        or raw == []
        or (isinstance(raw, str) and raw.strip() == "")
        or (isinstance(raw, float) and math.isnan(raw))
    )


def links_in(raw: Any, conventions: Conventions = _USUAL) -> list[Any]:
    """Return the links in a value, a list or a text."""
    if isinstance(raw, list):
        return raw
    text = str(raw)
    if conventions.guards_formulas and _GUARDED.match(text):
        text = text[1:]
    return _BETWEEN_LINKS.split(text)


def _python_number(raw: Any) -> Any:
    """Return JSON's numbers, which come as Decimal, as int or float."""
    if not isinstance(raw, Decimal):
        return raw
    if abs(raw.adjusted()) > 300:
        return str(raw)
    return int(raw) if raw == raw.to_integral_value() else float(raw)


def _replace_surrogates(text: str) -> str:
    """Replace halves of characters (from broken escapes), which cannot be stored."""
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
    return _python_number(raw) if isinstance(raw, Decimal) else str(raw)


def _links(raw: Any) -> tuple[str, str]:
    parts = [
        part if isinstance(part, str) else json.dumps(part, default=_jsonable)
        for part in links_in(raw)
        if part
    ]
    links = list(dict.fromkeys(part.strip(" ,;\t\r\n") for part in parts))
    links = [link for link in links if link]
    value = "\n".join(links)
    is_same = isinstance(raw, str) and value == raw.strip().replace("\r\n", "\n")
    if is_same or (isinstance(raw, list) and links == raw):
        return value, ""
    return value, f"{len(links)} links, one per line" if len(links) > 1 else ""


def _check_length(column: Column, value: str, changed: str) -> tuple[str, str]:
    if len(value) > column.max_length:
        raise Refused(
            f"{column.label} has {len(value):,} characters; at most {column.max_length:,} fit"
        )
    return value, changed


def _date(raw: Any, conventions: Conventions) -> tuple[str, str]:
    if isinstance(raw, dt.datetime):
        return raw.date().isoformat(), ""
    if isinstance(raw, dt.date):
        return raw.isoformat(), ""
    if (number := _day_number(raw)) is not None:
        return _excel_moment(number, conventions).date().isoformat(), f"Excel’s day {number:g}"
    text = str(raw).strip()
    try:
        return dt.date.fromisoformat(text).isoformat(), ""
    except ValueError:
        return _moment(text).date().isoformat(), "the time of day was left out"


def _timestamp(raw: Any, conventions: Conventions) -> tuple[str, str]:
    if (number := _day_number(raw)) is not None:
        return _utc(_excel_moment(number, conventions)).isoformat(), f"Excel’s day {number:g}"
    if isinstance(raw, dt.date) and not isinstance(raw, dt.datetime):
        raw = dt.datetime.combine(raw, dt.time())
    moment = raw if isinstance(raw, dt.datetime) else _moment(str(raw).strip())
    return _utc(moment).isoformat(), ""


def _moment(text: str) -> dt.datetime:
    """Parse an ISO time, with a T or a blank between date and time. Raises Refused."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"“{text[:40]}” is no date; write it like 2025-06-27") from None


def _utc(moment: dt.datetime) -> dt.datetime:
    """Return the time in UTC; without a zone it already is: the legacy app ran in UTC."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        reason = f"{moment.isoformat()} lies, in UTC, outside of the years 1 to 9999"
        raise Refused(reason) from None


def _day_number(raw: Any) -> float | None:
    """Return Excel's number of a day, from a number or from the text of one, else None."""
    if isinstance(raw, str):
        return float(raw) if _DAY_AS_TEXT.fullmatch(raw.strip()) else None
    return raw if isinstance(raw, int | float) and not isinstance(raw, bool) else None


def _excel_moment(number: float, conventions: Conventions) -> dt.datetime:
    # Day 60 of Excel’s first calendar is 29 February 1900, which never was.
    is_no_day = conventions.epoch == WINDOWS_EPOCH and 60 <= number < 61
    if not 1 <= number < 2_958_466 or is_no_day:  # up to the year 9999
        raise Refused(f"{str(number)[:40]} is no date")
    try:
        moment: dt.datetime = from_excel(number, conventions.epoch)
    except OverflowError:
        raise Refused(f"{str(number)[:40]} is no date") from None
    return moment
