"""From a raw value to what the column holds, saying what had to be changed."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from typing import Any
from urllib.parse import urlsplit

from crm.schema import Column

from .errors import Refused

# How Excel counts days (1900 system, with its leap-year error).
_EXCEL_EPOCH = dt.date(1899, 12, 30)
_BETWEEN_LINKS = re.compile(r"\s*\n\s*|\s*[,;]\s*(?=https?://)|\s+(?=https?://)", re.IGNORECASE)
_ESCAPED_FORMULA = re.compile(r"'[=+\-@\t\r]")
_FORBIDDEN_IN_KEYS = re.compile(r"[/\x00-\x1f]")


def clean(column: Column, raw: Any) -> tuple[str | None, str]:
    """The value as ISO text, and what was changed about it (empty: nothing).

    Raises Refused when no value can be made of it.
    """
    if _is_nothing(raw):
        return None, ""
    if column.type == "DATE":
        return _date(raw)
    if column.type == "TIMESTAMP":
        return _timestamp(raw)
    if column.kind == "links":
        return _fitting(column, *_links(raw))
    return _fitting(column, *_text(column, raw))


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


def bad_links(value: str | None) -> list[str]:
    """The lines of a links column that are no web addresses."""
    lines = (value or "").splitlines()
    return [line for line in lines if urlsplit(line).scheme.lower() not in ("http", "https")]


def _is_nothing(raw: Any) -> bool:
    return (
        raw is None
        or raw == []
        or (isinstance(raw, str) and raw.strip() == "")
        or (isinstance(raw, float) and math.isnan(raw))
    )


def _text(column: Column, raw: Any) -> tuple[str, str]:
    if isinstance(raw, bool | dict | list):
        return json.dumps(raw, ensure_ascii=False), "was not a text"
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)  # Excel has no whole numbers
    text = str(raw)
    if _ESCAPED_FORMULA.match(text):
        text = text[1:]  # see crm/exporting/tabular.py
    value = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()
    if column.kind != "long_text":
        value = re.sub(r"\s*\n\s*", " ", value)
    changed = "NUL characters were left out" if "\x00" in text else ""
    if not changed and value != text.replace("\r\n", "\n").strip():
        changed = "line breaks became spaces"
    return value, changed


def _links(raw: Any) -> tuple[str, str]:
    parts = raw if isinstance(raw, list) else _BETWEEN_LINKS.split(str(raw))
    links = list(dict.fromkeys(str(part).strip(" ,;\t\r\n") for part in parts if part))
    links = [link for link in links if link]
    value = "\n".join(links)
    is_same = isinstance(raw, str) and value == raw.strip().replace("\r\n", "\n")
    if is_same or (isinstance(raw, list) and links == raw):
        return value, ""
    return value, f"{len(links)} links, one per line" if len(links) > 1 else ""


def _fitting(column: Column, value: str, changed: str) -> tuple[str | None, str]:
    if len(value) > column.max_length:
        raise Refused(
            f"{column.label} has {len(value):,} characters; at most {column.max_length:,} fit"
        )
    return value or None, changed


def _date(raw: Any) -> tuple[str, str]:
    if isinstance(raw, dt.datetime):
        return raw.date().isoformat(), ""
    if isinstance(raw, dt.date):
        return raw.isoformat(), ""
    if _is_number(raw):
        return _excel_moment(raw).date().isoformat(), f"Excel’s day {raw:g}"
    text = str(raw).strip()
    try:
        return dt.date.fromisoformat(text).isoformat(), ""
    except ValueError:
        return _moment(text).date().isoformat(), "the time of day was left out"


def _timestamp(raw: Any) -> tuple[str, str]:
    if _is_number(raw):
        return _utc(_excel_moment(raw)).isoformat(), f"Excel’s day {raw:g}"
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
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def _is_number(raw: Any) -> bool:
    return isinstance(raw, int | float) and not isinstance(raw, bool)


def _excel_moment(number: float) -> dt.datetime:
    if not 1 <= number < 2_958_466:  # up to the year 9999
        raise Refused(f"{number:g} is no date")
    start = dt.datetime.combine(_EXCEL_EPOCH, dt.time())
    return start + dt.timedelta(days=number)
