"""The list of all use cases, and creating, changing and deleting one."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.utils.text import Truncator
from django.views.decorators.http import require_safe

from crm.access import for_writers
from crm.forms.records import RecordForm, UseCaseForm
from crm.forms.statuses import UseCaseStatusForm
from crm.model import vocabulary
from crm.model.records import UseCase
from crm.model.schema import USE_CASES
from crm.page_urls import record_url
from crm.repository.errors import Missing, ReasonNotKept, Stale
from crm.repository.records import use_cases
from crm.request import Request
from crm.warehouse import Warehouse

from . import _children, _editing, _listing, _respond, _wording
from ._children import ChildKind
from ._dates import OF_USE_CASES
from ._subject import Subject
from .platforms import StatusCard


class UseCaseKind(ChildKind):
    """A kind whose records also have the reason of their status."""

    def save_new(self, wh: Warehouse, bsnid: str, form: RecordForm) -> bool:
        key = str(form.cleaned_data[self.table.key])
        return use_cases.create(wh, bsnid, key, form.values(), _reason(form))

    def save_change(self, wh: Warehouse, key: str, form: RecordForm) -> bool:
        seen = form.cleaned_data["updated_at"]
        removes = isinstance(form, UseCaseForm) and form.removes_reason
        values, reason = form.values(), _reason(form)
        return use_cases.update(wh, key, values, seen, reason, removes_reason=removes)


def _reason(form: RecordForm) -> str:
    return form.reason if isinstance(form, UseCaseForm) else ""


USE_CASE = UseCaseKind(USE_CASES, UseCaseForm, use_cases, "use-case")
LIST = Subject(
    USE_CASES,
    use_cases,
    "use_cases",
    default_sort="-updated_at",
    dates=OF_USE_CASES,
    rare=("reason",),
)


@require_safe
def use_case_list(request: Request) -> HttpResponseBase:
    sets_statuses = request.person.may_write and not _is_locked(request)
    return _listing.show(request, LIST, {"sets_statuses": sets_statuses})


@require_safe
def use_case_facet(request: Request, name: str) -> HttpResponse:
    return _listing.show_facet(request, LIST, name)


@for_writers
@_respond.form_page
def use_case_create(request: Request, bsnid: str) -> HttpResponse:
    return _children.create(request, USE_CASE, bsnid)


@for_writers
@_respond.form_page
def use_case_edit(request: Request, id: str) -> HttpResponse:
    return _editing.change(request, USE_CASE, id)


@for_writers
@_respond.form_page
def use_case_delete(request: Request, id: str) -> HttpResponse:
    return _children.delete(request, USE_CASE, id)


def _is_locked(request: Request) -> bool:
    """Return whether a policy masks the status."""
    return "status" in request.person.masked(USE_CASES)


@for_writers
@_respond.form_page
def use_case_status(request: Request, id: str) -> HttpResponse:
    """Set the status. GET shows the form, which a list opens as a dialog."""
    if _is_locked(request):
        raise PermissionDenied
    if request.method != "POST":
        return _show_status(request, id, StatusCard("", _found(request, id)))
    data, row = request.POST, None
    form = UseCaseStatusForm(data)
    if data.get("status") not in vocabulary.use_case_statuses():
        row = _found(request, id)
        form = UseCaseStatusForm(data, current=row.status)
    card = StatusCard("", row, chosen=data.get("status", ""), typed_reason=data.get("reason", ""))
    if not form.is_valid():
        problem = replace(card, row=row or _found(request, id), problem=form.problem)
        return _show_status(request, id, problem, 422)
    try:
        is_written = _set_status(request, id, form)
    except Stale as stale:
        saved = stale.current if isinstance(stale.current, UseCase) else None
        card = replace(card, row=saved)
        if saved and (saved.status or "") == data.get("shown_status"):
            again = replace(card, problem=_wording.CHANGED_AGAIN)
            return _show_status(request, id, again, 409)
        return _show_status(request, id, replace(card, conflict=True), 409)
    except Missing:
        gone = _wording.record_gone(USE_CASES)
        return _show_status(request, id, replace(card, problem=gone), 409)
    except ReasonNotKept:
        is_written = True
        messages.warning(request, _wording.reason_not_kept(card.typed_reason))
    _say_done(request, card.chosen, is_written=is_written)
    if not _respond.wants_part(request):
        return _respond.go(request, _respond.local_url(request, LIST.list_url))
    return _show_status(request, id, card, part="records/_status-saved.html")


def _say_done(request: Request, status: str, *, is_written: bool) -> None:
    if is_written:
        messages.success(request, f"The use case is now {status}.")
    else:
        messages.info(request, _wording.nothing_changed(f"the use case is {status}"))


def _found(request: Request, id: str) -> UseCase:
    record = _editing.found(USE_CASE, request, id)
    assert isinstance(record, UseCase)
    return record


def _set_status(request: Request, id: str, form: UseCaseStatusForm) -> bool:
    """Set the status unless somebody else changed it. Their changes of other fields are kept.

    Return False if it is set already. Raises Stale, Missing and ReasonNotKept.
    """
    given = form.cleaned_data
    values, seen = {"status": given["status"]}, given["updated_at"]
    left = _editing.MERGES
    while True:
        try:
            return use_cases.update(request.warehouse, id, values, seen, given["reason"])
        except Stale as stale:
            left -= 1
            saved = stale.current.value("status") or ""
            if not left or saved != form.data.get("shown_status"):
                raise
            seen = stale.current.value("updated_at")


def _show_status(
    request: Request,
    id: str,
    card: StatusCard,
    status: int = 200,
    part: str = "records/_status-dialog.html",
) -> HttpResponse:
    """Show the form on its own page, or ``part`` in the dialog of the list."""
    row, action = card.row, record_url("use-case-status", id)
    of_list = f'a[href^="{action}"]'
    context = {
        "card": card,
        "heading": Truncator((isinstance(row, UseCase) and row.problem) or "Use case").chars(80),
        "of": (isinstance(row, UseCase) and (row.team or row.account_bsnid))
        or request.POST.get("of", ""),
        "action": action,
        "back": _respond.local_url(request, LIST.list_url),
        "swaps": f"{of_list} .badge, {of_list} .nothing",
    }
    return _respond.show(request, "use_cases/status.html", part, context, status)
