"""The page of the checks that ``manage.py check_integrity`` runs, and their repairs."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm import access
from crm.model.links import fits_in_path
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.repository import operations
from crm.repository.bulk import undone
from crm.repository.errors import Doubtful, HalfDone
from crm.repository.integrity import checks, repairs
from crm.repository.integrity.checks import Check, Found, Problem
from crm.repository.operations import Operation
from crm.repository.past import restore_tables, revert_bulk
from crm.request import Request
from crm.warehouse.errors import WarehouseError

from . import _integrity_wording, _policies, _respond, _resume, _revert_links, _revert_wording

_EDIT = {ACCOUNTS: "account-edit", USE_CASES: "use-case-edit", UPDATES: "update-edit"}


@dataclass(frozen=True)
class Finding:
    """A problem, and the URL that edits the record, empty if there is none."""

    problem: Problem
    url: str


@dataclass(frozen=True)
class Result:
    """The result of a check. ``total`` and ``repairable`` also count problems not in ``findings``.

    ``doubt`` says why it is unknown which findings are problems; ``closed``, why some are not
    repaired. Else they are empty.
    """

    check: Check
    findings: list[Finding]
    total: int
    repairable: int
    doubt: str
    closed: str

    @property
    def repairs(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.problem.repair]

    @property
    def is_cut(self) -> bool:
        return len(self.findings) < self.total


@never_cache
@require_safe
@access.for_admins
def run_checks(request: Request) -> HttpResponse:
    found = checks.run_checks(request.warehouse.within(None))
    results = [_result(check, each) for check, each in found.items()]
    total = sum(result.total for result in results if not result.doubt)
    context = {
        "found": [result for result in results if result.total],
        "passed": [result for result in results if not result.total],
        "total": total,
        "summary": _integrity_wording.problems(total),
    }
    return render(request, "integrity/integrity.html", context)


@never_cache
@_respond.form_page
@access.for_admins
@access.for_writers
def repair(request: Request, name: str) -> HttpResponse:
    """Show the changes of a repair, row by row; a POST makes them.

    A repair does not change rows that somebody has corrected in the meantime.
    """
    check = next((c for c in checks.CHECKS if c.name == name and c.fix), None)
    if check is None:
        raise Http404(f"There is no repair called “{name[:40]}”.")
    if request.method == "POST":
        wh = request.warehouse
        earlier = _resume.earlier(request)
        before = earlier.notes.get("before") or restore_tables.readable_versions(wh)
        operation = operations.of_many(wh, operations.REPAIR).resume(earlier.operation)
        if earlier.done and undone.was_undone(wh, operation, before):
            messages.warning(request, _revert_wording.undone("repair", "repaired"))
            return _respond.go(request, request.path)
        try:
            changed = repairs.repair(wh, check, operation, earlier)
        except HalfDone as half:
            half.notes["before"] = before
            raise
        except Doubtful:
            return _respond.go(request, request.path)  # the page says why nothing is left
        can_undo = changed and not check.by_key
        undo = _undo_url(request, operation, before) if before and can_undo else ""
        text = _integrity_wording.repaired(check.title, changed, "key" if check.by_key else "row")
        messages.success(request, text, extra_tags=undo)
        return _respond.go(request, reverse("integrity"))
    result = _result(check, checks.run_checks(request.warehouse.within(None), (check,))[check])
    shown = len(result.repairs)
    summary = result.doubt or _integrity_wording.repair(
        shown,
        result.repairable,
        by_key=check.by_key,
        is_undoable=_policies.is_undoable(request),
        is_masked=bool(result.closed),
    )
    return render(request, "integrity/repair.html", {"result": result, "summary": summary})


def _undo_url(request: Request, operation: Operation, before: revert_bulk.Versions) -> str:
    """Return the URL that undoes the repair; empty if the tables' versions cannot be read."""
    try:
        after = revert_bulk.current_versions(request.warehouse)
    except WarehouseError:
        return ""
    return _revert_links.bulk_url(request, [operation.id], before, after)


def _result(check: Check, found: Found) -> Result:
    findings = [Finding(problem, _url(problem)) for problem in found.problems]
    doubt = _integrity_wording.DOUBTFUL_ORPHANS if found.is_doubtful else ""
    closed = _integrity_wording.MASKED if found.is_masked else ""
    return Result(check, findings, found.total, found.repairable, doubt, closed)


def _url(problem: Problem) -> str:
    name = _EDIT.get(problem.table)
    if not name or not fits_in_path(problem.key):
        return ""
    return reverse(name, args=[problem.key])
