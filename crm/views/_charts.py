"""Figures for the charts: bars and stacked bars, each part with its link."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from crm.model import vocabulary
from crm.page_urls import page_url


def percentage(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0


@dataclass(frozen=True)
class Bar:
    """A word and its count; ``start`` and ``width`` are percentages of the whole bar."""

    word: str
    count: int
    start: float
    width: float
    url: str


@dataclass(frozen=True)
class Stack:
    """One platform's accounts by onboarding status."""

    platform: str
    total: int
    parts: tuple[Bar, ...]
    url: str

    @property
    def completed(self) -> int:
        return sum(part.count for part in self.parts if part.word == vocabulary.COMPLETED)

    @property
    def completed_percent(self) -> int:
        return percentage(self.completed, self.total)

    @property
    def wanting(self) -> int:
        """Return how many have any status but Not Started."""
        return sum(part.count for part in self.parts if part.word != vocabulary.NOT_STARTED)

    @property
    def percent_of_wanting(self) -> int:
        """Return the percentage of the accounts wanting the platform that have completed it."""
        return percentage(self.completed, self.wanting)


@dataclass(frozen=True)
class Column:
    """A week's figure, None if unknown; ``height`` is a percentage of the tallest column."""

    week: dt.date
    count: int | None
    height: float
    place: int
    url: str = ""

    @property
    def left(self) -> int:
        return 10 * self.place + 1

    @property
    def top(self) -> float:
        return 100 - self.height


def columns(
    counts: Sequence[int | None], weeks: Sequence[dt.date], url_name: str = "", by: str = ""
) -> list[Column]:
    """Return a column per week. ``by`` is the prefix of the date filters in its link."""
    most = max((count or 0 for count in counts), default=0) or 1
    return [
        Column(
            week,
            count,
            round(100 * (count or 0) / most, 2),
            place,
            _of_week(url_name, by, week) if url_name and count else "",
        )
        for place, (count, week) in enumerate(zip(counts, weeks, strict=True))
    ]


def _of_week(url_name: str, by: str, week: dt.date) -> str:
    days = {f"{by}-since": week, f"{by}-before": week + dt.timedelta(days=7)}
    return link(url_name, {name: day.isoformat() for name, day in days.items()})


def bars(
    counts: Mapping[str, int], url_name: str, parameter: str, words: Iterable[str] = ()
) -> list[Bar]:
    """Return a bar per word, the longest as wide as its row; ``words`` show even at 0."""
    ordered = [*words, *(word for word in counts if word not in words)]
    most = max(counts.values(), default=0) or 1
    return [
        Bar(
            word,
            counts.get(word, 0),
            0,
            round(100 * counts.get(word, 0) / most, 2),
            link(url_name, {parameter: word}),
        )
        for word in ordered
    ]


def stacks(
    adoption: Mapping[str, Mapping[str, int]],
    of: Mapping[str, str | Iterable[str]] | None = None,
) -> list[Stack]:
    """Return a bar per platform; its links lead to the accounts that also pass the filters
    ``of``."""
    platforms = vocabulary.platforms()
    ordered = [*platforms, *(name for name in adoption if name not in platforms)]
    return [_stack(name, adoption.get(name, {}), of or {}) for name in ordered]


def _stack(
    platform: str, counts: Mapping[str, int], of: Mapping[str, str | Iterable[str]]
) -> Stack:
    known = vocabulary.onboarding_statuses()
    total = sum(counts.values())
    parts, start = [], 0.0
    for word in (*known, *(word for word in counts if word not in known)):
        width = 100 * counts.get(word, 0) / total if total else 0
        url = link("account-list", {**of, "platform": platform, "status": word})
        parts.append(Bar(word, counts.get(word, 0), round(start, 2), round(width, 2), url))
        start += width
    url = link("account-list", {**of, "platform": platform})
    return Stack(platform, total, tuple(parts), url)


def link(url_name: str, parameters: Mapping[str, str | Iterable[str]]) -> str:
    return f"{page_url(url_name)}?{urlencode(parameters, doseq=True)}"
