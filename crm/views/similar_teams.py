"""Pairs of accounts that may be one team, and accounts similar to one that somebody creates."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from crm.model.schema import ACCOUNTS, MAX_LINE
from crm.repository.similar_teams import decided, find
from crm.repository.similar_teams.decided import Team
from crm.repository.similar_teams.find import Found
from crm.request import Request
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, WarehouseError

from . import _respond, _wording

log = logging.getLogger(__name__)


@_respond.form_page
def similar_teams(request: Request) -> HttpResponse:
    """Show all pairs, the most similar first. POST saves the decision that two accounts are two
    teams, or takes it back."""
    if request.method == "POST":
        return _decide(request)
    found = find.find(request.warehouse)
    context = {
        "found": found,
        "lead": _wording.similar_teams(
            found.total, len(found.pairs), are_decided=bool(found.decided)
        ),
        "is_filtered": request.person.is_filtered(ACCOUNTS),
        "focus": _focus(request, found),
    }
    return render(request, "similar_teams/similar_teams.html", context)


def _decide(request: Request) -> HttpResponse:
    one, other = (request.POST.get(name, "")[:MAX_LINE] for name in ("one", "other"))
    if not one or not other or one == other:
        raise Http404("Name two different accounts.")
    is_again = request.POST.get("do") == "again"
    wh = request.warehouse
    try:
        is_done = (decided.forget if is_again else decided.save)(wh, one, other)
    except (ObjectNotFound, PermissionDenied):
        messages.error(request, _wording.NOT_REMEMBERED)
    else:
        if bsnid := "" if is_done else decided.unseen(wh, one, other):
            messages.error(request, _wording.not_decided(bsnid))
        else:
            messages.success(request, _wording.decided(one, other, is_again=is_again))
    query = {"next": request.POST.get("place", "")} | ({"of": "decided"} if is_again else {})
    return _respond.go(request, f"{reverse('similar-teams')}?{urlencode(query)}")


def _focus(request: Request, found: Found) -> dict[str, int]:
    """Return where the focus goes after an answer: to the pair that has come into its place, or
    to the last one; 0 where none is left."""
    asked = request.GET.get("next", "")[:4]
    if not asked.isdecimal():
        return {}
    is_again = request.GET.get("of") == "decided"
    left = found.decided if is_again else found.pairs
    return {"decided" if is_again else "pair": min(int(asked), len(left))}


@require_safe
def check_team(request: Request) -> HttpResponse:
    """Show the accounts that are similar to the one in the form of a new account.

    Submitting the form searches again.
    """
    team, area, bsnid = (
        request.GET.get(name, "").strip()[:MAX_LINE] for name in ("team", "business_area", "bsnid")
    )
    found = find_like(request, team, area, bsnid)
    return render(request, "similar_teams/_check.html", {"similar": found})


def find_like(request: Request, team: str, area: str, bsnid: str) -> list[Team]:
    """Return the accounts that are similar to the new one; none if the search fails."""
    try:
        return find.like(request.warehouse, team, area, bsnid) if team else []
    except WarehouseError as error:
        log.warning("similar teams were not looked for: %s", error)
        return []
