"""Setting a platform's onboarding status in place, on the account's page or in a list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.urls import reverse

from crm.access import for_writers
from crm.forms import fields
from crm.forms.statuses import PlatformStatusForm
from crm.fragments import status_url
from crm.model import vocabulary
from crm.model.records import PlatformStatus, UseCase
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, USE_CASES
from crm.page_urls import record_url
from crm.repository.errors import AlreadyExists, Missing, ReasonNotKept, Stale, StatusGone
from crm.repository.records import platforms
from crm.request import Request

from . import _respond, _wording


@dataclass(frozen=True)
class StatusCard:
    """A status to set in place: a platform's (``row`` is None if it has none yet), or a use case's
    (``platform`` is empty)."""

    platform: str
    row: PlatformStatus | UseCase | None = None
    chosen: str = ""
    typed_reason: str = ""
    problem: str = ""
    conflict: bool = False
    hides_reason: bool = False

    @property
    def status(self) -> str:
        return (self.row and self.row.status) or (vocabulary.NOT_STARTED if self.platform else "")

    @property
    def reason(self) -> str:
        """Return the reason of the status; empty if unknown or hidden from this person."""
        return (self.row and not self.hides_reason and self.row.reason) or ""

    @property
    def is_open(self) -> bool:
        """Return whether the form is open at first, because something was not saved."""
        return bool(self.problem or self.conflict)

    @property
    def selected(self) -> str:
        return self.chosen or self.status

    @property
    def seen(self) -> str:
        return fields.format_moment(self.row.updated_at) if self.row else ""

    @property
    def offered(self) -> list[str]:
        table = PLATFORMS_STATUS if self.platform else USE_CASES
        return fields.offered(table.column("status"), self.status)

    @property
    def element_id(self) -> str:
        """An id without characters that CSS selectors would have to escape."""
        key = self.platform or (self.row.id if self.row else "")
        return f"platform-{key.encode().hex()}"


def newest(rows: Iterable[PlatformStatus]) -> dict[str, PlatformStatus]:
    """Return the rows by platform; of duplicates, which old data can have, the newest."""
    oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
    ordered = sorted(rows, key=lambda row: row.updated_at or oldest)
    return {row.platform: row for row in ordered if row.platform}


def cards(rows: Iterable[PlatformStatus], *, hides_reasons: bool) -> list[StatusCard]:
    """Return a card for each platform of the vocabulary, then for others that have a status."""
    by_platform = newest(rows)
    known = vocabulary.platforms()
    names = [*known, *(name for name in by_platform if name not in known)]
    return [StatusCard(name, by_platform.get(name), hides_reason=hides_reasons) for name in names]


def is_locked(request: Request) -> bool:
    """Return whether a policy masks a column that saving a status needs."""
    return not request.person.masked(PLATFORMS_STATUS).isdisjoint({"platform", "status"})


@for_writers
@_respond.form_page
def platform_status(request: Request, bsnid: str) -> HttpResponse:
    """Set one platform's status. GET shows the form, which a list opens as a dialog."""
    if is_locked(request):
        raise PermissionDenied
    if request.method != "POST":
        return _ask(request, bsnid, request.GET.get("platform", ""))
    form, row = _checked(request, bsnid)
    platform, typed = form.data.get("platform", ""), form.data.get("reason", "")
    card = StatusCard(platform, row, chosen=form.data.get("status", ""), typed_reason=typed)
    if not form.is_valid():
        return _show(request, bsnid, replace(card, problem=form.problem), 422)
    status = form.cleaned_data["status"]
    try:
        row = _set(request, bsnid, platform, form)
    except Stale as stale:
        saved = stale.current if isinstance(stale.current, PlatformStatus) else None
        return _show(request, bsnid, replace(card, row=saved, conflict=True), 409)
    except AlreadyExists:
        return _refuse(request, bsnid, card, _wording.hidden_status(platform))
    except StatusGone:
        return _refuse(request, bsnid, card, _wording.status_gone(platform))
    except Missing as error:
        raise Http404(_wording.not_found(ACCOUNTS, bsnid)) from error
    if row is None:
        messages.warning(request, _wording.unseen(f"The status “{status}” for {platform}"))
    elif row.updated_at and row.updated_at == form.cleaned_data["updated_at"]:
        messages.info(request, _wording.nothing_changed(f"{platform} is {status}"))
    else:
        messages.success(request, f"{platform} is now {status}.")
    return _saved(request, bsnid, StatusCard(platform, row))


