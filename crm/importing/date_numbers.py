"""Dates and times as programs write them in numbers: since 1970, or year, month and day."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

# Units of time since 1970, each with the range of numbers for the years 1973 to 2128. The ranges
# do not overlap, and contain no number of one of Excel's days.
_UNITS = (("seconds", 1), ("milliseconds", 10**3), ("microseconds", 10**6), ("nanoseconds", 10**9))
_EARLIEST, _LATEST = 10**8, 5 * 10**9
# Numbers like nanoseconds before 2001 are what Windows and .NET count since other years.
_FEWEST_NANOSECONDS = 10**18
# A time as .NET writes it in JSON. The zone only says where.
_MILLISECONDS = re.compile(r"\\?/Date\((\d+)(?:[+-]\d{4})?\)\\?/")
_NUMBER = re.compile(r"\d{9,19}(?:[.,]\d+)?|\d[.,]\d+[eE]\+?\d\d?")


def from_epoch(number: float | str) -> tuple[dt.datetime, str] | None:
    """Return the time (UTC) for a number of units since 1970, and the unit, or None.

    The size of the number shows the unit. A number may also come as text.
    """
    if isinstance(number, str):
        text = number.strip()
        if found := _MILLISECONDS.fullmatch(text):
            text = found[1]
        if not _NUMBER.fullmatch(text):
            return None
        text = text.replace(",", ".")
        number = int(text) if text.isdigit() else float(text)
    for unit, per_second in _UNITS:
        if _EARLIEST * per_second <= number < _LATEST * per_second:
            if unit == "nanoseconds" and number < _FEWEST_NANOSECONDS:
                return None
            start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
            microseconds = (
                number * 10**6 // per_second
                if isinstance(number, int)
                else round(number * (10**6 / per_second))
            )
            return start + dt.timedelta(microseconds=microseconds), unit
    return None


def from_parts(raw: dict[str, Any] | list[Any]) -> dt.datetime | int | None:
    """Return the time of a list of numbers, as Java writes it, or of an object with a year, a
    month and a day; the number of seconds of one that has it, as Firestore and Protocol Buffers
    do."""
    if isinstance(raw, dict):
        seconds = raw.get("_seconds", raw.get("seconds"))
        if isinstance(seconds, int) and len(raw) == 2:
            return seconds
        raw = [raw.get(name) for name in ("year", "month", "day")] if len(raw) == 3 else []
    is_year = len(raw) >= 3 and all(isinstance(each, int) for each in raw) and raw[0] > 999
    with suppress(ValueError, OverflowError):
        return of_numbers(raw[:6]) if is_year else None
    return None


def of_numbers(numbers: Iterable[int]) -> dt.datetime:
    """Return the time of a year, a month and a day, and perhaps an hour and so on."""
    year, month, day, *rest = numbers
    hour, minute, second, microsecond = [*rest, 0, 0, 0, 0][:4]
    return dt.datetime(year, month, day, hour, minute, second, microsecond)
