"""Choosing the moment as of which the app shows everything."""

from __future__ import annotations

from urllib.parse import unquote

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.views.decorators.http import require_safe

from crm import access
from crm.forms.moment import AGO, CHOICES, MomentForm
from crm.model import as_of_address
from crm.request import Request
from crm.warehouse import now

from . import _respond
from ._team import team_of

# The value of ``ago`` that means the person's last visit.
_LAST_VISIT = "visit"
# The past has no forms. Maps a form's URL name to the page that is shown instead.
_INSTEAD = {
    "account-create": "account-list",
    "account-edit": "account-detail",
    "account-delete": "account-detail",
    "platform-status": "account-detail",
    "use-case-create": "account-detail",
    "use-case-edit": "use-case-list",
    "use-case-delete": "use-case-list",
    "use-case-status": "use-case-list",
    "use-case-bulk": "use-case-list",
    "update-create": "account-detail",
    "update-edit": "update-list",
    "update-delete": "update-list",
    "update-bulk": "update-list",
    "account-bulk": "account-list",
    "revert": "activity",
    "as-of": "overview",
}


@require_safe
def choose(request: Request) -> HttpResponse:
    """Redirect to the page ``next`` as of ``moment``, or as of the time ``ago``.

    Without a moment, show a page that asks for one; its text differs if ``next`` is a diff.
    """
    target = _readable(_respond.local_url(request, "/"))
    form = MomentForm(request.GET if "moment" in request.GET else None)
    if form.is_valid():
        return HttpResponseRedirect(as_of_address.address(form.cleaned_data["moment"], target))
    if (ago := request.GET.get("ago", "")) in AGO:
        moment = now().replace(microsecond=0) - AGO[ago][1]
        return HttpResponseRedirect(as_of_address.address(moment, target))
    if ago == _LAST_VISIT and request.last_visit:
        return HttpResponseRedirect(as_of_address.address(request.last_visit, target))
    bsnid = _account_of(target) if (page := _page_of(target)) == "account-diff" else ""
    context = {
        "form": form,
        "choices": CHOICES,
        "target": target,
        "is_diff": page in ("diff", "account-diff"),
        "bsnid": bsnid,
        "team": team_of(request, bsnid) if bsnid else "",
    }
    return render(request, "as_of/choose.html", context, status=422 if form.is_bound else 200)


def _page_of(url: str) -> str:
    """Return the URL name of the page, with or without a moment in its URL; empty if none."""
    match = _resolved(url)
    return (match and match.url_name) or ""


def _account_of(url: str) -> str:
    """Return the key of the account whose page it is; empty if it is another page."""
    match = _resolved(url)
    return str(match.kwargs.get("bsnid", "")) if match else ""


def _readable(url: str) -> str:
    """Return the URL, or that of a page to read instead if it is a form or an admin tool."""
    match = _resolved(url)
    if match is None:
        return url
    if access.is_for_admins(match.func):
        return reverse("overview")
    if (instead := _INSTEAD.get(match.url_name or "")) is None:
        return url
    of_account = instead == "account-detail"
    return reverse(instead, kwargs=match.kwargs if of_account else None)


def _resolved(url: str) -> ResolverMatch | None:
    path = unquote(url.partition("?")[0])
    segment, _, rest = as_of_address.split(path)
    try:
        return resolve(f"/{rest}" if segment == as_of_address.SEGMENT and rest else path)
    except Resolver404:
        return None
