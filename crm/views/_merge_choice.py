"""The choices of a person who merges two accounts, field by field."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from crm.model import vocabulary
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, USE_CASES, Column
from crm.repository.merge.merging import Choice
from crm.repository.merge.pair import Pair, Side

KEPT, OTHER, BOTH = "kept", "other", "both"
SIDES = (KEPT, OTHER)


@dataclass(frozen=True)
class Option:
    """A value to choose, and the account (``side``) that has it."""

    side: str
    value: str


@dataclass(frozen=True)
class Question:
    """A field, or a platform's status, that differs.

    :param name: the name of its form field.
    :param chosen: the side of the chosen option.
    :param is_changed: whether a value has changed after the person saw it.
    """

    name: str
    label: str
    options: tuple[Option, ...]
    chosen: str
    is_changed: bool = False
    is_status: bool = False

    @property
    def value(self) -> str:
        return next(each.value for each in self.options if each.side == self.chosen)


@dataclass(frozen=True)
class Questions:
    """The differences between the two accounts, and the person's choices.

    :param given: the submitted form fields; empty for a new form.
    :param masked: the columns of accounts that a policy masks.
    :param shown: the fingerprints of the values that the person saw; None for a new form.
    """

    pair: Pair
    given: Mapping[str, str]
    masked: frozenset[str] = frozenset()
    shown: frozenset[str] | None = None

    @property
    def kept(self) -> Side:
        assert self.pair.kept
        return self.pair.kept

    @property
    def other(self) -> Side:
        assert self.pair.other
        return self.pair.other

    @property
    def is_double(self) -> bool:
        """Return whether several rows have the same key. An undo could not restore all of them."""
        return self.kept.is_double or self.other.is_double

    @cached_property
    def fields(self) -> list[Question]:
        return [
            self._field(column)
            for column in ACCOUNTS.editable
            if column.name not in self.masked and len(set(self._values(column))) > 1
        ]

    @cached_property
    def statuses(self) -> list[Question]:
        """The platforms for which the two accounts have different statuses."""
        mine, theirs = self.kept.statuses, self.other.statuses
        both = (name for name in mine if name in theirs)
        return [self._status(n) for n in both if mine[n].status != theirs[n].status]

    @property
    def same(self) -> list[str]:
        """The labels of the fields that have the same value in both accounts."""
        columns = (column for column in ACCOUNTS.editable if column.name not in self.masked)
        return [c.label for c in columns if len(set(self._values(c))) == 1 and self._values(c)[0]]

    @property
    def is_changed(self) -> bool:
        """Return whether a value has changed since the person saw it."""
        return self.shown is not None and not self.shown.issuperset(self.marks)

    @cached_property
    def marks(self) -> list[str]:
        """Return a fingerprint of each value that the page shows."""
        names = [column.name for column in ACCOUNTS.editable if column.name not in self.masked]
        marks = [
            mark(side, name, of.account.value(name))
            for side, of in zip(SIDES, (self.kept, self.other), strict=True)
            for name in names
        ]
        for side, of in zip(SIDES, (self.kept, self.other), strict=True):
            marks += [_status_mark(side, name, row.status) for name, row in of.statuses.items()]
        return marks

    def choice(self) -> Choice:
        """Return what to write."""
        chosen = {each.name: each for each in self.fields if each.chosen != KEPT}
        taken = {name: row.status or "" for name, row in self.other.statuses.items()}
        asked = {each.label: each.chosen for each in self.statuses}
        statuses = {
            name: status
            for name, status in taken.items()
            if name not in self.kept.statuses or asked.get(name) == OTHER
        }
        return Choice(
            self.kept.version,
            self.other.version,
            {name: question.value for name, question in chosen.items()},
            statuses,
            {name: self.kept.versions.get(name) for name in statuses},
        )

    def moved(self) -> Iterator[tuple[int, str, str]]:
        """Yield how many records of each kind move, with their names."""
        new = sum(name not in self.kept.statuses for name in self.other.statuses)
        yield new, PLATFORMS_STATUS.singular, PLATFORMS_STATUS.plural
        yield self.pair.use_cases, USE_CASES.singular, USE_CASES.plural
        yield self.pair.updates, "update", "updates"

    def _values(self, column: Column) -> tuple[str, str]:
        first, second = (s.account.value(column.name) or "" for s in (self.kept, self.other))
        return first, second

    def _field(self, column: Column) -> Question:
        kept, other = self._values(column)
        options = [Option(KEPT, kept), Option(OTHER, other)]
        if column.required:  # required in the form of an account, so it cannot become empty
            options = [option for option in options if option.value.strip()] or options
        both = _united(kept, other) if column.kind == "links" else ""
        if both not in ("", kept, other) and len(both) <= column.max_length:
            options.append(Option(BOTH, both))
        default = self._newer(kept, other) if len(options) == 2 else options[-1].side
        seen = (mark(KEPT, column.name, kept), mark(OTHER, column.name, other))
        return self._question(column.name, column.label, options, default, seen)

    def _status(self, platform: str) -> Question:
        values = [of.statuses[platform].status or "" for of in (self.kept, self.other)]
        options = [Option(side, value) for side, value in zip(SIDES, values, strict=True)]
        words = list(vocabulary.onboarding_statuses())
        places = [words.index(value) if value in words else -1 for value in values]
        default = OTHER if places[1] > places[0] else KEPT
        seen = tuple(
            _status_mark(side, platform, value) for side, value in zip(SIDES, values, strict=True)
        )
        asked = self._question(f"status-{platform}", platform, options, default, seen)
        return replace(asked, is_status=True)

    def _newer(self, kept: str, other: str) -> str:
        """Return the side that has a value or, if both have one, the side that changed last."""
        if not (kept and other):
            return KEPT if kept else OTHER
        return OTHER if (self.other.version or 0) > (self.kept.version or 0) else KEPT

    def _question(
        self,
        name: str,
        label: str,
        options: list[Option],
        default: str,
        seen: tuple[str, ...],
    ) -> Question:
        given = self.given.get(name, "")
        chosen = given if given in {option.side for option in options} else default
        is_changed = self.shown is not None and not self.shown.issuperset(seen)
        return Question(name, label, tuple(options), chosen, is_changed)


def mark(side: str, name: str, value: object) -> str:
    text = f"{side}\n{name}\n{value or ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _status_mark(side: str, platform: str, status: str | None) -> str:
    return mark(side, f"status of {platform}", status)


def _united(kept: str, other: str) -> str:
    """Return the lines of both texts, each once."""
    return "\n".join(dict.fromkeys([*kept.split("\n"), *other.split("\n")])).strip("\n")
