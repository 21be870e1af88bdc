"""Accounts that may be one team under two keys."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.model.schema import ACCOUNTS
from crm.repository.similar_teams import find
from crm.request import Request

from . import _wording


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
