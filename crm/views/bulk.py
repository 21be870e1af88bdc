"""Changing many accounts at once: choose the change, preview it, do it.

The list sends its selection: the keys of chosen rows, or its filters for all rows that match.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from crm.access import for_writers
from crm.forms.bulk import FieldForm, StatusForm
from crm.forms.records import UpdateForm
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, UPDATES
from crm.page_urls import page_url
from crm.repository import operations, summaries
from crm.repository.bulk import change, deletion
from crm.repository.bulk.actions import Action, SetField, SetStatus, WriteUpdate
from crm.repository.bulk.deletion import DeleteAccounts
from crm.repository.bulk.outcome import Outcome
from crm.repository.errors import TooMany
from crm.repository.operations import Noted, Operation
from crm.request import Request
from crm.warehouse.errors import WarehouseError

from . import _bulk_plan, _bulk_wording, _respond, _resume, _revert_links, _wording
from ._bulk_plan import Change, Chosen, Plan
from .platforms import is_locked


@never_cache
@for_writers
@_respond.form_page
def bulk(request: Request, step: str) -> HttpResponse:
    """One step of a bulk change. ``change`` asks; the others are sent by forms."""
    if step not in _STEPS:
        raise Http404(f"There is no page “{step[:40]}” here.")
    if request.method != "POST":
        chosen = Chosen.read(request.GET.urlencode(), request.person.email)
        if step != "change" or chosen.is_empty:
            return _back(request, _bulk_wording.NOTHING_CHOSEN, chosen.list_url)
        return _ask(request, chosen)
    return _STEPS[step](request)


def _preview(request: Request) -> HttpResponse:
    chosen = Chosen.read(request.POST.get("of", ""), request.person.email)
    if chosen.is_empty:
        return _back(request, _bulk_wording.NOTHING_CHOSEN, chosen.list_url)
    form = _sent_form(request)
    if form and not form.is_valid():
        return _ask(request, chosen, form, status=422)
    action = _action(form) if form else DeleteAccounts()
    try:
        found = change.preview(request.warehouse, chosen.selection, action)
    except TooMany as error:
        problem = _bulk_wording.too_many(error.most)
        return _ask(request, chosen, form, problem, status=422)
    context = {
        "title": _bulk_wording.title(action),
        "summary": _bulk_wording.will_change(found, action),
        "shown": found.changes[: _bulk_wording.NAMED],
        "more": max(0, len(found.changes) - _bulk_wording.NAMED),
        "replaces": isinstance(action, (SetField, SetStatus)),
        "deletes": isinstance(action, DeleteAccounts),
        "new": action.value if isinstance(action, SetField) else getattr(action, "status", ""),
        "text": action.values["description"] if isinstance(action, WriteUpdate) else "",
        "reason": action.reason if isinstance(action, SetStatus) else "",
        "reasons": _bulk_wording.reasons(found, action),
        "button": _bulk_wording.button(found, action),
        "back_url": chosen.choose_url,
        "plan": _bulk_plan.sign(request, action, found, chosen) if found.changes else "",
        "chosen": chosen,
        "no_undo": "" if _is_undoable(request) else _wording.NO_UNDO,
    }
    return render(request, "bulk/preview.html", context)


def _run(request: Request) -> HttpResponse:
    plan = _bulk_plan.read(request)
    if plan is None:
        return _back(request, _bulk_wording.EXPIRED, page_url("account-list"))
    if _is_masked(request, plan.action):
        raise PermissionDenied
    masks = {table.name: request.person.masked(table) for table in TABLES}
    operation = Operation(plan.operation, operations.BULK, request.warehouse.actor, masks)
    before = _deletion_before(request, operation, plan)
    if before.is_ended:
        return _done_before(request, operation, plan)
    outcome = _write(request, operation, plan)
    if before.summary and not outcome.written and all(each.is_gone for each in outcome.left):
        # The process ended after it had deleted them, and before it could say so.
        summary = summaries.has_deleted(before.summary)
        operations.note_done(request.warehouse, operation, plan.began, summary)
        return _done_before(request, operation, plan)
    undo = _undo_url(request, operation, plan) if outcome.written else ""
    return _done(request, plan, outcome, undo)


def _deletion_before(request: Request, operation: Operation, plan: Plan) -> Noted:
    """Return the note of a deletion whose button was pressed before.

    If that deleted the accounts, none is left by which a second run could tell.
    """
    if not isinstance(plan.action, DeleteAccounts):
        return Noted()
    return operations.read_note(request.warehouse, operation.id)


def _done_before(request: Request, operation: Operation, plan: Plan) -> HttpResponse:
    undo = _undo_url(request, operation, plan)
    messages.info(request, _bulk_wording.DONE_BEFORE, extra_tags=undo)
    return _respond.go(request, plan.chosen.list_url)


def _undo_url(request: Request, operation: Operation, plan: Plan) -> str:
    """Return the address that undoes the change; empty where policies keep the app from it."""
    if not _is_undoable(request):
        return ""
    return _revert_links.operation_url(request, operation.id, plan.began)


def _write(request: Request, operation: Operation, plan: Plan) -> Outcome:
    """Make the change, and note it. Raises HalfDone."""
    wh, action, earlier = request.warehouse, plan.action, _resume.earlier(request)
    if isinstance(action, DeleteAccounts):

        def note_begin(count: int) -> None:
            text = summaries.began_to_delete(_bulk_wording.summary(action, count))
            operations.note_done(wh, operation, plan.began, text, is_ended=False)

        outcome = deletion.delete(wh, operation, plan.rows, earlier, note_begin)
    else:
        _note_reason(request, operation, action)
        outcome = change.write(wh, operation, action, plan.rows, earlier)
    if outcome.written:
        summary = _bulk_wording.summary(action, outcome.written)
        operations.note_done(wh, operation, plan.began, summary)
    return outcome


def _note_reason(request: Request, operation: Operation, action: Action) -> None:
    """Note why a status is set, before it is set, so that no reason is lost on the way."""
    reason = action.reason if isinstance(action, SetStatus) else ""
    if reason and not operations.note_reason(request.warehouse, operation, reason):
        messages.warning(request, _wording.reason_not_kept(reason))


_STEPS: dict[str, Callable[[Request], HttpResponse]] = {
    "change": lambda request: _back(request, "", page_url("account-list")),
    "preview": _preview,
    "run": _run,
}


def _done(request: Request, plan: Plan, outcome: Outcome, undo: str) -> HttpResponse:
    text = _bulk_wording.changed(outcome.written, plan.action)
    if not outcome.left:
        messages.success(request, text, extra_tags=undo)
        return _respond.go(request, plan.chosen.list_url)
    context = {
        "text": text,
        "reasons": _bulk_wording.left_alone(outcome.left),
        "undo": undo,
        "list_url": plan.chosen.list_url,
    }
    return render(request, "bulk/left_alone.html", context)


def _back(request: Request, why: str, url: str) -> HttpResponse:
    if why:
        messages.warning(request, why)
    return _respond.go(request, url)


def _ask(
    request: Request,
    chosen: Chosen,
    sent: FieldForm | StatusForm | UpdateForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Show the forms; ``sent`` is the one that was sent, with what was typed in it."""
    filters = chosen.listing.filters if not chosen.selection.keys else {}
    masked = request.person.masked(ACCOUNTS)
    # Who filters by a field often hands over what has its value.
    column = next((name for name in filters if name in ACCOUNTS.names), "primary_it_partner")
    platform = next(iter(filters.get("platform", ())), "")
    field = sent if isinstance(sent, FieldForm) else FieldForm(masked=masked, column=column)
    state = sent if isinstance(sent, StatusForm) else StatusForm(platform=platform)
    update = sent if isinstance(sent, UpdateForm) else _update_form(request)
    context: dict[str, Any] = {
        "chosen": chosen,
        "about": _bulk_wording.selected(len(chosen.selection.keys)),
        "field_form": field,
        "status_form": None if is_locked(request) else state,
        "update_form": None if request.person.masked(UPDATES) else update,
        "problem": problem,
    }
    return render(request, "bulk/choose.html", context, status=status)


