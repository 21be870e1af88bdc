"""What is not as it should be in the tables, and repairing it: the checks of check_integrity."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from crm import access
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.repository.integrity import checks
from crm.repository.integrity.checks import Check, Found, Problem
from crm.repository.past import revert_bulk
from crm.request import Request

from . import _respond, revert

_EDIT = {ACCOUNTS: "account-edit", USE_CASES: "use-case-edit", UPDATES: "update-edit"}


@dataclass(frozen=True)
class Finding:
    """A problem, and where one can see to it: empty where there is no such page."""

    problem: Problem
    url: str


@dataclass(frozen=True)
class Result:
    """``total`` and ``repairable`` count those, too, that are not among the findings."""

    check: Check
    findings: list[Finding]
    total: int
    repairable: int

    @property
    def repairs(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.problem.repair]

    @property
    def is_cut(self) -> bool:
        return len(self.findings) < self.total

    @property
    def repairs_are_cut(self) -> bool:
        return len(self.repairs) < self.repairable


@never_cache
@require_safe
@access.for_admins
def run_checks(request: Request) -> HttpResponse:
    found = checks.run_checks(request.warehouse.within(None))
    results = [_result(check, each) for check, each in found.items()]
    context = {"results": results, "total": sum(result.total for result in results)}
    return render(request, "integrity/integrity.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@access.for_admins
@access.for_writers
def repair(request: Request, name: str) -> HttpResponse:
    """Shows what would be done, row by row; does it when sent. A repair is written so that rows
    which somebody put right meanwhile are left alone."""
    check = next((c for c in checks.CHECKS if c.name == name and c.fix), None)
    if check is None:
        raise Http404(f"There is no repair called “{name[:40]}”.")
    if request.method == "POST":
        before = revert_bulk.current_versions(request.warehouse.within(None))
        changed = checks.repair(request.warehouse.within(None), check)
        noun = "key" if check.by_key else "row"
        plural = f"{noun} was" if changed == 1 else f"{noun}s were"
        after = revert_bulk.current_versions(request.warehouse.within(None))
        can_undo = changed and not check.by_key
        undo = revert.bulk_url(request, before, after) if can_undo else ""
        messages.success(request, f"{check.title}: {changed} {plural} repaired.", extra_tags=undo)
        return _respond.go(request, reverse("integrity"))
    result = _result(check, checks.run_checks(request.warehouse.within(None), (check,))[check])
    return render(request, "integrity/repair.html", {"result": result})


def _result(check: Check, found: Found) -> Result:
    findings = [Finding(problem, _url(problem)) for problem in found.problems]
    return Result(check, findings, found.total, found.repairable)


def _url(problem: Problem) -> str:
    name = _EDIT.get(problem.table)
    if not name or not problem.key or "/" in problem.key:
        return ""
    return reverse(name, args=[problem.key])
