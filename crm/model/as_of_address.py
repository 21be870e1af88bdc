"""Moments as they stand in addresses: ``/as-of/2026-11-20T09:30:00Z/accounts/``."""

from __future__ import annotations

import datetime as dt

SEGMENT = "as-of"


def parse(text: str) -> dt.datetime | None:
    """A moment in ISO 8601, UTC where it does not say otherwise; None for anything else."""
    try:
        moment = dt.datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def written(moment: dt.datetime) -> str:
    """The moment as it stands in addresses, to the second where it is one."""
    utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds' if utc.microsecond else 'seconds')}Z"


def address(moment: dt.datetime, present_url: str = "/") -> str:
    """The address of a page as of a moment; one that is in the past already changes to it."""
    path, mark, query = present_url.partition("?")
    segment, text, rest = split(path)
    if segment != SEGMENT or parse(text) is None:
        rest = path.lstrip("/")
    return f"/{SEGMENT}/{written(moment)}/{rest}{mark}{query}"


def split(path: str) -> tuple[str, str, str]:
    """``/as-of/M/accounts/`` → (``as-of``, ``M``, ``accounts/``)."""
    segment, _, others = path.lstrip("/").partition("/")
    text, _, rest = others.partition("/")
    return segment, text, rest
