"""A platform's onboarding status, set in place on the account's page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from crm.forms import fields
from crm.forms.records import PlatformStatusForm
from crm.model import vocabulary
from crm.model.records import PlatformStatus
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS
from crm.repository.errors import AlreadyExists, Missing, Stale, StatusGone
from crm.repository.records import platforms
from crm.request import Request

from . import _respond, _wording


@dataclass(frozen=True)
class Card:
    """A platform on an account's page; ``row`` is None while it has no status."""

    platform: str
    row: PlatformStatus | None = None
    chosen: str = ""
    problem: str = ""
    conflict: bool = False

    @property
    def status(self) -> str:
        return (self.row and self.row.status) or vocabulary.NOT_STARTED

    @property
    def selected(self) -> str:
        return self.chosen or self.status

    @property
    def seen(self) -> str:
        return fields.format_moment(self.row.updated_at) if self.row else ""

    @property
    def offered(self) -> list[str]:
        return fields.offered(PLATFORMS_STATUS.column("status"), self.status)

    @property
    def element_id(self) -> str:
        """An id that CSS can select, whatever the platform is called."""
        return f"platform-{self.platform.encode().hex()}"


def newest(rows: Iterable[PlatformStatus]) -> dict[str, PlatformStatus]:
    """Return rows by platform; of duplicates, which old data can have, the latest change."""
    oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
    ordered = sorted(rows, key=lambda row: row.updated_at or oldest)
    return {row.platform: row for row in ordered if row.platform}


def cards(rows: Iterable[PlatformStatus]) -> list[Card]:
    """Return the vocabulary's platforms, then others that have a status."""
    by_platform = newest(rows)
    known = vocabulary.platforms()
    names = [*known, *(name for name in by_platform if name not in known)]
    return [Card(name, by_platform.get(name)) for name in names]


def is_locked(request: Request) -> bool:
    """Return whether a policy masks a column that saving a status needs."""
    return not request.person.masked(PLATFORMS_STATUS).isdisjoint({"platform", "status"})


@require_POST
def platform_status(request: Request, bsnid: str) -> HttpResponse:
    if is_locked(request):
        raise PermissionDenied
    form, row = _checked(request, bsnid)
    platform = form.data.get("platform", "")
    if not form.is_valid():
        problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return _show(request, bsnid, Card(platform, row, problem=problem), 422)
    status = form.cleaned_data["status"]
    try:
        row = platforms.set_status(
            request.warehouse, bsnid, platform, status, form.cleaned_data["updated_at"]
        )
    except Stale as stale:
        saved = stale.current if isinstance(stale.current, PlatformStatus) else None
        card = Card(platform, saved, chosen=status, conflict=True)
        return _show(request, bsnid, card, 409)
    except AlreadyExists:
        card = Card(platform, chosen=status, problem=_wording.hidden_status(platform))
        return _show(request, bsnid, card, 409)
    except StatusGone:
        card = Card(platform, chosen=status, problem=_wording.status_gone(platform))
        return _show(request, bsnid, card, 409)
    except Missing as error:
        raise Http404(_wording.not_found(ACCOUNTS, bsnid)) from error
    if row is None:
        messages.warning(request, _wording.unseen(f"The status “{status}” for {platform}"))
    else:
        messages.success(request, f"{platform} is now {status}.")
    return _saved(request, bsnid, Card(platform, row))


def _checked(request: Request, bsnid: str) -> tuple[PlatformStatusForm, PlatformStatus | None]:
    """Return the form, and the row where a word beyond the vocabulary needs it.

    Such words are valid only where the row has them.
    """
    form = PlatformStatusForm(request.POST)
    platform, status = form.data.get("platform", ""), form.data.get("status", "")
    if platform in vocabulary.platforms() and status in vocabulary.onboarding_statuses():
        return form, None
    row = _row(request, bsnid, platform)
    form = PlatformStatusForm(request.POST, current=row.status if row else None)
    if row is None and platform not in vocabulary.platforms():
        form.add_error("platform", f"“{platform[:80]}” is not one of the platforms.")
    return form, row


def _row(request: Request, bsnid: str, platform: str) -> PlatformStatus | None:
    return newest(platforms.list_for(request.warehouse, bsnid)).get(platform)


def _saved(request: Request, bsnid: str, card: Card) -> HttpResponse:
    if not _respond.wants_part(request):
        return _respond.go(request, f"{reverse('account-detail', args=[bsnid])}#platforms")
    return _show(request, bsnid, card)


def _show(request: Request, bsnid: str, card: Card, status: int = 200) -> HttpResponse:
    context = {"card": card, "bsnid": bsnid}
    return _respond.show(
        request, "accounts/platform.html", "accounts/_platform.html", context, status
    )
