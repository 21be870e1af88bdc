"""The position in the history at which a page begins."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cached_property

from ._row_versions import EPOCH, MICROSECOND, Order, RowVersion, order_of

_CURSOR = re.compile(r"(\d{1,17})-(\d)-(\d{1,18})-((?:[0-9a-f]{32}\.?)*)-(.*)", re.DOTALL)


@dataclass(frozen=True)
class Position:
    """A position in the history."""

    moment: dt.datetime
    place: int
    version: int
    key: str

    @classmethod
    def of(cls, row: RowVersion) -> Position:
        return cls(row.moment, row.place, row.version, row.key or "")

    @classmethod
    def at(cls, moment: dt.datetime) -> Position:
        """Return the position before the changes that are older than the moment."""
        return cls(moment, -1, 0, "")

    @classmethod
    def up_to(cls, moment: dt.datetime) -> Position:
        """Return the position after all changes at the moment."""
        return cls(moment, 0, 0, "")

    @cached_property
    def order(self) -> Order:
        return order_of(self.moment, self.place, self.version, self.key)


def is_up_to(row: RowVersion, until: Position | None) -> bool:
    """Return whether the row is not older than the position; True without a position."""
    return until is None or row.order <= until.order


@dataclass(frozen=True)
class Cursor:
    """The beginning of a page, as a text for a URL.

    :param passed: operations that earlier pages showed as one entry, and that have older changes.
    """

    position: Position
    passed: frozenset[str] = frozenset()

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """Return the cursor of the text; None if the text is not a cursor."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            return None
        micros, place, version, passed, key = match.groups()
        moment = EPOCH + int(micros) * MICROSECOND
        position = Position(moment, int(place), int(version), key)
        return cls(position, frozenset(filter(None, passed.split("."))))

    def __str__(self) -> str:
        micros, place, version = (-number for number in self.position.order[:3])
        passed = ".".join(sorted(self.passed))
        return f"{micros}-{place}-{version}-{passed}-{self.position.key}"
