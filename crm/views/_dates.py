"""The date filters of lists: read from the URL, written into it, and shown.

A day begins in the reader's zone. Wrong values count as absent.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date

from crm.fragments import plain_day
from crm.model.records import NEVER

_NEVER = "never"
_DAY = re.compile(r"[12]\d{3}-\d\d-\d\d")


@dataclass(frozen=True)
class DateFilter:
    """A date filter of a list.

    :param name: the name of the URL parameter.
    :param is_moment: whether the list compares moments; a day stands for its beginning.
    :param never: the label of the choice ``never``; empty if the filter has no such choice.
    """

    name: str
    label: str
    is_moment: bool = False
    never: str = ""


CHANGED = (
    DateFilter("changed-since", "Changed since", is_moment=True),
    DateFilter("changed-before", "Changed before", is_moment=True),
)
STATUS_SET = DateFilter("in-status-since", "Status set before", is_moment=True)
OF_ACCOUNTS = (
    DateFilter("not-updated-since", "No update since", never="Never updated"),
    DateFilter("updated-since", "Latest update since"),
    DateFilter("updated-before", "Latest update before"),
    STATUS_SET,
    *CHANGED,
)
OF_USE_CASES = (
    STATUS_SET,
    DateFilter("created-since", "Created since", is_moment=True),
    DateFilter("created-before", "Created before", is_moment=True),
    *CHANGED,
)
OF_UPDATES = (
    DateFilter("updated-since", "Dated since"),
    DateFilter("updated-before", "Dated before"),
    *CHANGED,
)


@dataclass(frozen=True)
class DateField:
    """A date filter and its value in the list's form."""

    filter: DateFilter
    value: dt.date | None

    @property
    def day(self) -> str:
        return "" if self.is_never or self.value is None else text(self.value)

    @property
    def shown(self) -> str:
        """The value as the text of a chip."""
        if self.is_never or self.value is None:
            return _NEVER if self.is_never else ""
        return plain_day(_day_of(self.value))

    @property
    def is_never(self) -> bool:
        return self.value == NEVER


def start_of_day(day: str | dt.date | None, after: int = 0) -> dt.datetime | None:
    """Return the moment at which the day begins in the reader's zone, or ``after`` days later."""
    try:
        date = parse_date(day or "") if isinstance(day, str | None) else day
        if date is None:
            return None
        start = dt.datetime.combine(date + dt.timedelta(days=after), dt.time())
        return timezone.make_aware(start).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def read(parameters: QueryDict, filters: tuple[DateFilter, ...]) -> dict[str, dt.date]:
    """Return the value of each date filter that the URL has."""
    found = ((by.name, _value(parameters.getlist(by.name), by)) for by in filters)
    return {name: value for name, value in found if value is not None}


def _value(given: list[str], by: DateFilter) -> dt.date | None:
    if by.never and _NEVER in given:
        return NEVER
    days = (each.strip() for each in given)
    day = next((each for each in days if _DAY.fullmatch(each)), None)
    start = start_of_day(day)
    if start is None or by.is_moment:
        return start
    return timezone.localtime(start).date()


def pairs(dates: Mapping[str, dt.date]) -> list[tuple[str, str]]:
    """Return the URL's parameters that ``read`` understands as ``dates``."""
    return [(name, text(value)) for name, value in dates.items()]


def text(value: dt.date) -> str:
    """Return the day in the URL's form, YYYY-MM-DD."""
    return _NEVER if value == NEVER else _day_of(value).isoformat()


def _day_of(value: dt.date) -> dt.date:
    return timezone.localtime(value).date() if isinstance(value, dt.datetime) else value
