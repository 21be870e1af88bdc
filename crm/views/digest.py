"""The person's digest as it would be sent now, and how often they get it by mail."""

from __future__ import annotations

import datetime as dt

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from crm.access import writes_nothing
from crm.digest.content import Digest
from crm.model.own_tables import DIGESTS
from crm.repository.records import digests, mine
from crm.repository.records.account_filter import AccountFilter
from crm.repository.records.digests import DAILY, NONE, WEEKLY, Recipient
from crm.request import Request
from crm.warehouse import now
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

from . import _digest, _personal, _respond, _wording

_CHOICES = ((NONE, "Never"), (WEEKLY, "Weekly, from Monday on"), (DAILY, "Daily"))


@writes_nothing
@_respond.form_page
@_personal.only_now
def digest(request: Request) -> HttpResponse:
    wh, person = request.warehouse, _personal.person_of(request)
    if request.method == "POST":
        return _choose(request, person, request.POST.get("every", ""))
    chosen = _chosen(request, person)
    since = (chosen and chosen.told_until) or now() - dt.timedelta(days=7)

    def load(can_read: bool) -> Digest | None:
        found = AccountFilter(person)
        return _digest.load(wh, found, since, "Your accounts", "/digest/") if can_read else None

    shown, _ = mine.if_possible(wh, load)
    every = chosen.every if chosen else ""
    choices = [(name, label, name == every) for name, label in _CHOICES]
    context = {"digest": shown, "is_known": chosen is not None, "choices": choices}
    return render(request, "digest/digest.html", context)


def _chosen(request: Request, person: str) -> Recipient | None:
    """Return the person's choice; None if the table of digests cannot be read."""
    try:
        return digests.choice(request.warehouse, person)
    except (ObjectNotFound, PermissionDenied):
        return None


def _choose(request: Request, person: str, every: str) -> HttpResponse:
    try:
        digests.choose(request.warehouse, person, every)
    except PermissionDenied:
        messages.error(request, _wording.own_settings_refused(DIGESTS))
    except ObjectNotFound:
        messages.error(
            request,
            f"Nothing was saved: the table “digests” is missing. {_wording.CREATE_TABLES}.",
        )
    except ValueError:
        messages.error(request, "Nothing was saved: choose how often.")
    else:
        messages.success(request, "How often you get the digest was saved.")
    return _respond.go(request, reverse("digest"))
