"""The kinds of records that need attention: headings, limits, and the list that shows each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils import timezone

from crm.model import vocabulary
from crm.repository.records import attention
from crm.repository.records.attention import Limits
from crm.request import Request

from . import _dates
from ._charts import link
from ._wording import counted


@dataclass(frozen=True)
class Kind:
    """A kind of records that need attention.

    :param key: its name in the repository.
    :param list_name: the URL name of the list that shows exactly these records with ``filters``.
    :param hint: the words before the date in each row.
    :param action: the button of each row: ``update``, ``edit``, ``edit-update`` or
        ``edit-use-case``.
    """

    key: str
    heading: str
    list_name: str
    filters: Mapping[str, str]
    hint: str
    action: str

    def url(self, **more: str) -> str:
        """Return the address of the list, narrowed by more filters."""
        return link(self.list_name, {**self.filters, **more})


def today(request: Request) -> dt.date:
    """Return today in the reader's zone; on a page of the past the day of its moment."""
    return timezone.localdate(request.as_of.moment if request.as_of else None)


def limits(request: Request) -> Limits:
    return limits_of(today(request))


def limits_of(now: dt.date) -> Limits:
    began = {
        status: _dates.start_of_day(now - dt.timedelta(days=days))
        for status, days in settings.EDIP_STATUS_DAYS.items()
    }
    return Limits(
        now - dt.timedelta(days=settings.EDIP_STALE_DAYS),
        {status: moment for status, moment in began.items() if moment},
        now + dt.timedelta(days=1),
    )


def kinds(
    given: Limits, counts: Mapping[str, object], more: Mapping[str, str] | None = None
) -> list[Kind]:
    """Return the kinds in the order of the page, with ``more`` filters added to their lists.

    Use cases on hold are left out if ``counts`` does not have them.
    """
    return [
        replace(kind, filters={**kind.filters, **(more or {})})
        for kind in _kinds(given)
        if kind.key != attention.ON_HOLD or kind.key in counts
    ]


def _kinds(given: Limits) -> list[Kind]:
    tomorrow = given.tomorrow.isoformat()
    return [
        _of_accounts(
            attention.STALE,
            f"No update for {counted(settings.EDIP_STALE_DAYS, 'day')}",
            {"updated-before": given.stale_before.isoformat(), "sort": "last_update"},
            "latest update",
        ),
        _of_accounts(attention.NEVER, "Never updated", {"not-updated-since": "never"}, "created"),
        *(
            _of_accounts(
                attention.STUCK + status,
                f"{status} for {counted(settings.EDIP_STATUS_DAYS[status], 'day')}",
                {"status": status, "in-status-since": _dates.text(before)},
                "since",
            )
            for status, before in given.status_before.items()
        ),
        _of_accounts(
            attention.NO_PARTNER, "No IT partner", {"primary_it_partner": ""}, "created", "edit"
        ),
        Kind(
            attention.ON_HOLD,
            "On hold without a reason",
            "use-case-list",
            {"status": vocabulary.ON_HOLD, "reason": ""},
            "changed",
            "edit-use-case",
        ),
        Kind(
            attention.FUTURE,
            "Update dated in the future",
            "update-list",
            {"updated-since": tomorrow},
            "dated",
            "edit-update",
        ),
    ]


def _of_accounts(
    key: str, heading: str, filters: Mapping[str, str], hint: str, action: str = "update"
) -> Kind:
    return Kind(key, heading, "account-list", filters, hint, action)
