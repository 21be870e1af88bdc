"""Moments in addresses, such as ``/as-of/2026-11-20T09:30:00Z/accounts/``."""

from __future__ import annotations

import datetime as dt

SEGMENT = "as-of"
# Pages count days and weeks from their moment, and show it in the reader's zone: far from the
# ends of Python's calendar, none of that leaves it.
_YEARS = range(1000, 9000)


def parse(text: str) -> dt.datetime | None:
    """Return the moment in UTC; None if the text is not ISO 8601, or of no year that pages show.

    Without a zone it is UTC.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year in _YEARS else None


def format_moment(moment: dt.datetime) -> str:
    """Return the moment in the URL's form: to the second, or to the microsecond if needed."""
    utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds' if utc.microsecond else 'seconds')}Z"


def address(moment: dt.datetime, present_url: str = "/") -> str:
    """Return the address of a page as of a moment.

    ``present_url`` is the page's address now, or as of another moment.
    """
    path, mark, query = present_url.partition("?")
    segment, text, rest = split(path)
    if segment != SEGMENT or parse(text) is None:
        rest = path.lstrip("/")
    return f"/{SEGMENT}/{format_moment(moment)}/{rest}{mark}{query}"


def split(path: str) -> tuple[str, str, str]:
    """Split ``/as-of/M/accounts/`` into ``as-of``, ``M`` and ``accounts/``."""
    segment, _, others = path.lstrip("/").partition("/")
    text, _, rest = others.partition("/")
    return segment, text, rest
