"""Turns a raw value into the value that its column stores, and notes each change."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from openpyxl.utils.datetime import WINDOWS_EPOCH, from_excel

from crm.model import vocabulary
from crm.model.characters import one_line, visible
from crm.model.missing import is_empty, is_missing, is_no_value
from crm.model.schema import RESERVED_BSNID, Column

from . import apostrophes, date_numbers, dates, literals, objects
from .errors import Refused
from .linked import Linked, split_links

_FORBIDDEN_IN_KEYS = re.compile(r"[/\x00-\x1f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Excel’s number of a day between 1927 and 2173; shorter numbers may be years.
_DAY_AS_TEXT = re.compile(r"\d{5}([.,]\d+)?")


@dataclass(frozen=True)
class Conventions:
    """How a file writes values.

    ``guards_formulas``: an apostrophe may stand before what a spreadsheet would run as a formula.
    ``is_exact``: texts are stored exactly as they are. ``epoch``: the day that Excel counts from.
    ``date_order``: one of dates.ORDERS, empty if unknown. ``zone``: the time zone of
    times that name none.
    """

    guards_formulas: bool = False
    is_exact: bool = False
    epoch: dt.datetime = WINDOWS_EPOCH
    date_order: str = ""
    zone: dt.tzinfo = dt.UTC


@dataclass(frozen=True)
class Cleaned:
    """A value as it is stored (dates and times as ISO text).

    ``change`` describes how cleaning changed the value. ``reading`` describes how such values of
    its column are read, such as the order of day and month. Both are empty if there is nothing to
    report.
    """

    value: str | None
    change: str = ""
    reading: str = ""


USUAL = Conventions()


def clean(column: Column, raw: Any, conventions: Conventions = USUAL) -> Cleaned:
    """Return the value as it is stored. Raises Refused if the column cannot hold it."""
    if conventions.is_exact and isinstance(raw, str) and column.type == "STRING":
        return _check_length(column, Cleaned(_exact(raw, conventions)))
    if isinstance(raw, Linked):
        raw = raw.link if column.kind == "links" else str(raw)
    if column.type != "STRING":
        raw = objects.date_of(raw)
    if is_empty(raw) or (_may_be_no_value(column) and is_no_value(raw)):
        return Cleaned(None)
    if is_missing(column, raw):
        return Cleaned(None, f"“{str(raw).strip()}” stands for a missing value")
    raw, removed = _python_number(raw), ""
    if isinstance(raw, str):
        removed = apostrophes.removal(column, raw) if conventions.guards_formulas else ""
        raw = _replace_surrogates(raw[1:] if removed else raw)
    if column.type == "DATE":
        cleaned = _date(raw, conventions)
    elif column.type == "TIMESTAMP":
        cleaned = _timestamp(raw, conventions)
    else:
        cleaned = _links(raw) if column.kind == "links" else _text(column, raw)
        cleaned = _check_length(column, cleaned)
    changes = filter(None, [cleaned.change, removed])
    return Cleaned(cleaned.value or None, "; ".join(changes), cleaned.reading)


def _exact(text: str, conventions: Conventions) -> str | None:
    """Return the text as it was exported. Cells cannot tell an empty text from none."""
    if conventions.guards_formulas:
        text = text[1:] if apostrophes.is_guarded(text) else text
        return _replace_surrogates(text) or None
    return _replace_surrogates(text)


def check_key(column: Column, value: str | None) -> str:
    """Return the key if it can be part of a URL; raises Refused."""
    if value is None:
        raise Refused(f"{column.label} is missing", column.name)
    # Browsers take dots out of addresses.
    reserved = (".", "..", RESERVED_BSNID) if column.name == "bsnid" else (".", "..")
    if _FORBIDDEN_IN_KEYS.search(value) or value.lower() in reserved:
        reason = f"{column.label} “{value}” cannot be used: no address can hold it"
        raise Refused(reason, column.name)
    return value


def check_length(column: Column, value: str | None) -> None:
    """Raise Refused if the value is longer than its column takes."""
    length = len(value or "")
    if length > column.max_length:
        raise Refused(
            f"{column.label} has {length:,} characters; at most {column.max_length:,} fit"
        )


def links_in(raw: Any, conventions: Conventions = USUAL) -> list[Any]:
    """Return the links in a value: a list, the text of a list, or a text."""
    if isinstance(raw, list | dict):
        return raw if isinstance(raw, list) else [raw]
    text = raw.link if isinstance(raw, Linked) else str(raw)
    if conventions.guards_formulas and apostrophes.is_guarded(text):
        text = text[1:]
    if text.lstrip().startswith("{") and isinstance(found := literals.parse_value(text), dict):
        return [found]
    as_list = literals.parse_list(text)
    return split_links(text) if as_list is None else as_list


def _may_be_no_value(column: Column) -> bool:
    return column.type != "STRING" or column.kind == "links"


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


def _text(column: Column, raw: Any) -> Cleaned:
    if isinstance(raw, bool | dict | list):
        text = json.dumps(raw, ensure_ascii=False, default=_jsonable)
        if column.not_null:
            raise Refused(f"{column.label} is {text[:40]}, which is no text")
        if shown := objects.shown(raw, is_whole=column.kind == "long_text"):
            cleaned = _text(column, shown)
            read = str(cleaned.value)[:80]
            return replace(cleaned, change=f"“{text[:80]}” was read as “{read}”")
        return Cleaned(text, "was not a text")
    if isinstance(raw, dt.date | dt.time):
        # Excel makes dates of texts like 3-6.
        text = str(raw).removesuffix(" 00:00:00")
        return Cleaned(text, f"was the date or time {text}, and no text")
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)  # Excel has no whole numbers
    text = str(raw)
    value = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()
    changes = ["NUL characters were removed"] if "\x00" in text else []
    if column.kind != "long_text":
        value = one_line(value)
    if not changes and value != text.replace("\r\n", "\n").strip():
        changes.append("line breaks became spaces")
    if column.not_null and (seen := visible(value).strip()) != value:
        value = seen
        changes.append("invisible characters were removed")
    if column.vocabulary and (word := vocabulary.word_like(column.vocabulary, value)) != value:
        changes.append(f"“{value}” was read as “{word}”")
        value = word
    return Cleaned(value, "; ".join(changes))


def _jsonable(raw: Any) -> Any:
    return _python_number(raw) if isinstance(raw, Decimal) else str(raw)


def _links(raw: Any) -> Cleaned:
    parts = [part for part in links_in(raw) if part and str(part)]
    found = [objects.link_in(part) for part in parts]
    links = [each for each in dict.fromkeys(link.strip(" ,;\t\r\n") for link in found) if each]
    value = "\n".join(links)
    is_same = isinstance(raw, str) and value == raw.strip().replace("\r\n", "\n")
    if is_same or (isinstance(raw, list) and links == raw):
        return Cleaned(value)
    if len(links) == 1 and found != [str(part) for part in parts]:
        return Cleaned(value, f"“{str(raw).strip()[:80]}” was read as {value[:80]}")
    return Cleaned(value, f"{len(links)} links, one per line" if len(links) > 1 else "")


def _check_length(column: Column, cleaned: Cleaned) -> Cleaned:
    check_length(column, cleaned.value)
    return cleaned


def _date(raw: Any, conventions: Conventions) -> Cleaned:
    if isinstance(raw, dt.date) and not isinstance(raw, dt.datetime):
        return Cleaned(raw.isoformat())
    moment, change, reading = _moment(raw, conventions)
    lost = "the time of day was left out" if moment.time() != dt.time() else ""
    return Cleaned(moment.date().isoformat(), "; ".join(filter(None, [change, lost])), reading)


def _timestamp(raw: Any, conventions: Conventions) -> Cleaned:
    if isinstance(raw, dt.date) and not isinstance(raw, dt.datetime):
        raw = dt.datetime.combine(raw, dt.time())
    moment, change, reading = _moment(raw, conventions)
    return Cleaned(_utc(moment, conventions.zone).isoformat(), change, reading)


def _moment(raw: Any, conventions: Conventions) -> tuple[dt.datetime, str, str]:
    """Return the time, and a Cleaned's ``change`` and ``reading``. Raises Refused."""
    if isinstance(raw, dt.datetime):
        return raw, "", ""
    if isinstance(raw, dict | list):
        raw = date_numbers.from_parts(raw) or raw
        if isinstance(raw, dt.datetime):
            return raw, "", ""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise dates.no_date(str(raw))
    if isinstance(raw, int) and dates.is_compact(raw):
        raw = str(raw)
    if epoch := date_numbers.from_epoch(raw.strip() if isinstance(raw, str) else raw):
        moment, unit = epoch
        return moment, "", f"numbers such as {str(raw)[:20]} were read as {unit} since 1970 (UTC)"
    if (number := _day_number(raw)) is not None:
        return _excel_moment(number, conventions), f"Excel’s day {number:g}", ""
    text = str(raw).strip()
    moment = dates.parse(text, conventions.date_order)
    return moment, "", _reading(text, moment, conventions)


