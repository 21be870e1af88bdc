"""Accounts that may be one team under two keys, and those like an account that somebody adds."""

from __future__ import annotations

import logging

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.model.schema import ACCOUNTS, MAX_LINE
from crm.repository.similar_teams import find
from crm.repository.similar_teams.find import Team
from crm.request import Request
from crm.warehouse.errors import WarehouseError

from . import _wording

log = logging.getLogger(__name__)


@require_safe
def similar_teams(request: Request) -> HttpResponse:
    """All pairs, the most similar first."""
    found = find.find(request.warehouse)
    context = {
        "found": found,
        "lead": _wording.similar_teams(found.total, len(found.pairs)),
        "is_filtered": request.person.is_filtered(ACCOUNTS),
    }
    return render(request, "similar_teams/similar_teams.html", context)


@require_safe
def check_team(request: Request) -> HttpResponse:
    """The accounts that are like the one that the form of a new account describes so far.

    Where it shows none, or the warehouse does not answer, sending the form looks again.
    """
    team, area, bsnid = (
        request.GET.get(name, "").strip()[:MAX_LINE] for name in ("team", "business_area", "bsnid")
    )
    found = find_like(request, team, area, bsnid)
    return render(request, "similar_teams/_check.html", {"similar": found})


def find_like(request: Request, team: str, area: str, bsnid: str) -> list[Team]:
    """Return the accounts that are like the new one; none where that is not known."""
    try:
        return find.like(request.warehouse, team, area, bsnid) if team else []
    except WarehouseError as error:
        log.warning("similar teams were not looked for: %s", error)
        return []
