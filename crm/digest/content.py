"""What a digest says, whatever form it has, and the texts that forms share."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.dateformat import format

# Characters of one text from the data.
LENGTH = 160
# Turn the order of others: in a mail they could make a text look like another one.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BREAKS = frozenset({"Cc", "Zl", "Zp", "Cs"})


@dataclass(frozen=True)
class Account:
    """An account with its changes, in words; ``more`` changes are not among them, or, if it
    ``is_cut``, at least so many."""

    team: str
    path: str
    lines: Sequence[str]
    more: int = 0
    is_cut: bool = False

    @property
    def rest(self) -> str:
        """Return what is not among the lines, in words."""
        least = "at least " if self.is_cut else ""
        return f"{least}{self.more:,} more" if self.more else "maybe more" if self.is_cut else ""


@dataclass(frozen=True)
class Kind:
    """A kind of what needs attention; ``path`` leads to all, ``names`` are the first."""

    heading: str
    count: int
    path: str
    names: Sequence[str]


@dataclass(frozen=True)
class Digest:
    """
    :param whose: whose accounts it is about, such as ``Your accounts``.
    :param path: of the page that shows more.
    :param since: from when on it tells; ``until`` is up to when.
    :param accounts: the first that changed; ``left_out`` others are not among them.
    :param changes: how many there are.
    :param has_more: there are more changes than were counted.
    :param unknown: why nobody can tell what changed; else empty.
    :param is_short: it only says that there is one, since it may not quote the data.
    """

    whose: str
    path: str
    since: dt.datetime
    until: dt.datetime
    accounts: Sequence[Account] = ()
    left_out: int = 0
    changes: int = 0
    has_more: bool = False
    kinds: Sequence[Kind] = ()
    unknown: str = ""
    is_short: bool = False

    @property
    def rest(self) -> str:
        """Return what is not among the accounts, in words. Those that were not counted may be
        changes of others."""
        if self.left_out:
            least = "at least " if self.has_more else ""
            return f"changes of {least}{_counted(self.left_out, 'more account')}"
        return "more changes" if self.has_more else ""

    @property
    def is_empty(self) -> bool:
        return not (self.changes or self.kinds or self.unknown or self.is_short)

    @property
    def subject(self) -> str:
        """Return its contents in numbers; it quotes no data."""
        if self.is_short:
            return "EDIP CRM: your digest"
        waiting = sum(kind.count for kind in self.kinds)
        changes = f"{'more than ' if self.has_more else ''}{_counted(self.changes, 'change')}"
        return f"EDIP CRM: {changes}, {waiting:,} to look at"

    @property
    def period(self) -> str:
        """Return from when to when it tells, in the zone that is active."""
        since, until = map(timezone.localtime, (self.since, self.until))
        return f"{format(since, 'j M Y, H:i')} to {format(until, 'j M Y, H:i T')}"


def plain(text: str | None) -> str:
    """Return a text from the data as one line of at most ``LENGTH`` characters.

    Without characters that break lines or turn the order of others.
    """
    whole = _TURNING.sub("", text or "")
    spaced = "".join(" " if unicodedata.category(c) in _BREAKS else c for c in whole)
    line = " ".join(spaced.split())
    return line if len(line) <= LENGTH else f"{line[: LENGTH - 1].rstrip()}…"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
