"""The period of a report: its days, and the tables at its beginning and its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.utils.dateparse import parse_date

from crm.fragments import plain_day
from crm.model.namespace import Namespace
from crm.repository import versions
from crm.repository.errors import BeforeTheTables, BeyondRetention, NoSuchMoment, Protected
from crm.repository.records.report import Period
from crm.request import Request
from crm.warehouse import Warehouse
from crm.warehouse.errors import StatementFailed

from . import _attention, _dates

WEEK, LAST_WEEK, MONTH, QUARTER, OWN = "week", "last-week", "month", "quarter", "own"
LABELS = {
    WEEK: "This week",
    LAST_WEEK: "Last week",
    MONTH: "This month",
    QUARTER: "This quarter",
}
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Days:
    """The days of a period: from ``first`` to the day before ``end``. ``key`` is its name.

    ``is_instead``: the URL names days of which there can be no report.
    """

    key: str
    first: dt.date
    end: dt.date
    is_instead: bool = False

    @property
    def last(self) -> dt.date:
        return self.end - _DAY

    @property
    def shown(self) -> str:
        if self.first == self.last:
            return plain_day(self.first)
        return f"{plain_day(self.first)} to {plain_day(self.last)}"

    @property
    def parameters(self) -> dict[str, str]:
        if self.key != OWN:
            return {"period": self.key}
        return {
            "period": OWN,
            "since": self.first.isoformat(),
            "until": self.last.isoformat(),
        }


def read(request: Request) -> Days:
    """Return the period that the URL names; this week if it names none, or an impossible one."""
    today = _attention.today(request)
    key, tomorrow = request.GET.get("period", ""), today + _DAY
    monday = today - today.weekday() * _DAY
    if key == LAST_WEEK:
        return Days(key, monday - 7 * _DAY, monday)
    if key == MONTH:
        return Days(key, today.replace(day=1), tomorrow)
    if key == QUARTER:
        month = today.month - (today.month - 1) % 3
        return Days(key, today.replace(month=month, day=1), tomorrow)
    if key == OWN:
        since, until = (request.GET.get(name, "") for name in ("since", "until"))
        first, last = _day(since), _day(until) if until else today
        if first and last and first <= min(last, today):
            return Days(key, first, min(last, today) + _DAY)
    return Days(WEEK, monday, tomorrow, is_instead=key == OWN)


def _day(text: str) -> dt.date | None:
    try:
        found = parse_date(text[:10])
    except ValueError:
        return None
    return found if found and 1900 <= found.year <= 2999 else None


def of_days(days: Days) -> Period:
    began = {
        status: _dates.start_of_day(days.end - dt.timedelta(days=limit))
        for status, limit in settings.EDIP_STATUS_DAYS.items()
    }
    return Period(
        days.first,
        days.end,
        days.last - dt.timedelta(days=settings.EDIP_STALE_DAYS),
        {status: moment for status, moment in began.items() if moment},
    )


@contextmanager
def _protected() -> Iterator[None]:
    """Raise Protected if a row filter or a column mask prevents reading the tables' history."""
    try:
        yield
    except StatementFailed as error:
        raise Protected() if error.is_refused_by_policy else error from error


def at_end(request: Request, days: Days) -> Warehouse:
    """Return the warehouse that reads the end of the period. Raises NoSuchMoment."""
    wh, end = request.warehouse, _dates.start_of_day(days.end)
    now = request.as_of.moment if request.as_of else dt.datetime.now(dt.UTC)
    if end is None or end > now:
        return wh
    with _protected():
        return versions.as_of(wh.at(wh.namespace.present), end)


@dataclass(frozen=True)
class Beginning:
    """The tables at the beginning of the period; ``namespace`` is None if they cannot be read.

    ``why`` gives the reason for that, or for reading a later moment, ``since``, instead.
    """

    namespace: Namespace | None
    why: str = ""
    since: dt.datetime | None = None


def at_beginning(request: Request, days: Days) -> Beginning:
    """Return the tables at the beginning of the period, or at the earliest moment in it that the
    warehouse has kept."""
    wh, first = request.warehouse, _dates.start_of_day(days.first)
    if first is None:
        return Beginning(None, "it is unknown when that day began")
    present = wh.at(wh.namespace.present)
    try:
        with _protected():
            return Beginning(versions.as_of(present, first).namespace)
    except BeyondRetention as error:
        earliest, end = error.earliest, _dates.start_of_day(days.end)
        if earliest is None or end is None or earliest >= end:
            return Beginning(None, why_not(error))
        return Beginning(versions.as_of(present, earliest).namespace, why_not(error), earliest)
    except NoSuchMoment as error:
        return Beginning(None, why_not(error))


def why_not(error: NoSuchMoment) -> str:
    """Return the reason why the tables cannot be read as of a moment, as part of a sentence."""
    if isinstance(error, Protected):
        return "a row filter or a column mask hides the earlier tables from you"
    since = f" {plain_day(error.earliest)}" if error.earliest else " a later day"
    if isinstance(error, BeforeTheTables):
        return f"the CRM’s tables have existed only since{since}"
    return f"the warehouse keeps earlier data only from{since} on"
