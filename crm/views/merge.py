"""Merging two accounts: choose the other one, compare them side by side, and merge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from crm.access import for_writers
from crm.identity import rights
from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, CHILDREN
from crm.page_urls import record_url
from crm.repository import operations, steps, summaries
from crm.repository.bulk import undone
from crm.repository.errors import ChangedMeanwhile, DeletedMeanwhile, HiddenChildren, Missing
from crm.repository.merge import merging, pair
from crm.repository.merge.pair import Pair
from crm.repository.operations import Operation
from crm.repository.records import account_names, accounts
from crm.repository.similar_teams import find
from crm.repository.steps import Earlier
from crm.repository.tables import notes
from crm.request import Request

from . import (
    _list_state,
    _merge_wording,
    _policies,
    _respond,
    _resume,
    _revert_links,
    _signed_plans,
    _wording,
)
from ._merge_choice import Questions
from ._signed_plans import Signed
from ._team import team_of

_KIND = "merge"
# How many accounts the search for the other account shows.
FOUND = 20


@never_cache
@for_writers
@_respond.form_page
def choose_other(request: Request, bsnid: str) -> HttpResponse:
    """Ask which account to merge with this one. One more statement without ``team`` in the URL."""
    q = " ".join(_list_state.plain(request.GET.get("q", "")).split())
    found = accounts.search(request.warehouse, Listing(q=q, size=FOUND)) if q else None
    rows = [row.account for row in found.rows if row.account.bsnid != bsnid] if found else []
    exact = [row.bsnid for row in rows if row.bsnid.lower() == q.lower()]
    if found and found.total > FOUND and not exact:
        # If more accounts match than are shown, the typed BSNID may be that of a hidden match.
        exact = [
            each.bsnid for each in account_names.named(request.warehouse, q) if each.bsnid == q
        ]
    if exact and record_url("account-detail", exact[0]):
        return HttpResponseRedirect(reverse("account-merge", args=[bsnid, exact[0]]))
    similar = [] if q else find.like_account(request.warehouse, bsnid)
    context = {
        "bsnid": bsnid,
        "q": q,
        "found": similar or rows,
        "team": request.GET.get("team") or team_of(request, bsnid),
    }
    return render(request, "merge/choose_other.html", context)


@never_cache
@for_writers
@_respond.form_page
def merge_accounts(request: Request, bsnid: str, other: str) -> HttpResponse:
    """Show both accounts side by side; a POST merges the account ``other`` into ``bsnid``."""
    if bsnid == other:
        raise Http404("An account cannot be merged with itself.")
    found = pair.load(request.warehouse, bsnid, other)
    if request.method == "POST" and not _is_closed(request):
        return _merge(request, bsnid, other, found)
    return _show(request, _questions(request, found, bsnid, other))


def _merge(request: Request, bsnid: str, other: str, found: Pair) -> HttpResponse:
    plan, earlier = _read_plan(request), _resume.earlier(request)
    wh = request.warehouse
    masks = rights.masked_columns(wh)
    id = earlier.operation or (plan.operation if plan else "")
    began = plan.began if plan else None
    operation = Operation(id, operations.MERGE, wh.actor, masks, began)
    if plan and found.kept and found.other is None:
        return _finish(request, operation, plan, bsnid, other)
    if earlier.done:
        _require_kept(found, bsnid, other)
    questions = _questions(request, found, bsnid, other, is_sent=True)
    if plan is None:
        return _show(request, questions, _merge_wording.EXPIRED)
    summary = summaries.merged(questions.other.title, questions.kept.title)
    if questions.other.change_id == operation.id:
        if undone.was_undone(wh, operation):  # the undo may have failed half-way
            return _show(request, questions, _merge_wording.UNDONE)
        earlier = earlier if earlier.done else Earlier(operation.id, 1)
        # By now the kept account may have the other account's team.
        summary = summaries.ended(notes.read_note(wh, id).summary) or summary
    elif earlier.done:
        return _show(request, questions, _merge_wording.CHANGED_HALF_WAY)
    elif problem := _problem(request, operation, questions):
        return _show(request, questions, problem)
    try:
        with _noted(request, operation, summary):
            is_sure = merging.merge(wh, operation, bsnid, other, questions.choice(), earlier)
    except HiddenChildren as error:
        return _show(request, questions, _merge_wording.hidden(error.hidden))
    except (ChangedMeanwhile, DeletedMeanwhile, Missing):
        found = pair.load(wh, bsnid, other)
        _require_kept(found, bsnid, other)
        if found.other is None:
            raise Http404(_merge_wording.other_deleted_half_way(bsnid, other)) from None
        again = _questions(request, found, bsnid, other, is_sent=True)
        return _show(request, again, _merge_wording.CHANGED_HALF_WAY)
    text = _merge_wording.done(summary, other, is_sure=is_sure)
    return _done(request, operation, plan, bsnid, text)


def _require_kept(found: Pair, bsnid: str, other: str) -> None:
    """Raise Http404 if somebody deleted the kept account while the other was merged into it."""
    if found.kept is None:
        raise Http404(_merge_wording.deleted_half_way(bsnid, other))


def _problem(request: Request, operation: Operation, questions: Questions) -> str:
    """Say why a merge cannot begin; empty if it can."""
    if questions.is_double:
        return _merge_wording.DOUBLE
    if questions.is_changed:
        return _merge_wording.CHANGED
    is_undone = merging.was_undone(request.warehouse, operation)
    return _merge_wording.UNDONE if is_undone else ""


def _finish(
    request: Request, operation: Operation, plan: Signed, bsnid: str, other: str
) -> HttpResponse:
    """Finish a merge whose earlier attempt deleted the other account, unless somebody else did."""
    note = notes.read_note(request.warehouse, operation.id)
    if not note.summary:
        raise Http404(_wording.not_found(ACCOUNTS, other))
    if note.is_ended:
        return _done(request, operation, plan, bsnid, _merge_wording.DONE_BEFORE)
    if undone.was_undone(request.warehouse, operation):
        raise Http404(_merge_wording.undone_and_gone(other))
    summary = summaries.ended(note.summary)
    try:
        with _noted(request, operation, summary):
            is_sure = merging.finish(request.warehouse, operation, bsnid, other)
    except DeletedMeanwhile:
        raise Http404(_merge_wording.other_deleted_half_way(bsnid, other)) from None
    text = _merge_wording.done(summary, other, is_sure=is_sure)
    return _done(request, operation, plan, bsnid, text)


@contextmanager
def _noted(request: Request, operation: Operation, summary: str) -> Iterator[None]:
    """Note the beginning and the end of the merge."""
    noted = [summaries.began(summary)]
    with steps.noted(request.warehouse, operation, lambda: noted[-1]):
        yield
        noted.append(summary)


def _done(
    request: Request, operation: Operation, plan: Signed, bsnid: str, text: str
) -> HttpResponse:
    undo = _revert_links.undo_url(request, operation, plan.began)
    stayed = _merge_wording.may_have_stayed(_policies.filtered(request, CHILDREN))
    messages.success(request, f"{text} {stayed}".strip(), extra_tags=undo)
    return _respond.go(request, reverse("account-detail", args=[bsnid]))


def _questions(
    request: Request, found: Pair, bsnid: str, other: str, *, is_sent: bool = False
) -> Questions:
    """Return the fields to decide on. Raises Http404 if one of the accounts does not exist."""
    for side, key in ((found.kept, bsnid), (found.other, other)):
        if side is None:
            raise Http404(_wording.not_found(ACCOUNTS, key))
    given = request.POST.dict() if request.method == "POST" else {}
    shown = frozenset(given.get("shown", "").split()) if is_sent else None
    return Questions(found, given, _policies.masked(request, ACCOUNTS), shown)


def _show(request: Request, questions: Questions, problem: str = "") -> HttpResponse:
    kept, other = questions.kept.bsnid, questions.other.bsnid
    context = {
        "questions": questions,
        "kept": questions.kept,
        "other": questions.other,
        "lead": _merge_wording.lead(questions),
        "masked": _merge_wording.masked(questions),
        "is_closed": _is_closed(request),
        "may_stay": _merge_wording.may_stay(_policies.filtered(request, CHILDREN), other),
        "no_undo": _policies.no_undo(request),
        "problem": problem,
        "plan": _signed_plans.sign(request, _KIND, questions.pair.moment, {"path": request.path}),
        "swapped_url": reverse("account-merge", args=[other, kept]),
    }
    return render(request, "merge/merge_accounts.html", context, status=409 if problem else 200)


def _read_plan(request: Request) -> Signed | None:
    """Return the submitted plan; None if it is invalid or of other accounts."""

    def make(signed: Signed, facts: Mapping[str, Any]) -> Signed | None:
        return signed if facts["path"] == request.path else None

    return _signed_plans.read(request, _KIND, make)


def _is_closed(request: Request) -> bool:
    """Return whether a policy masks statuses, or the keys by which a merge finds the children."""
    keys = {table: {table.key, table.parent_key} for table in CHILDREN}
    hides_keys = any(keys[table] & _policies.masked(request, table) for table in CHILDREN)
    return hides_keys or _policies.masks_statuses(request)
