"""The list of accounts, one account's page, and creating, changing and deleting accounts."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from crm.access import for_writers
from crm.forms.records import AccountForm
from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.page_urls import record_url
from crm.repository.records import accounts
from crm.request import Request

from . import (
    _child_pages,
    _composer,
    _deleting,
    _editing,
    _from_list,
    _listing,
    _opened,
    _respond,
    _wording,
)
from ._account_list import LIST
from ._editing import Kind
from ._from_list import FromList
from .platforms import cards, is_locked

ACCOUNT = Kind(ACCOUNTS, AccountForm, accounts, "account")


@require_safe
def account_list(request: Request) -> HttpResponseBase:
    sets_statuses = request.person.may_write and not is_locked(request)
    return _listing.show(request, LIST, {"sets_statuses": sets_statuses})


@require_safe
def account_facet(request: Request, name: str) -> HttpResponse:
    return _listing.show_facet(request, LIST, name)


@require_safe
def account_detail(request: Request, bsnid: str) -> HttpResponse:
    person = "" if request.as_of else request.person.email
    detail = accounts.get_detail(request.warehouse, bsnid, person)
    if detail is None:
        is_past = request.as_of is not None
        raise Http404(_wording.not_found(ACCOUNTS, bsnid, is_past=is_past))
    turned = _PARTS.get(request.htmx.target or "") if _respond.wants_part(request) else None
    pages = _child_pages.pages(request, detail, turned)
    from_list = _from_list.read(request.GET, request)
    statuses = cards(detail.platforms, hides_reasons=is_locked(request))
    context = {
        "detail": detail,
        "account": detail.account,
        "has_duplicates": detail.has_duplicates,
        "cards": statuses,
        "composer": _composer.for_page(request, bsnid, statuses, from_list),
        "from_list": from_list,
        "links": _links(from_list, bsnid),
        "opened": request.GET.get("use_case", ""),
        "hides_reasons": "status" in request.person.masked(USE_CASES),
        **pages,
        "masked": request.person.masked(ACCOUNTS),
        "statuses_locked": not request.person.may_write or is_locked(request),
    }
    template = f"accounts/_{request.htmx.target}.html" if turned else "accounts/detail.html"
    response = render(request, template, context)
    if turned:
        _child_pages.push(response, pages, turned)
    elif not request.as_of:
        _opened.note(request, response, bsnid)
    patch_vary_headers(response, ["HX-Request", "HX-Target", "HX-Current-URL"])
    return response


def _links(from_list: FromList | None, bsnid: str) -> dict[str, str]:
    """Return the links to the list that the page was opened from, and to the accounts in it."""
    if from_list is None:
        return {}
    return {
        "list": from_list.url(bsnid),
        "previous": from_list.step_url("account-previous", bsnid) if from_list.at > 1 else "",
        "next": from_list.step_url("account-next", bsnid),
    }


@require_safe
def account_next(request: Request, bsnid: str) -> HttpResponse:
    return _step(request, bsnid, 1)


@require_safe
def account_previous(request: Request, bsnid: str) -> HttpResponse:
    return _step(request, bsnid, -1)


def _step(request: Request, bsnid: str, by: int) -> HttpResponse:
    """Redirect to the previous or next account of the list, or at its ends to the list.

    Accounts whose key cannot be part of a URL are skipped.
    """
    return _step_from(
        request, _from_list.read(request.GET, request) or FromList(Listing(), 1), bsnid, by
    )


def _step_from(request: Request, found: FromList, bsnid: str, by: int) -> HttpResponse:
    step = accounts.step(request.warehouse, found.listing, bsnid, found.at, by)
    if step is None:
        end = "last" if by > 0 else "first"
        messages.info(request, f"That was the {end} account of the list.")
        return HttpResponseRedirect(found.url(bsnid))
    at, key = step
    if not record_url("account-detail", key):
        return _step_from(request, replace(found, at=at), key, by)
    is_writing = "write" in request.GET
    return HttpResponseRedirect(replace(found, at=at).account_url(key, write=is_writing))


# The kind of records whose pages htmx turns, by the id of the element that it requests.
_PARTS = {"use-cases": USE_CASES, "updates": UPDATES}


@for_writers
@_respond.form_page
def account_edit(request: Request, bsnid: str) -> HttpResponse:
    return _editing.change(request, ACCOUNT, bsnid)


@for_writers
@_respond.form_page
def account_delete(request: Request, bsnid: str) -> HttpResponse:
    after = reverse("account-list")
    if request.method == "POST":
        return _deleting.delete(request, ACCOUNT, bsnid, after=after)
    detail = accounts.get_detail(request.warehouse, bsnid)
    if detail is None:
        raise Http404(_wording.not_found(ACCOUNTS, bsnid))
    return _deleting.ask_to_delete(
        request, ACCOUNT, bsnid, detail.account, after=after, detail=detail
    )
