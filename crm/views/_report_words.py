"""The text of a report: figures, changes, blocked work and next steps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings

from crm.fragments import plain_day, shorten
from crm.model.vocabulary import COMPLETED, ON_HOLD, REQUESTED
from crm.repository.records.overview import ACTIVE
from crm.repository.records.report import GONE, KNOWN, NEW, STALE, Group, Report, ReportRow

from ._wording import counted

# The statuses of use cases that have not begun.
PLANNED = ("Planning", "Not Started")
_UNDER_WAY = (REQUESTED, "In Progress")
_TEXT = 100


@dataclass(frozen=True)
class Figure:
    """A number, and its change since the beginning of the period; None if unknown."""

    label: str
    value: int
    change: int | None = None

    @property
    def words(self) -> str:
        if self.change is None:
            return ""
        return f"{self.change:+d}".replace("-", "−") if self.change else "no change"


@dataclass(frozen=True)
class Item:
    """A line of the report about an account.

    ``before`` and ``after`` are statuses, for the CSV file.
    """

    bsnid: str
    team: str
    text: str
    reason: str = ""
    since: dt.date | dt.datetime | None = None
    before: str = ""
    after: str = ""


@dataclass
class OfAccount:
    """The changes of one account."""

    bsnid: str
    team: str
    items: list[Item] = field(default_factory=list)


def figures(found: Report) -> list[Figure]:
    accounts = found.count(NEW) + found.count(KNOWN)
    was = found.count(KNOWN) + found.count(GONE)
    return [
        Figure("Teams", accounts, accounts - was if found.knows_changes else None),
        _figure(found, "Onboardings completed", found.statuses, (COMPLETED,)),
        _figure(found, "Onboardings under way", found.statuses, _UNDER_WAY),
        _figure(found, "Use cases under way", found.use_cases, ACTIVE),
        _figure(found, "Use cases completed", found.use_cases, (COMPLETED,)),
        _figure(found, "Use cases on hold", found.use_cases, (ON_HOLD,)),
        Figure("Updates written", found.update_count),
    ]


def _figure(
    found: Report, label: str, groups: tuple[Group, ...], words: tuple[str, ...]
) -> Figure:
    now = sum(group.n for group in groups if group.after in words)
    was = sum(group.n for group in groups if group.before in words)
    return Figure(label, now, now - was if found.knows_changes else None)


def in_short(found: Report) -> list[str]:
    """Return a summary of a few sentences."""
    teams = found.count(NEW) + found.count(KNOWN)
    sentences = [f"The report is about {counted(teams, 'team')}."]
    if found.knows_changes:
        moved = sum(group.n for group in found.statuses if group.is_change)
        completed = _moved_to(found.statuses, (COMPLETED,))
        if moved:
            sentences.append(
                f"{_have(moved, 'onboarding')} another status than at the beginning; "
                f"{completed or 'none'} of them {'was' if completed == 1 else 'were'} completed."
            )
        else:
            sentences.append("No onboarding has another status than at the beginning.")
        new = sum(group.n for group in found.use_cases if group.before is None)
        done = _moved_to(found.use_cases, (COMPLETED,))
        sentences += _sentence(
            (new, "use case", "was added", "were added"),
            (done, "use case", "was completed", "were completed"),
        )
    held = sum(group.n for group in found.use_cases if group.after == ON_HOLD)
    stuck = sum(group.n for group in found.statuses if group.is_stuck)
    sentences += _sentence(
        (held, "use case", "is on hold", "are on hold"),
        (stuck, "onboarding", "waits for longer than usual", "wait for longer than usual"),
    )
    return sentences


def _sentence(*facts: tuple[int, str, str, str]) -> list[str]:
    """Return a list of one sentence with all facts whose count is not 0; empty without any.

    A fact is a count, its noun, and the verb phrases for one and for many.
    """
    told = [f"{counted(n, what)} {one if n == 1 else many}" for n, what, one, many in facts if n]
    return [f"{', and '.join(told)}."] if told else []


def _have(n: int, what: str) -> str:
    return f"{counted(n, what)} {'has' if n == 1 else 'have'}"


def _moved_to(groups: tuple[Group, ...], words: tuple[str, ...]) -> int:
    return sum(group.n for group in groups if group.is_change and group.after in words)


def changed(found: Report) -> list[OfAccount]:
    """Return the changes of each account, sorted by team."""
    by_account: dict[str, OfAccount] = {}
    for item in _changes(found) if found.knows_changes else ():
        account = by_account.setdefault(item.bsnid, OfAccount(item.bsnid, item.team))
        account.items.append(item)
    return sorted(by_account.values(), key=lambda each: (each.team.lower(), each.bsnid))


def are_all_changes(found: Report) -> bool:
    """Return whether the report has the rows of all changes, not only the first ones."""
    groups = [each for each in (*found.statuses, *found.use_cases) if each.is_change]
    kinds = all(found.count(kind) == len(found.rows(kind)) for kind in (NEW, GONE))
    return kinds and all(group.n == len(group.rows) for group in groups)


def _changes(found: Report) -> Iterator[Item]:
    for row in found.rows(NEW):
        yield _item(row, "The team is new.")
    for row in found.rows(GONE):
        yield _item(row, "The team was deleted.")
    for group in filter(lambda each: each.is_change, found.statuses):
        for row in group.rows:
            yield _item(row, _of_status(group), group=group)
    for group in filter(lambda each: each.is_change, found.use_cases):
        for row in group.rows:
            yield _item(row, _of_use_case(group, row), group=group)


def _of_status(group: Group) -> str:
    if not group.before:
        return f"{group.platform} is now {group.after}."
    if not group.after:
        return f"{group.platform} has no status any more; it was {group.before}."
    return f"{group.platform} went from {group.before} to {group.after}."


def _of_use_case(group: Group, row: ReportRow) -> str:
    name = f"“{_short(row.what)}”"
    if group.before is None:
        return f"New use case {name}, {group.after or 'without a status'}."
    if group.after is None:
        return f"The use case {name} was deleted; it was {group.before or 'without a status'}."
    return f"{name} went from {group.before or 'no status'} to {group.after or 'no status'}."


def blocked(found: Report) -> list[Item]:
    """Return use cases on hold and stuck onboardings, each kind oldest first, with the reason."""
    held, waiting = [], []
    for group in found.use_cases:
        if group.after == ON_HOLD:
            held += [
                _item(
                    row,
                    f"The use case “{_short(row.what)}” is on hold.",
                    row.reason or "No reason is noted",
                    row.since,
                    group,
                )
                for row in group.rows
            ]
    for group in filter(lambda each: each.is_stuck, found.statuses):
        days = settings.EDIP_STATUS_DAYS.get(group.after or "", 0)
        why = f"{group.after} for more than {counted(days, 'day')}"
        waiting += [
            _item(row, f"{group.platform} waits.", why, row.since, group) for row in group.rows
        ]
    return sorted(held, key=_age) + sorted(waiting, key=_age)


def _age(item: Item) -> tuple[str, str, str]:
    """Return what sorts the oldest first; items without a date are the oldest."""
    return item.since.isoformat() if item.since else "", item.team.lower(), item.text


def silent(found: Report) -> list[Item]:
    """Return the teams without a recent update."""
    return [
        _item(row, "The team has had no update for a long time.", "", row.day)
        if row.day
        else _item(row, "The team has no update yet.")
        for row in found.rows(STALE)
    ]


def planned(found: Report) -> list[Item]:
    """Return the use cases that have not begun."""
    return [
        _item(row, f"“{_short(row.what)}” is {group.after}.", row.leader or "", row.since, group)
        for word in PLANNED
        for group in found.use_cases
        if group.after == word
        for row in group.rows
    ]


def planned_count(found: Report) -> int:
    return sum(group.n for group in found.use_cases if group.after in PLANNED)


def latest(found: Report) -> list[Item]:
    return [
        _item(row, shorten(row.what or "(no text)", 180), row.author or "", row.day)
        for row in found.updates
    ]


def _item(
    row: ReportRow,
    text: str,
    reason: str = "",
    since: dt.date | dt.datetime | None = None,
    group: Group | None = None,
) -> Item:
    return Item(
        row.bsnid,
        row.team or row.bsnid,
        text,
        reason,
        since,
        (group.before or "") if group else "",
        (group.after or "") if group else "",
    )


def _short(text: str | None) -> str:
    return shorten(text or "(no problem described)", _TEXT)


def rows(found: Report) -> Iterator[dict[str, str]]:
    """Return the rows of the file."""
    for figure in figures(found):
        yield _row("figures", Item("", "", figure.label), str(figure.value), figure.words)
    for account in changed(found):
        for item in account.items:
            yield _row("changed", item, item.before, item.after)
    for section, items in (
        ("blocked", blocked(found)),
        ("silent", silent(found)),
        ("planned", planned(found)),
        ("updates", latest(found)),
    ):
        for item in items:
            yield _row(section, item, item.before, item.after)


def _row(section: str, item: Item, before: str, after: str) -> dict[str, str]:
    since = "" if item.since is None else plain_day(item.since)
    values = (section, item.bsnid, item.team, item.text, before, after, since, item.reason)
    return dict(zip(COLUMNS, values, strict=True))


COLUMNS = ["section", "bsnid", "team", "text", "before", "after", "day", "reason"]
