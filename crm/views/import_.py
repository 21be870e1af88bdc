"""The import of a file: upload it, preview it, run it, read the report."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm import access
from crm.forms.import_file import ImportForm
from crm.importing.findings import REFUSED
from crm.importing.importer import SKIP, UPDATE
from crm.importing.jobs import job as jobs
from crm.importing.jobs.job import Job
from crm.request import Request
from crm.warehouse import Warehouse

from . import _import_wording, _respond, _revert_links

# The choices that read the file again, and the options that each of them changes.
_PREVIEWS: dict[str, dict[str, object]] = {
    "preview": {},
    "preview-skip": {"on_conflict": SKIP},
    "preview-update": {"on_conflict": UPDATE},
    "preview-lenient": {"strict": False},
}


@never_cache
@_respond.form_page
@access.for_admins
@access.for_writers
def start(request: Request) -> HttpResponse:
    if request.method != "POST":
        return render(request, "import_/start.html", {"form": ImportForm()})
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "import_/start.html", {"form": form}, status=422)
    file = form.cleaned_data["file"]
    job = jobs.create(_owner(request), file.name, file.chunks(), form.options())
    job.start_preview(_warehouse(request))
    return _respond.go(request, reverse("import-job", args=[job.id]))


@never_cache
@_respond.form_page
@access.for_admins
@access.for_writers
def job(request: Request, id: str) -> HttpResponse:
    found = _find(request, id)
    if request.method != "POST":
        page, part = "import_/job.html", "import_/_job.html"
        return _respond.show(request, page, part, _context(request, found))
    match request.POST.get("do"):
        case "import":
            found.start_import(_warehouse(request))
        case choice if choice in _PREVIEWS:
            found.start_preview(_warehouse(request), **_PREVIEWS[choice])
        case "stop":
            found.stop()
        case "discard" if found.delete():
            return _respond.go(request, reverse("import"))
    return _respond.go(request, reverse("import-job", args=[found.id]))


@never_cache
@require_safe
@access.for_admins
@access.for_writers
def report(request: Request, id: str) -> HttpResponseBase:
    """Every finding, as a CSV file."""
    found = _find(request, id)
    if not found.report.exists():
        raise Http404("There is no report yet.")
    return FileResponse(found.report.open("rb"), as_attachment=True, filename="import-report.csv")


def _find(request: Request, id: str) -> Job:
    found = jobs.find(_owner(request), id)
    if found is None:
        raise Http404(
            "There is no such import of yours here. EDIP CRM forgets an import when it is "
            "discarded, an hour after it ended, and when the app restarts. You can upload the "
            "file again: importing the same file twice changes nothing more."
        )
    return found


def _owner(request: Request) -> str:
    return str(request.person)


def _warehouse(request: Request) -> Warehouse:
    """Return the person's own warehouse without a deadline: its thread outlives the request."""
    return request.warehouse.within(None)


def _undo_url(request: Request, found: Job) -> str:
    before, after = found.state.get("versions") or ({}, {})
    if found.phase not in (jobs.DONE, jobs.FAILED) or before == after:
        return ""
    # An attempt whose process ended early may have written more rows than it recorded.
    if not any(found.state["wrote"].values()) and found.state["attempts"] == 1:
        return ""
    return _revert_links.bulk_url(request, found.state["operations"], before, after)


def _context(request: Request, found: Job) -> dict[str, object]:
    state, tables = found.state, found.state["tables"]
    sums = {
        name: sum(table[name] for table in tables) for name in ("new", "different", "unchanged")
    }
    refused = state.get("refused", 0)
    findings = state.get("findings", ())
    refusals = [each for each in findings if each["outcome"] == REFUSED]
    changed = sums["different"] if found.options.on_conflict == UPDATE else 0
    return sums | {
        "job": found,
        "phase": found.phase,
        "at_work": found.at_work,
        "to_write": sums["new"] + changed,
        "refused": refused,
        "refusals": refusals,
        "remarks": [each for each in findings if each["outcome"] != REFUSED],
        "remarked": state.get("found", 0) - refused,
        "verified": all(table["verified"] for table in tables),
        "undo": _undo_url(request, found),
        "text": _text(found, sums, refused),
        "samples": _import_wording.samples(tables, found.options.on_conflict),
        "different_label": "Changed" if found.options.on_conflict == UPDATE else "Different",
    }


def _text(found: Job, sums: dict[str, int], refused: int) -> dict[str, str]:
    """Return the sentences of the phase that the import is in."""
    state, conflicts = found.state, found.options.on_conflict
    if found.at_work:
        importing = found.phase == jobs.IMPORTING
        rows, total = state.get("rows", 0), state.get("total", 0)
        return _import_wording.at_work(importing, rows, total, found.stopping)
    if found.phase == jobs.FAILED:
        return _import_wording.failed(found.may_import, found.process_ended, state)
    if found.phase == jobs.DONE:
        return _import_wording.done(state["tables"], conflicts)
    return _import_wording.preview(found.obstacle, conflicts, sums, refused)