def _update_form(request: Request) -> UpdateForm:
    """Return the form of a new update: by this person, of today in the reader's zone."""
    initial = {"author": request.person.name, "date": timezone.localdate()}
    form = UpdateForm(new=True, initial=initial)
    form.visible_fields()[0].field.widget.attrs.pop("autofocus", None)
    return form


def _sent_form(request: Request) -> FieldForm | StatusForm | UpdateForm | None:
    """Return the form that was sent; None for a deletion, which has no fields."""
    do = request.POST.get("do", "")
    if do == "delete":
        return None
    if do == "update" and not request.person.masked(UPDATES):
        return UpdateForm(request.POST, new=True)
    if do == "status" and not is_locked(request):
        return StatusForm(request.POST)
    if do != "field":
        raise PermissionDenied
    return FieldForm(request.POST, masked=request.person.masked(ACCOUNTS))


def _action(form: FieldForm | StatusForm | UpdateForm) -> Action:
    if isinstance(form, FieldForm):
        return SetField(form.cleaned_data["column"], form.cleaned_data["value"])
    if isinstance(form, StatusForm):
        given = form.cleaned_data
        return SetStatus(given["platform"], given["status"], given["reason"])
    return WriteUpdate(form.values())


def _is_masked(request: Request, action: Change) -> bool:
    if isinstance(action, SetField):
        return action.column in request.person.masked(ACCOUNTS)
    if isinstance(action, DeleteAccounts):
        return False
    if action.table is PLATFORMS_STATUS:
        return is_locked(request)
    return bool(request.person.masked(UPDATES))


def _is_undoable(request: Request) -> bool:
    """Return False where row filters or masks keep the app from reading the past."""
    try:
        return not request.person.is_protected(TABLES)
    except WarehouseError:
        return True
