"""Recent changes for open pages: see crm/live.py and static/js/recent_changes/."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from crm import live
from crm.forms.fields import format_moment
from crm.model.changes import CHANGED, DELETED
from crm.model.schema import ACCOUNTS
from crm.repository.past.recent_changes import RecentChange
from crm.repository.tables import change_feed
from crm.request import Request
from crm.warehouse.errors import PermissionDenied, StatementFailed, WarehouseError


@require_safe
def recent_changes(request: Request) -> HttpResponse:
    """Return the changes since ``cursor``. 204: none. 410: never ask again. 503: ask later."""
    if not settings.EDIP_LIVE_SECONDS or request.as_of:
        return HttpResponse(status=410)
    cursor = request.GET.get("cursor", "")
    try:
        answer = live.ask(request.warehouse, cursor)
    except StatementFailed as error:
        # Databricks refuses the change data feed of a table with a row filter or a mask. If VACUUM
        # has removed changes, open pages miss those changes, and the watch starts again.
        return HttpResponse(status=204 if change_feed.is_too_early(error) else 410)
    except PermissionDenied:
        return HttpResponse(status=410)
    except WarehouseError:
        return HttpResponse(status=503)
    if answer.cursor == cursor and not answer.missed:
        return HttpResponse(status=204)
    me = request.warehouse.actor
    found = [_described(each, me) for each in _without_stamps(answer.recent_changes)]
    return JsonResponse({"cursor": answer.cursor, "missed": answer.missed, "changes": found})


def _without_stamps(changes: list[RecentChange]) -> list[RecentChange]:
    """Leave out the update that stamps a row before its deletion; no person made that change."""
    gone = {(each.table, each.key): each.version for each in changes if each.kind == DELETED}
    return [
        each
        for each in changes
        if each.kind != CHANGED or each.version > gone.get((each.table, each.key), -1)
    ]


def _described(each: RecentChange, me: str) -> dict[str, Any]:
    """Return one change in the form that static/js/recent_changes/changes.js reads."""
    person = "You" if each.person == me else each.person or "Somebody"
    what = "the account" if each.table is ACCOUNTS else f"{_article(each)} {each.table.singular}"
    return {
        "record": f"{each.table.name}/{each.key}",
        "account": each.bsnid,
        "table": each.table.name,
        "kind": each.kind,
        "version": each.version,
        "at": format_moment(each.updated_at),
        "person": person,
        "summary": f"{person} {each.kind} {what}",
    }


def _article(each: RecentChange) -> str:
    return "an" if each.table.singular[0] in "aeiou" and each.table.singular != "use case" else "a"
