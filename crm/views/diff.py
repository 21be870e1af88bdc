"""The diff between a moment in the past and now, of one account or of all."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from crm.model.changes import CHANGED, CREATED, DELETED, Change
from crm.repository.errors import Missing
from crm.repository.past import diff
from crm.request import Request

from . import _mine

HEADINGS = {CREATED: "Added since", CHANGED: "Changed since", DELETED: "Deleted since"}


@require_safe
def diff_all(request: Request) -> HttpResponse:
    return _show(request, "")


@require_safe
def diff_account(request: Request, bsnid: str) -> HttpResponse:
    return _show(request, bsnid)


def _show(request: Request, bsnid: str) -> HttpResponse:
    if request.as_of is None:
        query = urlencode({"next": request.path})
        return HttpResponseRedirect(f"{reverse('as-of')}?{query}")
    try:
        changes, is_mine = _mine.load(
            request, lambda of: diff.find_changes(request.warehouse, bsnid, of)
        )
    except Missing as error:
        raise Http404(f"There is no account “{bsnid}” now, and there was none then.") from error
    context: dict[str, Any] = {
        "bsnid": bsnid,
        "team": next((change.team for change in changes if change.team), bsnid),
        "by_kind": _by_kind(changes[: diff.SHOWN]),
        "total": len(changes),
        "more": len(changes) > diff.SHOWN,
        "shown": diff.SHOWN,
        "mine": not bsnid and _mine.asked(request),
        "is_mine": is_mine,
    }
    return render(request, "diff/diff.html", context)


def _by_kind(changes: list[Change]) -> list[tuple[str, list[Change]]]:
    found = {kind: [change for change in changes if change.kind == kind] for kind in HEADINGS}
    return [(HEADINGS[kind], of_kind) for kind, of_kind in found.items() if of_kind]
