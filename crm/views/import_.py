"""Importing a file: upload it, see what it would do, let it be done, read what was done."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from crm import access
from crm.forms.import_file import ImportForm
from crm.importing.findings import REFUSED
from crm.importing.importer import SKIP, UPDATE
from crm.importing.jobs import job as jobs
from crm.importing.jobs.job import Job
from crm.request import Request
from crm.warehouse import Warehouse

from . import _respond, revert

# What one may choose where the options that came with the file bear nothing.
_LOOKS: dict[str, dict[str, object]] = {
    "look": {},
    "look-skip": {"on_conflict": SKIP},
    "look-update": {"on_conflict": UPDATE},
    "look-lenient": {"strict": False},
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
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
    job.preview(_warehouse(request))
    return _respond.go(request, reverse("import-job", args=[job.id]))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@access.for_admins
@access.for_writers
def job(request: Request, id: str) -> HttpResponse:
    found = _find(request, id)
    if request.method != "POST":
        page, part = "import_/job.html", "import_/_job.html"
        return _respond.show(request, page, part, _context(request, found))
    match request.POST.get("do"):
        case "import":
            found.run(_warehouse(request))
        case what if what in _LOOKS:
            found.preview(_warehouse(request), **_LOOKS[what])
        case "stop":
            found.stop()
        case "discard" if found.forget():
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
            "This import is not known here any more: it is over for more than an hour, or the app "
            "was started anew. What it imported is there. Upload the file again to see; importing "
            "twice changes nothing."
        )
    return found


def _owner(request: Request) -> str:
    return str(request.person)


def _warehouse(request: Request) -> Warehouse:
    """The person's own, as it is now: the thread that uses it outlives the request."""
    return request.warehouse.within(None)


def _undo_url(request: Request, found: Job) -> str:
    before, after = found.state.get("versions") or (None, None)
    if found.phase not in (jobs.DONE, jobs.FAILED) or before == after:
        return ""
    # An attempt that died may have written more than it could note.
    if not any(found.state["wrote"].values()) and found.state["attempts"] == 1:
        return ""
    return revert.bulk_url(request, before, after)


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
    }
