"""Figures for the charts: bars and stacked bars, each part with its link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from crm.model import vocabulary
from crm.page_urls import page_url


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
        return sum(part.count for part in self.parts if part.word == "Completed")

    @property
    def completed_percent(self) -> int:
        return round(100 * self.completed / self.total) if self.total else 0


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


def stacks(adoption: Mapping[str, Mapping[str, int]]) -> list[Stack]:
    platforms = vocabulary.platforms()
    ordered = [*platforms, *(name for name in adoption if name not in platforms)]
    return [_stack(name, adoption.get(name, {})) for name in ordered]


def _stack(platform: str, counts: Mapping[str, int]) -> Stack:
    known = vocabulary.onboarding_statuses()
    total = sum(counts.values())
    parts, start = [], 0.0
    for word in (*known, *(word for word in counts if word not in known)):
        width = 100 * counts.get(word, 0) / total if total else 0
        url = link("account-list", {"platform": platform, "status": word})
        parts.append(Bar(word, counts.get(word, 0), round(start, 2), round(width, 2), url))
        start += width
    return Stack(platform, total, tuple(parts), link("account-list", {"platform": platform}))


def link(url_name: str, parameters: Mapping[str, str | Iterable[str]]) -> str:
    return f"{page_url(url_name)}?{urlencode(parameters, doseq=True)}"