def _ask(request: Request, bsnid: str, platform: str) -> HttpResponse:
    found = platforms.of_account(request.warehouse, bsnid)
    if found is None:
        raise Http404(_wording.not_found(ACCOUNTS, bsnid))
    team, rows = found
    row = newest(rows).get(platform)
    if row is None and platform not in vocabulary.platforms():
        raise Http404(_unknown(platform))
    return _show(request, bsnid, StatusCard(platform, row), team=team or "")


def _set(
    request: Request, bsnid: str, platform: str, form: PlatformStatusForm
) -> PlatformStatus | None:
    """Set the status and return the row; warn if the reason could not be saved."""
    cleaned = form.cleaned_data
    seen, status, reason = cleaned["updated_at"], cleaned["status"], cleaned["reason"]
    try:
        row = platforms.set_status(request.warehouse, bsnid, platform, status, seen, reason)
        if row is None or row.updated_at != seen:
            return row
        # The status was not written again, so its earlier reason still applies.
        return replace(row, reason=form.data.get("shown_reason", ""))
    except ReasonNotKept as error:
        messages.warning(request, _wording.reason_not_kept(reason))
        return error.current if isinstance(error.current, PlatformStatus) else None


def _refuse(request: Request, bsnid: str, card: StatusCard, problem: str) -> HttpResponse:
    return _show(request, bsnid, replace(card, row=None, problem=problem), 409)


def _checked(request: Request, bsnid: str) -> tuple[PlatformStatusForm, PlatformStatus | None]:
    """Return the form, and the row if the form has a word outside the vocabulary.

    Such a word is valid only if the row has it already.
    """
    form = PlatformStatusForm(request.POST)
    platform, status = form.data.get("platform", ""), form.data.get("status", "")
    if platform in vocabulary.platforms() and status in vocabulary.onboarding_statuses():
        return form, None
    row = _row(request, bsnid, platform)
    form = PlatformStatusForm(request.POST, current=row.status if row else None)
    if row is None and platform not in vocabulary.platforms():
        form.add_error("platform", _unknown(platform))
    return form, row


def _unknown(platform: str) -> str:
    return f"“{platform[:80]}” is not one of the platforms."


def _row(request: Request, bsnid: str, platform: str) -> PlatformStatus | None:
    return newest(platforms.list_for(request.warehouse, bsnid)).get(platform)


def _saved(request: Request, bsnid: str, card: StatusCard) -> HttpResponse:
    if not _respond.wants_part(request):
        return _respond.go(request, f"{reverse('account-detail', args=[bsnid])}#platforms")
    return _show(request, bsnid, card, part="records/_status-saved.html")


def _show(
    request: Request,
    bsnid: str,
    card: StatusCard,
    status: int = 200,
    part: str = "records/_status-dialog.html",
    team: str = "",
) -> HttpResponse:
    """Show the card on its account's page, or ``part`` in the dialog of a list.

    The dialog shows the account's ``team``.
    """
    action = record_url("platform-status", bsnid)
    context = {
        "card": card,
        "bsnid": bsnid,
        "heading": card.platform,
        "of": team or request.POST.get("of", ""),
        "action": action,
        "back": record_url("account-detail", bsnid),
        "swaps": f'a[href="{status_url(action, card.platform)}"] .badge',
    }
    if request.htmx.target != "dialog":
        part = "accounts/_platform.html"
    return _respond.show(request, "platforms/status.html", part, context, status)
