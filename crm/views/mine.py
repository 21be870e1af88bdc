"""Which accounts are a reader's own: the names that they have in the data, and what they follow.

It does not change data of accounts, so people without write rights have it, too.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from crm.access import writes_nothing
from crm.model.own_tables import FOLLOWS, PEOPLE
from crm.model.schema import Table
from crm.page_urls import record_url
from crm.repository.records import mine as repository
from crm.repository.records.mine import Profile
from crm.request import Request
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, WarehouseError

from . import _mine, _personal, _respond, _wording
from ._charts import link
from ._failures import failure_of

# The lists that Mine filters: labels and URL names.
_LISTS = (
    ("Accounts", "account-list"),
    ("Use cases", "use-case-list"),
    ("Updates", "update-list"),
    ("Attention", "attention"),
    ("Activity", "activity"),
)


@writes_nothing
@_respond.form_page
@_personal.only_now
def me(request: Request) -> HttpResponse:
    """Show the person's names in the data, and the accounts that they follow."""
    wh, person = request.warehouse, _personal.person_of(request)
    if request.method == "POST":
        return _save_names(request, person, request.POST.get("names", ""))

    def load(can_read: bool) -> Profile | None:
        return repository.load(wh, person) if can_read else None

    profile, _ = repository.if_possible(wh, load)
    return _show(request, profile, "\n".join(profile.names) if profile else "")


def _save_names(request: Request, person: str, names: str) -> HttpResponse:
    """Save the names, one per line; where that fails, show them again."""
    try:
        left_out = repository.set_names(request.warehouse, person, names.splitlines())
    except WarehouseError as error:
        _say_what_is_missing(request, PEOPLE, error)
        failure = failure_of(error)
        more = {"failure": failure, "look_url": reverse("me")}
        response = _show(request, Profile(), names, failure.status, **more)
        if failure.retry_after:
            response["Retry-After"] = str(failure.retry_after)
        return response
    if left_out:
        messages.warning(request, _wording.names_left_out(left_out))
    else:
        messages.success(request, "Your names were saved.")
    return _respond.go(request, reverse("me"))


def _say_what_is_missing(request: Request, table: Table, error: WarehouseError) -> None:
    """Say which table or right the person's settings need, if the error is about that."""
    if isinstance(error, PermissionDenied):
        messages.error(request, _wording.own_settings_refused(table))
    elif isinstance(error, ObjectNotFound):
        messages.error(request, _wording.own_settings_missing())


def _show(
    request: Request, profile: Profile | None, names: str, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "profile": profile,
        "names": names,
        "most": repository.NAMES_AT_MOST,
        "lists": [(label, link(name, {_mine.NAME: _mine.ON})) for label, name in _LISTS],
    }
    return render(request, "mine/me.html", context | more, status=status)


@writes_nothing
@require_POST
@_personal.only_now
def follow(request: Request, bsnid: str) -> HttpResponse:
    """Follow or unfollow an account. htmx gets the button; others go to the account's page."""
    person, is_followed = _personal.person_of(request), request.POST.get("follow") == "on"
    change = repository.follow if is_followed else repository.unfollow
    try:
        change(request.warehouse, person, bsnid)
    except (ObjectNotFound, PermissionDenied) as error:
        _say_what_is_missing(request, FOLLOWS, error)
        is_followed = not is_followed
    if request.htmx:
        context = {"account": {"bsnid": bsnid}, "detail": {"is_followed": is_followed}}
        part = "mine/_follow.html"
        return _respond.show(request, part, part, context)
    done = record_url("account-detail", bsnid)
    return _respond.go(request, _respond.local_url(request, done))
