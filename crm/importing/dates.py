"""Reads dates and times as people and programs write them: Excel, pandas, browsers, warehouses.

A date like 7/8/2026 does not show whether the day or the month comes first, and 26/7/23 may begin
with the year. ``ColumnOrder`` tells from all dates of a column.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass

from crm.model.characters import HYPHENS, visible

from .date_numbers import of_numbers
from .date_words import BEFORE_TIME, BESIDE, MONTHS, WEEKDAY, ZONES, with_usual_time
from .errors import Refused

MONTH_FIRST, DAY_FIRST, YEAR_FIRST = "mdy", "dmy", "ymd"
ORDERS = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)

_NUMERIC = re.compile(r"(\d{1,4})\s*([./-])\s*(\d{1,2})\s*\2\s*(\d{1,4})\.?")
# As East Asian programs write it: year, month and day, each before its word.
_WORDED = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?")
_TIME = re.compile(
    rf"(?:^|[T\s,]+{BEFORE_TIME}|(?<=\d{{4}}):)"
    r"(\d{1,2})(?::|\s?h\s?)(\d{2})(?::(\d{2})(?:[.,:](\d{1,9}))?)?\s*([ap])?\.?(?:m\.?)?"
    rf"(?:\s*uhr)?\s*((?:z|utc|gmt|{'|'.join(ZONES)})?\s*(?:[+-]\d{{1,2}}(?::?\d{{2}})?)?)\s*"
    # As Go writes it: the zone's name after its offset.
    r"(?:(?:(?<=[+-]\d{4}\s)|(?<=[+-]\d\d:\d\d\s))[a-z]{3,4}\s*)?"
    r"(?:\([^)]*\)|\[[\w/+-]+\])?$",
    re.IGNORECASE,
)
_ZONE_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?$")
_HYPHENS = str.maketrans(dict.fromkeys(HYPHENS, "-"))
# A date or time as Python's or pandas' repr prints it.
_REPR = re.compile(
    r"""(?:pd\.)?Timestamp\(['"]([^'"]+)['"].*\)"""
    r"""|(?:np\.|numpy\.)?datetime64\(['"]([^'"]+)['"].*\)"""
)
_CALL = re.compile(r"(?:datetime\.)?(?:datetime|date)\((\d+(?:,\s*\d+){2,6})(?:,\s*tzinfo=.*)?\)")
# No date is longer, and the patterns take very long for a text that is.
_LONGEST = 200


class AmbiguousDate(Refused):
    """Day and month could be swapped, and the caller did not say which comes first."""


def parse(text: str, order: str = "") -> dt.datetime:
    """Parse a date, perhaps with a time (without ``tzinfo`` where the text names no zone).
    ``order``: one of ORDERS, for dates that allow several. YEAR_FIRST is for years of two digits.

    Raises AmbiguousDate if it needs an order and has none, else Refused if it is not a date.
    """
    given, text = text, _plain(text)
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return _parse(_unwrapped(text), order)
    except (ValueError, OverflowError):
        raise no_date(given) from None


def no_date(text: str) -> Refused:
    return Refused(f"“{text[:40]}” is not a date; write it like 2025-06-27")


@dataclass(frozen=True)
class Allowed:
    """The orders that a numeric date allows, none if it needs none; its first and last number."""

    orders: frozenset[str] = frozenset()
    first: str = ""
    last: str = ""


def allowed(text: str) -> Allowed:
    date, _ = _split(_unwrapped(_plain(text)))
    found = _NUMERIC.fullmatch(date)
    if not found or len(found[1]) > 2:
        return Allowed()
    orders = frozenset(_readings(found))
    is_german = found[2] == "." and DAY_FIRST in orders
    return Allowed() if is_german else Allowed(orders, found[1], found[4])


class ColumnOrder:
    """The order that all dates of a column show together."""

    def __init__(self) -> None:
        self._left, self._single = set(ORDERS), set[str]()
        self._firsts, self._lasts = set[str](), set[str]()

    def add(self, date: Allowed) -> None:
        if not date.orders:
            return
        self._left &= date.orders
        self._single |= date.orders if len(date.orders) == 1 else set()
        self._firsts.add(date.first)
        self._lasts.add(date.last)

    @property
    def shown(self) -> list[str]:
        """Return the only order; empty where several remain, two and more where dates contradict
        each other."""
        if not self._firsts or len(self._left) == 1:
            return sorted(self._left) if self._firsts else []
        if not self._left:
            return sorted(self._single) if len(self._single) > 1 else []
        # 26/7/23 may begin with the year, but a column of days has more of them than of years.
        if self._left == {DAY_FIRST, YEAR_FIRST} and len(self._firsts) >= len(self._lasts):
            return [DAY_FIRST]
        return []


def is_compact(number: int) -> bool:
    """Return whether a number is like 20250627 or 20250627140311, of the years 1900 to 2099."""
    return bool(_COMPACT.fullmatch(str(number))) and str(number)[:2] in ("19", "20")


def is_local(text: str) -> bool:
    """Return whether a text has a time as people and spreadsheets write it, without a zone.

    Times in ISO's order without a zone are UTC, as programs write them.
    """
    text = _unwrapped(_plain(text))
    if re.match(r"\d{4}", text) or ":" not in text:
        return False
    _, time = _split(text)
    return time is not None and not time[6]


def _plain(text: str) -> str:
    """Return the text with usual blanks, digits, hyphens and colons, the time last, and no
    apostrophe that makes it a text in a spreadsheet; empty if it is too long for a date."""
    if not text.isascii():
        # Browsers put invisible characters into dates.
        text = visible(unicodedata.normalize("NFKC", text)).translate(_HYPHENS)
    plain = " ".join(text.removeprefix("'").split())
    return with_usual_time(plain) if len(plain) <= _LONGEST else ""


def _unwrapped(text: str) -> str:
    if found := _REPR.fullmatch(text):
        return found[1] or found[2]
    if found := _CALL.fullmatch(text):
        with suppress(ValueError, OverflowError):
            return of_numbers(map(int, found[1].split(","))).isoformat(" ")
    return text


def _split(text: str) -> tuple[str, re.Match[str] | None]:
    """Return the text's date, and its time if it has one."""
    time = _TIME.search(text)
    date = text[: time.start()] if time else text
    return WEEKDAY.sub("", date).strip(" ,"), time


