"""The weekly growth of adoption, updates and use cases, and adoption by group of accounts."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.fragments import plain_day
from crm.model import vocabulary
from crm.model.schema import ACCOUNTS
from crm.model.vocabulary import COMPLETED, NOT_STARTED
from crm.repository.past import trends as figures_of
from crm.repository.past.trends import GROUPS, WEEK, LeadTime, Trends
from crm.request import Request

from ._charts import Column, columns, link, percentage

WEEKS = 13
# The latest week is compared with the one this many weeks before.
BEFORE = 4


@dataclass(frozen=True)
class Share:
    """The share of accounts that completed a platform, of all and of those that want it."""

    platform: str
    completed: int
    wanting: int
    accounts: int
    completed_url: str = ""
    wanting_url: str = ""

    @property
    def percent(self) -> int:
        return percentage(self.completed, self.accounts)

    @property
    def percent_of_wanting(self) -> int:
        return percentage(self.completed, self.wanting)


@dataclass(frozen=True)
class Adoption:
    """One platform: its share now, its growth in ``BEFORE`` weeks, and a column per week."""

    platform: str
    share: Share
    gained: int | None
    columns: list[Column]
    lead_time: LeadTime | None

    @property
    def label(self) -> str:
        return f"completed onboardings on {self.platform} by week"


@dataclass(frozen=True)
class GroupRow:
    """The number of accounts of one business area, VP or IT partner, and a share per platform."""

    value: str
    accounts: int
    url: str
    shares: list[Share]


@require_safe
def trends(request: Request) -> HttpResponse:
    by = request.GET.get("by", "")
    by = by if by in GROUPS else GROUPS[0]
    weeks = _weeks(request)
    found = figures_of.load(request.warehouse, by, weeks)
    platforms = _platforms(found)
    starts = [timezone.localtime(week).date() for week in weeks]
    context = {
        "adoption": [_adoption(found, platform, starts) for platform in platforms],
        "groups": [_group(found, group, by, platforms) for group in found.groups],
        "columns": ["Accounts", *platforms],
        "choices": [
            (ACCOUNTS.column(name).label, f"?by={name}#groups-heading", name == by)
            for name in GROUPS
        ],
        "by": by,
        "by_label": ACCOUNTS.column(by).label,
        "updates": columns(found.updates, starts, "update-list", "updated"),
        "use_cases": columns(found.use_cases, starts, "use-case-list", "created"),
        "first_day": plain_day(starts[0]),
        "is_refused": found.is_refused,
        "is_cut": None in found.statuses,
        "knows_growth": found.statuses[-1 - BEFORE] is not None,
        "before": BEFORE,
    }
    return render(request, "trends/trends.html", context)


def _weeks(request: Request) -> tuple[dt.datetime, ...]:
    """Return the moments at which the last weeks began in the reader's zone, oldest first."""
    today = (
        timezone.localtime(request.as_of.moment).date() if request.as_of else timezone.localdate()
    )
    monday = today - dt.timedelta(days=today.weekday())
    starts = (monday - number * WEEK for number in reversed(range(WEEKS)))
    return tuple(timezone.make_aware(dt.datetime.combine(day, dt.time())) for day in starts)


def _platforms(found: Trends) -> list[str]:
    listed = vocabulary.platforms()
    used = {platform for group in found.groups for platform in group.statuses}
    return [*listed, *sorted(used.difference(listed))]


def _adoption(found: Trends, platform: str, starts: list[dt.date]) -> Adoption:
    known = [
        None if week is None else week.get(platform, Counter[str]())[COMPLETED]
        for week in found.statuses
    ]
    now, before = known[-1], known[-1 - BEFORE]
    return Adoption(
        platform,
        _share(found.statuses[-1] or {}, platform, sum(g.accounts for g in found.groups), {}),
        None if before is None or now is None else now - before,
        columns(known, starts),
        found.lead_times.get(platform),
    )


def _group(found: Trends, group: figures_of.Group, by: str, platforms: list[str]) -> GroupRow:
    own = {by: group.value}
    shares = [_share(group.statuses, platform, group.accounts, own) for platform in platforms]
    return GroupRow(group.value, group.accounts, link("account-list", own), shares)


def _share(
    statuses: Mapping[str, Counter[str]], platform: str, accounts: int, filters: dict[str, str]
) -> Share:
    counts = statuses.get(platform, Counter[str]())
    wanting = sorted(status for status, n in counts.items() if n and status != NOT_STARTED)
    one = {**filters, "platform": platform}
    return Share(
        platform,
        counts[COMPLETED],
        sum(counts[status] for status in wanting),
        accounts,
        link("account-list", {**one, "status": COMPLETED}),
        link("account-list", {**one, "status": wanting}) if wanting else "",
    )
