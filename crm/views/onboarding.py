"""Creating an account, optionally with its first statuses, use case and update."""

from __future__ import annotations

import logging

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from crm.access import for_writers
from crm.forms.onboarding import NewAccountForm
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.repository.errors import AlreadyExists
from crm.repository.records import onboarding
from crm.repository.similar_teams.decided import Team
from crm.request import Request
from crm.warehouse.errors import WarehouseError

from . import _editing, _respond, _resume, _wording
from ._editing import Editor
from .accounts import ACCOUNT
from .platforms import is_locked
from .similar_teams import find_like

log = logging.getLogger(__name__)


@for_writers
@_respond.form_page
def account_create(request: Request) -> HttpResponse:
    is_sent = request.method == "POST"
    form = NewAccountForm(
        request.POST if is_sent else None,
        masked=_editing.masked(request, ACCOUNT),
        closed=_closed(request),
        bsnid="" if is_sent else _next_bsnid(request),
    )
    back = reverse("account-list")
    editor = Editor(request, ACCOUNT, form, "New account", back, submit="Create account")
    if not is_sent:
        return editor.show()
    if not form.is_valid():
        return editor.invalid()
    bsnid = form.cleaned_data["bsnid"]
    is_begun = _resume.earlier(request).done
    if form.needs_check and not is_begun and form.warns(_similar(request, form)):
        return editor.show(422)
    try:
        return editor.save(
            lambda: _create(request, form),
            done=f"The account {bsnid} was created.",
            to=ACCOUNT.page_of(bsnid, bsnid),
        )
    except _NotBegun as error:
        messages.warning(request, _wording.not_begun(error.texts))
        messages.warning(request, _wording.unseen("The new account"))
        # A message has no room for long texts, so the form keeps them.
        return editor.show(409)


class _NotBegun(Exception):
    """The account was created, but not all of its first records, which have these ``texts``."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__("not all first records were added")
        self.texts = texts


def _create(request: Request, form: NewAccountForm) -> bool:
    """Create the account; return whether the person sees it. Raises _NotBegun."""
    given = form.cleaned_data
    beginning = form.beginning(request.person.name, timezone.localdate())
    values = {"bsnid": given["bsnid"], **form.values()}
    earlier = _resume.earlier(request)
    wh = request.warehouse
    try:
        is_seen = onboarding.create(wh, values, given["form_id"], beginning, earlier)
    except AlreadyExists:
        # If a row filter hides accounts, one of them may have the proposed key.
        if not request.person.is_filtered(ACCOUNTS):
            form.propose(_next_bsnid(request))
        raise
    if not is_seen and beginning.texts:
        raise _NotBegun(beginning.texts)
    return is_seen


def _closed(request: Request) -> tuple[Table, ...]:
    """Return the tables in which a policy prevents this person from adding a first record."""
    try:
        closed = [table for table in (USE_CASES, UPDATES) if request.person.masked(table)]
        return (*closed, *((PLATFORMS_STATUS,) if is_locked(request) else ()))
    except WarehouseError:
        return ()


def _next_bsnid(request: Request) -> str:
    """Return a key to propose; empty if the keys cannot be read."""
    try:
        return onboarding.next_bsnid(request.warehouse)
    except WarehouseError as error:
        log.warning("no BSNID is proposed: %s", error)
        return ""


def _similar(request: Request, form: NewAccountForm) -> list[Team]:
    given = form.cleaned_data
    team, area = given.get("team") or "", given.get("business_area") or ""
    return find_like(request, team, area, given["bsnid"])
