"""Changing many rows of a list at once: choose the change, preview it, confirm it.

The list sends the keys of the selected rows, or its filters for all matching rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from crm.access import for_writers
from crm.identity import rights
from crm.model.schema import ACCOUNTS
from crm.page_urls import record_url
from crm.repository import operations, summaries
from crm.repository.bulk import change, deletion, undone
from crm.repository.bulk.actions import Action, Move, SetField, SetStatus, WriteUpdate
from crm.repository.bulk.delete_action import Delete
from crm.repository.bulk.outcome import Outcome
from crm.repository.errors import TooMany
from crm.repository.operations import Operation
from crm.repository.tables import notes
from crm.repository.tables.notes import Noted
from crm.request import Request

from . import (
    _account_list,
    _bulk_forms,
    _bulk_plan,
    _bulk_wording,
    _policies,
    _respond,
    _resume,
    _revert_links,
    _wording,
    updates,
    use_cases,
)
from ._bulk_forms import Form
from ._bulk_plan import Change, Chosen, Plan
from ._subject import Subject


@never_cache
@for_writers
@_respond.form_page
def of_accounts(request: Request, step: str) -> HttpResponse:
    return _show(request, _account_list.LIST, step)


@never_cache
@for_writers
@_respond.form_page
def of_use_cases(request: Request, step: str) -> HttpResponse:
    return _show(request, use_cases.LIST, step)


@never_cache
@for_writers
@_respond.form_page
def of_updates(request: Request, step: str) -> HttpResponse:
    return _show(request, updates.LIST, step)


def _show(request: Request, subject: Subject, step: str) -> HttpResponse:
    """Show one step of a bulk change. ``change`` offers the changes; forms send the others."""
    if step not in _STEPS:
        raise Http404(f"There is no page “{step[:40]}” here.")
    if request.method != "POST":
        chosen = Chosen.read(request.GET.urlencode(), request.person.email, subject)
        if step != "change" or chosen.is_empty:
            return _back(request, _bulk_wording.nothing_chosen(subject.table), chosen.list_url)
        return _ask(request, chosen)
    return _STEPS[step](request, subject)


def _preview(request: Request, subject: Subject) -> HttpResponse:
    chosen = Chosen.read(request.POST.get("of", ""), request.person.email, subject)
    if chosen.is_empty:
        return _back(request, _bulk_wording.nothing_chosen(subject.table), chosen.list_url)
    form = _bulk_forms.sent_form(request, subject.table)
    if form and not form.is_valid():
        return _ask(request, chosen, form, status=422)
    action = _bulk_forms.action_of(form, subject.table)
    try:
        found = change.preview(request.warehouse, chosen.selection, action)
    except TooMany as error:
        problem = _bulk_wording.too_many(error.most, subject.table)
        return _ask(request, chosen, form, problem, status=422)
    context = {
        "title": _bulk_wording.title(action),
        "summary": _bulk_wording.will_change(found, action, is_narrowed=bool(chosen.chips)),
        "shown": found.changes[: _bulk_wording.NAMED],
        "more": max(0, len(found.changes) - _bulk_wording.NAMED),
        "replaces": isinstance(action, (Move, SetField, SetStatus)),
        "deletes": isinstance(action, Delete),
        "new": _new_value(action),
        "text": action.values["description"] if isinstance(action, WriteUpdate) else "",
        "reason": getattr(action, "reason", ""),
        "reasons": _bulk_wording.reasons(found, action),
        "button": _bulk_wording.button(found, action),
        "plan": _bulk_plan.sign(request, action, found, chosen) if found.changes else "",
        "chosen": chosen,
        "no_undo": _policies.no_undo(request),
    }
    return render(request, "bulk/preview.html", context)


def _run(request: Request, subject: Subject) -> HttpResponse:
    plan = _bulk_plan.read(request, subject)
    if plan is None:
        return _back(request, _bulk_wording.EXPIRED, subject.list_url)
    if _bulk_forms.is_masked(request, plan.action):
        raise PermissionDenied
    masks = rights.masked_columns(request.warehouse)
    who = request.warehouse.actor
    operation = Operation(plan.operation, operations.BULK, who, masks, plan.began)
    before = _note_before(request, operation, plan)
    is_begun = before.summary or _resume.earlier(request).done
    if is_begun and undone.was_undone(request.warehouse, operation):
        return _back(request, _bulk_wording.undone(plan.action), plan.chosen.list_url)
    if before.is_ended and isinstance(plan.action, Delete):
        return _done_before(request, operation, plan)
    outcome = _write(request, operation, plan, is_ended=before.is_ended)
    is_gone = outcome.is_doubtful and all(each.is_gone for each in outcome.left)
    if before.summary and not outcome.written and is_gone:
        # The process ended before it could note that it had deleted the rows, and the change feed
        # cannot be read.
        summary = summaries.ended(before.summary)
        operations.note_done(request.warehouse, operation, plan.began, summary)
        return _done_before(request, operation, plan)
    undo = _revert_links.undo_url(request, operation, plan.began) if outcome.written else ""
    return _done(request, plan, outcome, undo)


def _note_before(request: Request, operation: Operation, plan: Plan) -> Noted:
    """Return the note of an earlier attempt at this change; empty if this is the first.

    The first attempt notes that it begins; a deletion does so once it knows what it deletes. A
    change that inserts nothing needs no such note: it is one statement, which skips rows that were
    written since, so sending it again does no harm.
    """
    wh, action = request.warehouse, plan.action
    if isinstance(action, Delete):
        return notes.read_note(wh, operation.id)
    if not action.inserts:
        return Noted()
    summary = _bulk_wording.summary(action, len(plan.rows))
    return operations.begin(wh, operation, summaries.began(summary))


def _done_before(request: Request, operation: Operation, plan: Plan) -> HttpResponse:
    undo = _revert_links.undo_url(request, operation, plan.began)
    messages.info(request, _bulk_wording.done_before(plan.action.of), extra_tags=undo)
    return _respond.go(request, plan.chosen.list_url)


def _write(request: Request, operation: Operation, plan: Plan, *, is_ended: bool) -> Outcome:
    """Make the change, and note it; only find out what it wrote if it ``is_ended``.

    Raises HalfDone.
    """
    wh, action, earlier = request.warehouse, plan.action, _resume.earlier(request)
    if isinstance(action, Delete):

        def note_begin(count: int) -> None:
            text = summaries.began(_bulk_wording.summary(action, count))
            operations.note_done(wh, operation, plan.began, text, is_ended=False)

        outcome = deletion.delete(wh, operation, plan.rows, earlier, note_begin, action.of)
    elif is_ended:
        # To write again could bring back rows that somebody has deleted since.
        outcome = change.write(wh, operation, action, plan.rows, replace(earlier, done=1))
    else:
        _note_reason(request, operation, action)
        outcome = change.write(wh, operation, action, plan.rows, earlier)
    if outcome.written or not isinstance(action, Delete):
        summary = _bulk_wording.summary(action, outcome.written)
        operations.note_done(wh, operation, plan.began, summary)
    return outcome


def _note_reason(request: Request, operation: Operation, action: Action) -> None:
    """Note the reason of a status before the status is set, so that no reason is lost."""
    if action.reason and not operations.note_reason(request.warehouse, operation, action.reason):
        messages.warning(request, _wording.reason_not_kept(action.reason))


_STEPS: dict[str, Callable[[Request, Subject], HttpResponse]] = {
    "change": lambda request, subject: _back(request, "", subject.list_url),
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
        "reasons": _bulk_wording.left_alone(outcome.left, plan.action.of),
        "undo": undo,
        "chosen": plan.chosen,
    }
    return render(request, "bulk/left_alone.html", context)


def _back(request: Request, why: str, url: str) -> HttpResponse:
    if why:
        messages.warning(request, why)
    return _respond.go(request, url)


def _ask(
    request: Request,
    chosen: Chosen,
    sent: Form | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Show the forms; ``sent`` is the submitted one with the person's input."""
    count, is_narrowed = len(chosen.selection.keys), bool(chosen.chips)
    context = {
        "chosen": chosen,
        "about": _bulk_wording.selected(count, chosen.table, is_narrowed=is_narrowed),
        "cards": _bulk_forms.cards(request, chosen, sent),
        "problem": problem,
        "merge_url": _merge_url(chosen),
    }
    return render(request, "bulk/choose.html", context, status=status)


def _new_value(action: Change) -> str:
    """Return the new value that the preview shows; empty if the change replaces none."""
    if isinstance(action, SetField):
        return action.value
    return str(getattr(action, "status", getattr(action, "bsnid", "")))


def _merge_url(chosen: Chosen) -> str:
    """Return the URL that merges the two chosen accounts; empty unless exactly two are chosen."""
    keys = chosen.selection.keys
    if chosen.table is not ACCOUNTS or len(keys) != 2 or not all(map(_has_page, keys)):
        return ""
    return reverse("account-merge", args=keys)


def _has_page(bsnid: str) -> bool:
    return bool(record_url("account-detail", bsnid))
