"""Surveys a source: reads every row, and keeps what a person needs to decide how to read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from crm.importing import cleaning, dates
from crm.importing.dates import AmbiguousDate
from crm.importing.errors import Refused, SourceError, Stopped
from crm.importing.headings import columns_by_index, normal
from crm.importing.mapping.survey import Heading, PartSurvey
from crm.importing.parts import Part, Source
from crm.importing.raw_rows import Unreadable
from crm.model.missing import is_empty
from crm.model.schema import ACCOUNTS, TABLES

SAMPLES, SAMPLE_LENGTH = 3, 60
# Headings that are shown of a part, and of all parts; beyond them those that name a column of ours
# (of which a part has 40 at most). A form takes DATA_UPLOAD_MAX_NUMBER_FIELDS: one for each
# heading, and six for each part.
HEADINGS = 200
ALL_HEADINGS = 3_000
PARTS = 100
# A column without a date among so many values has none: its other values are not tried.
_TRIED = 100
_REPORTED_EVERY = 5_000

Cells = Sequence[tuple[str, Any]]


def survey(
    source: Source, progress: Callable[[int], None], should_stop: Callable[[], bool]
) -> list[PartSurvey]:
    """Return what each part holds. Calls ``progress`` with the number of rows read so far.

    Parts without rows are absent. Raises SourceError, and Stopped if
    ``should_stop`` returns True.
    """
    rows, found = 0, list[PartSurvey]()
    if len(source.parts) > PARTS:
        raise SourceError(
            f"The file holds {len(source.parts):,} files or sheets; this page reads {PARTS} at a "
            "time. Use “manage.py import_legacy”, or several uploads."
        )
    for part in source.parts:
        shown = sum(len(each.headings) for each in found)
        surveyed = _PartTally(part, min(HEADINGS, ALL_HEADINGS - shown))
        for cells in surveyed.rows():
            rows += 1
            surveyed.add(cells)
            if rows % _REPORTED_EVERY == 0:
                progress(rows)
                if should_stop():
                    raise Stopped("You asked to stop.")
        if surveyed.result.rows:
            found.append(surveyed.result)
    return found


class _PartTally:
    def __init__(self, part: Part, most_headings: int) -> None:
        self._most = most_headings
        guess = part.guess.name if part.guess else ""
        encoding = part.encoding.name if part.encoding and not part.encoding.is_utf8 else ""
        self.result = PartSurvey(part.file, part.name, guess, encoding=encoding)
        if part.encoding:
            self.result.words = [word.decode("latin-1") for word in part.encoding.words]
            self.result.is_unsure = not part.encoding.is_sure
        self.result.is_fixed, self.result.is_json = part.is_fixed, part.is_json
        # A table is only needed to find the row with the headings.
        self._sheet = part.as_table(part.table or part.guess or ACCOUNTS)
        # Which dates need an order does not depend on the one that was chosen.
        self._conventions = replace(self._sheet.conventions, date_order="")
        # None for a heading that is not shown.
        self._tallies: dict[str, _Tally | None] = {}
        self._by_word: dict[str, _Tally] = {}

    def rows(self) -> Iterator[Cells]:
        return (row.cells for row in self._sheet.rows() if row.cells is not None)

    def add(self, cells: Cells) -> None:
        self.result.rows += 1
        for heading, value in cells:
            if heading not in self._tallies:
                self._tallies[heading] = self._tally(heading)
            tally = self._tallies[heading]
            if tally and not is_empty(value) and not isinstance(value, Unreadable):
                tally.add(value, self._conventions)

    def _tally(self, heading: str) -> _Tally | None:
        word = normal(heading)
        if word not in self._by_word:
            if len(self._by_word) >= self._most and not _is_known(heading):
                return None
            self.result.headings.append(Heading(heading, word))
            self._by_word[word] = _Tally(self.result.headings[-1])
        return self._by_word[word]


def _is_known(heading: str) -> bool:
    return any(columns_by_index(table, [heading]) for table in TABLES)


@dataclass
class _Tally:
    heading: Heading
    found: int = 0
    order: dates.ColumnOrder = field(default_factory=dates.ColumnOrder)

    def add(self, value: Any, conventions: cleaning.Conventions) -> None:
        heading = self.heading
        heading.filled += 1
        if len(heading.samples) < SAMPLES:
            sample = _sample(value)
            if sample not in heading.samples:
                heading.samples.append(sample)
        if heading.filled <= _TRIED or self.found:
            self._add_date(value, conventions)
        else:
            heading.unreadable += 1

    def _add_date(self, value: Any, conventions: cleaning.Conventions) -> None:
        heading = self.heading
        # The same texts come again and again; lists and objects cannot be cached.
        as_date = _text_as_date if isinstance(value, str) else _as_date
        found = as_date(value, conventions)
        self.found += found.is_date or found.is_unclear
        heading.unclear += found.is_unclear
        heading.unreadable += found.is_unreadable
        heading.local += found.is_local
        self.order.add(found.allowed)
        heading.orders = self.order.shown


@dataclass(frozen=True)
class _AsDate:
    """What a value is as a date. All is False for a word that stands for no value."""

    is_date: bool = False
    is_unclear: bool = False
    is_unreadable: bool = False
    is_local: bool = False
    allowed: dates.Allowed = dates.Allowed()


def _as_date(value: Any, conventions: cleaning.Conventions) -> _AsDate:
    text = value if isinstance(value, str) else ""
    try:
        cleaned = cleaning.clean(_STAMP, value, conventions)
    except AmbiguousDate:
        allowed = dates.allowed(text)
        return _AsDate(is_unclear=True, is_local=dates.is_local(text), allowed=allowed)
    except Refused:
        return _AsDate(is_unreadable=True)
    if cleaned.value is None:
        return _AsDate()
    return _AsDate(True, is_local=dates.is_local(text), allowed=dates.allowed(text))


_text_as_date = lru_cache(maxsize=20_000)(_as_date)
_STAMP = ACCOUNTS.column("created_at")


def _sample(value: Any) -> str:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(str(value).split())
    return text if len(text) <= SAMPLE_LENGTH else f"{text[: SAMPLE_LENGTH - 1]}…"