def _reading(text: str, moment: dt.datetime, conventions: Conventions) -> str:
    """Describe how a date that is not in ISO's order was read, and the zone that was assumed for
    it."""
    if re.match(r"\d{4}", text):
        return ""
    zone = f", in {conventions.zone}" if dates.is_local(text) else ""
    return f"dates such as “{text[:40]}” were read like {moment:%Y-%m-%d}{zone}"


def _utc(moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        reason = f"{moment.isoformat()} is outside the years 1 to 9999 in UTC"
        raise Refused(reason) from None


def _day_number(raw: Any) -> float | None:
    """Return Excel's number of a day, from a number or from the text of one, else None."""
    if isinstance(raw, str):
        text = raw.strip()
        return float(text.replace(",", ".")) if _DAY_AS_TEXT.fullmatch(text) else None
    return raw if isinstance(raw, int | float) and not isinstance(raw, bool) else None


def _excel_moment(number: float, conventions: Conventions) -> dt.datetime:
    # Day 60 of Excel’s first calendar is 29 February 1900, a day that did not exist.
    is_no_day = conventions.epoch == WINDOWS_EPOCH and 60 <= number < 61
    if not 1 <= number < 2_958_466 or is_no_day:  # up to the year 9999
        raise Refused(f"{str(number)[:40]} is not a date")
    try:
        moment: dt.datetime = from_excel(number, conventions.epoch)
    except OverflowError:
        raise Refused(f"{str(number)[:40]} is not a date") from None
    return moment
