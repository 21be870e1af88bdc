"""The differences between a moment in the past and now, of one account or of all."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from crm.model.changes import CHANGED, CREATED, DELETED, Change
from crm.model.schema import TABLES
from crm.repository.errors import Missing
from crm.repository.past import diff
from crm.repository.records.account_filter import AccountFilter
from crm.request import Request
from crm.warehouse import Warehouse

from . import _account_filter, _mine, _respond

HEADINGS = {CREATED: "Added since", CHANGED: "Changed since", DELETED: "Deleted since"}
PAGE_SIZE = 100


@require_safe
def diff_all(request: Request) -> HttpResponse:
    return _show(request, "")


@require_safe
def diff_account(request: Request, bsnid: str) -> HttpResponse:
    return _show(request, bsnid)


@require_safe
def diff_facet(request: Request, name: str) -> HttpResponse:
    """Show the values of a filter of the accounts: those that accounts had at the past moment."""
    if request.as_of is None:
        return _choose(request, reverse("diff"))
    return _account_filter.show_facet(request, name, _account_filter.pairs(request))


def _choose(request: Request, path: str) -> HttpResponse:
    """Redirect to the page that asks for a moment."""
    query = request.META.get("QUERY_STRING", "")
    target = f"{path}?{query}" if query else path
    return HttpResponseRedirect(f"{reverse('as-of')}?{urlencode({'next': target})}")


def _show(request: Request, bsnid: str) -> HttpResponse:
    if request.as_of is None:
        return _choose(request, request.path)
    try:
        (team, changes), is_mine = _account_filter.load(
            request, lambda of: _find(request.warehouse, bsnid, of)
        )
    except Missing as error:
        raise Http404(f"There is no account “{bsnid}” now, and there was none then.") from error
    state = [] if bsnid else _account_filter.pairs(request)
    shown = changes[: diff.SHOWN]
    if bsnid:
        shown = sorted(sorted(shown, key=_date, reverse=True), key=_place)
    kinds = list(HEADINGS)
    by_kind = sorted(shown, key=lambda change: kinds.index(change.kind))
    page = Paginator(by_kind, PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "bsnid": bsnid,
        "team": team or bsnid,
        "page": page,
        "by_kind": _by_kind(list(page), Counter(change.kind for change in shown)),
        "query": f"?{urlencode([*state, ('page', '')])}",
        "total": len(changes),
        "more": len(changes) > diff.SHOWN,
        "shown": diff.SHOWN,
        "mine": not bsnid and _mine.asked(request),
        "is_mine": is_mine,
        "facets": [] if bsnid else _account_filter.facets(request, request.path, state),
        # Mine filters nothing if the person's accounts are unknown.
        "narrowed": is_mine or any(name != _mine.NAME for name, _ in state),
    }
    return _respond.show(request, "diff/diff.html", "diff/_changes.html", context)


def _find(wh: Warehouse, bsnid: str, accounts: AccountFilter) -> tuple[str, list[Change]]:
    """Return the account's team, which is empty without ``bsnid``, and the changes."""
    if bsnid:
        return diff.find_in_account(wh, bsnid)
    return "", diff.find_changes(wh, accounts)


def _place(change: Change) -> int:
    return TABLES.index(change.table)


def _date(change: Change) -> str:
    """Return the date of an update; empty for other records."""
    return (change.after or change.before or {}).get("date", "")


def _by_kind(changes: list[Change], counts: Counter[str]) -> list[tuple[str, int, list[Change]]]:
    """Return the changes of a page by kind: heading, number on all pages, changes."""
    found = {kind: [change for change in changes if change.kind == kind] for kind in HEADINGS}
    return [(HEADINGS[kind], counts[kind], of_kind) for kind, of_kind in found.items() if of_kind]