def _parse(text: str, order: str) -> dt.datetime:
    date_text, time = _split(text)
    # "Fri Jun 27 14:03:11 UTC 2025" has its year last.
    if not time and (found := re.fullmatch(r"(.*\d:\d\d(?::\d\d)?)( [A-Z]{3,4})? (\d{4})", text)):
        date_text, time = _split(found[1] + (found[2] or ""))
        date_text = f"{date_text} {found[3]}"
    day = _date(date_text, order)
    if time is None:
        return day
    hour, minute, second = int(time[1]), int(time[2]), int(time[3] or 0)
    if time[5]:
        if not 1 <= hour <= 12:
            raise ValueError(text)
        hour = hour % 12 + (12 if time[5].lower() == "p" else 0)
    # ISO 8601 allows 24:00 for the end of a day.
    days, hour = (1, 0) if (hour, minute, second) == (24, 0, 0) else (0, hour)
    microsecond = int((time[4] or "0")[:6].ljust(6, "0"))
    value = day.replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
    return (value + dt.timedelta(days)).replace(tzinfo=_zone(time[6] or ""))


def _zone(text: str) -> dt.timezone | None:
    if offset := _ZONE_OFFSET.search(text):
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return dt.timezone(dt.timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    if hours := ZONES.get(text.strip().lower()):
        return dt.timezone(dt.timedelta(hours=hours))
    return dt.UTC if text.strip() else None


def _date(text: str, order: str) -> dt.datetime:
    if found := _NUMERIC.fullmatch(text):
        return _numeric(text, found, order)
    if found := _WORDED.fullmatch(text) or _COMPACT.fullmatch(text):
        return of_numbers(int(number) for number in found.groups() if number)
    words = re.findall(r"\d+|[^\W\d_]+", text)
    months = [word for word in words if word.lower() in MONTHS]
    numbers = [word for word in words if word.isdigit()]
    # Only a month, a day and a year are understood, not "2nd" or a zone.
    others = {w.lower() for w in words if not w.isdigit()} - {m.lower() for m in months}
    if len(months) != 1 or len(numbers) != 2 or others - BESIDE:
        raise ValueError(text)
    day, year = numbers if len(numbers[0]) <= 2 else reversed(numbers)
    return dt.datetime(_year(year), MONTHS[months[0].lower()], int(day))


def _numeric(text: str, found: re.Match[str], order: str) -> dt.datetime:
    if len(found[1]) > 2:
        return dt.datetime(_year(found[1]), int(found[3]), int(found[4]))
    readings = _readings(found)
    if found[2] == "." and DAY_FIRST in readings and order != YEAR_FIRST:
        return readings[DAY_FIRST]
    if order in readings:
        return readings[order]
    has_short_year = len(found[4]) <= 2
    if not readings or (order == YEAR_FIRST and has_short_year):
        raise ValueError(text)
    if len(set(readings.values())) > 1:
        may = "the day, the month or the year" if len(readings) > 2 else "the day or the month"
        may = "the day or the year" if MONTH_FIRST not in readings else may
        raise AmbiguousDate(
            f"“{text[:40]}” may begin with {may}, and no other date in its column shows which; "
            "write it like 2025-06-27"
        )
    return next(iter(readings.values()))


def _readings(found: re.Match[str]) -> dict[str, dt.datetime]:
    """Map each order that the numbers allow to the day that they mean in it."""
    first, second, last = found[1], found[3], found[4]
    days = {DAY_FIRST: (last, second, first), MONTH_FIRST: (last, first, second)}
    if len(last) <= 2:
        days[YEAR_FIRST] = (first, second, last)
    readings = {}
    for order, (year, month, day) in days.items():
        with suppress(ValueError):
            readings[order] = dt.datetime(_year(year), int(month), int(day))
    return readings


def _year(text: str) -> int:
    """Return the year. Two digits mean 1969 to 2068, as in POSIX."""
    if len(text) == 4:
        return int(text)
    if len(text) != 2:
        raise ValueError(text)
    return int(text) + (2000 if int(text) <= 68 else 1900)
