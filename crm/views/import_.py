"""The import of a file: upload it, preview it, run it, read the report."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm import access
from crm.exporting import template
from crm.forms import import_mapping
from crm.forms.import_file import ImportForm
from crm.importing.findings import REFUSED
from crm.importing.importer import SKIP, UPDATE
from crm.importing.jobs import folders, mapping_step
from crm.importing.jobs import job as jobs
from crm.importing.jobs.job import Job
from crm.importing.refused import files as refused_files
from crm.model.schema import TABLES
from crm.repository.tables import notes
from crm.repository.tables.notes import Noted
from crm.repository.transfer import import_traces
from crm.request import Request, sent_fields
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import _import_choices, _import_mapping, _import_wording, _respond, _revert_links

# How often a page asks again for an import that the answering instance does not have.
MOST_ASKED = 20
# The buttons that read the file again, and the options that each of them changes.
_PREVIEWS: dict[str, dict[str, Any]] = {
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
        return _start_page(request, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _start_page(request, form, status=422)
    file = form.cleaned_data["file"]
    job = jobs.create(_owner(request), file.name, file.chunks(), form.options())
    job.start_reading(_warehouse(request))
    return _respond.go(request, reverse("import-job", args=[job.id]))


def _start_page(request: Request, form: ImportForm, status: int = 200) -> HttpResponse:
    templates = [(table, template.words(table)) for table in TABLES]
    context = {"form": form, "templates": templates}
    return render(request, "import_/start.html", context, status=status)


@never_cache
@_respond.form_page
@access.for_admins
@access.for_writers
def job(request: Request, id: str) -> HttpResponse:
    found = jobs.find(_owner(request), id)
    if found is None:
        return _elsewhere(request, id)
    if request.method != "POST":
        page, part = "import_/job.html", "import_/_job.html"
        return _respond.show(request, page, part, _context(request, found))
    match request.POST.get("do"):
        case "import":
            choices = _import_choices.changed(found, request.POST)
            if not choices and (problem := _unconfirmed(request, found)):
                context = _context(request, found) | {problem: True}
                return render(request, "import_/job.html", context, status=422)
            if choices:
                found.start_preview(_warehouse(request), **choices)
            else:
                found.start_import(_warehouse(request))
        case "choices":
            choices = _import_choices.changed(found, request.POST)
            found.start_preview(_warehouse(request), **choices)
        case "map" | "columns" if found.phase == jobs.MAPPING:
            return _map(request, found)
        case "mapping":
            found.choose()
        case choice if choice in _PREVIEWS:
            found.start_preview(_warehouse(request), **_PREVIEWS[choice])
        case "stop":
            found.stop()
        case "discard" if found.delete():
            return _respond.go(request, reverse("import"))
    return _respond.go(request, reverse("import-job", args=[found.id]))


def _map(request: Request, found: Job) -> HttpResponse:
    """Preview the file with the chosen mapping (``do=map``), or show the effect of the choices."""
    parts = found.parts
    before, mapping = found.options.mapping, import_mapping.read(parts, request.POST)
    again = any(
        import_mapping.must_read_again(part, before.of(*name), mapping.of(*name))
        for part in parts
        if (name := (part.file, part.sheet))
    )
    opened = import_mapping.opened(parts, request.POST)
    if request.POST["do"] == "columns":
        if again:
            wh = _warehouse(request)
            found.start_reading(wh, ask=True, panels=opened, mapping=asdict(mapping))
        else:
            found.choose(mapping, opened)
        if not _respond.wants_part(request):
            return _respond.go(request, reverse("import-job", args=[found.id]))
        return render(request, "import_/_job.html", _context(request, found))
    panels = _import_mapping.panels(parts, mapping, opened, checked=True)
    is_nothing = mapping_step.is_all_left_out(parts, mapping)
    if is_nothing or any(panel.problems for panel in panels):
        context = _context(request, found)
        context |= {"panels": panels, "is_nothing": is_nothing, "is_wrong": True}
        return render(request, "import_/job.html", context, status=422)
    start = found.start_reading if again else found.start_preview
    start(_warehouse(request), keep=True, mapping=asdict(mapping))
    return _respond.go(request, reverse("import-job", args=[found.id]))


@never_cache
@require_safe
@access.for_admins
@access.for_writers
def report(request: Request, id: str) -> HttpResponseBase:
    """Download every finding as a CSV file."""
    report = _find(request, id).report
    return _download(report, "import-report.csv", "There is no report yet.")


@never_cache
@require_safe
@access.for_admins
@access.for_writers
def refused(request: Request, id: str) -> HttpResponseBase:
    """Download the refused rows as a file of the kind that was uploaded."""
    found = _find(request, id)
    name = refused_files.name_for(found.file)
    return _download(found.refused, name, "There are no refused rows to download.")


def _download(file: Path, name: str, missing: str) -> FileResponse:
    """Return the file under this name. Raises Http404 with the text ``missing``."""
    if not file.exists():
        raise Http404(missing)
    return FileResponse(file.open("rb"), as_attachment=True, filename=name)


def _unconfirmed(request: Request, found: Job) -> str:
    """Return why the person has not confirmed this preview: ``is_other`` if they saw another
    one, ``is_unsure`` if they did not tick each of its doubts; empty if they have confirmed it."""
    if found.phase != jobs.PREVIEW:
        return ""
    if request.POST.get("previewed") != found.state.get("previewed"):
        return "is_other"
    is_sure = found.doubts.keys() <= set(request.POST.getlist("sure"))
    return "" if is_sure else "is_unsure"


def _find(request: Request, id: str) -> Job:
    found = jobs.find(_owner(request), id)
    if found is None:
        raise Http404("There is no such import of yours on this instance of the app.")
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _elsewhere(request: Request, id: str) -> HttpResponse:
    """Show what the tables have of an import that this instance of the app does not have."""
    if not folders.is_id(id):
        raise Http404("There is no such import.")
    trace = import_traces.read(request.warehouse, id)
    context: dict[str, object] = {"text": _import_wording.elsewhere(trace)}
    if request.method == "POST":
        context["fields"] = sent_fields(request)
    elif (asked := _number(request.GET.get("asked", ""))) < MOST_ASKED:
        # The page asks again, since another instance may answer next.
        context["next"] = asked + 1
    status = 200 if _respond.wants_part(request) else 404
    page, part = "import_/elsewhere.html", "import_/_elsewhere.html"
    return _respond.show(request, page, part, context, status)


def _owner(request: Request) -> str:
    return str(request.person)


def _warehouse(request: Request) -> Warehouse:
    """Return the person's warehouse for the job's thread, which outlives the request."""
    return request.warehouse.for_bulk()


def _undo_url(request: Request, found: Job) -> str:
    before, after = found.state.get("versions") or ({}, {})
    if found.phase not in (jobs.DONE, jobs.FAILED) or before == after:
        return ""
    wrote = found.state["wrote"]
    # An attempt whose process ended early may have written more rows than it noted.
    if len(wrote) < 2 and not any(any(rows.values()) for rows in wrote.values()):
        return ""
    return _revert_links.bulk_url(request, list(wrote), before, after)


def _undos(request: Request, found: Job) -> list[Noted]:
    """Return the note of the undo of each attempt of a finished import: it is empty if there is
    none. Return no notes while the warehouse does not tell. One statement."""
    if found.phase == jobs.DONE:
        with suppress(WarehouseError):
            return notes.read_undos(request.warehouse, found.state["wrote"])
    return []


def _context(request: Request, found: Job) -> dict[str, object]:
    state, tables = found.state, found.state["tables"]
    sums = {
        name: sum(table[name] for table in tables) for name in ("new", "different", "unchanged")
    }
    refused = state.get("refused", 0)
    findings = state.get("findings", ())
    refusals = [each for each in findings if each["outcome"] == REFUSED]
    changed = sums["different"] if found.options.on_conflict == UPDATE else 0
    undos = _undos(request, found)
    is_undone = bool(undos) and all(undo.is_ended for undo in undos)
    panels = []
    if found.phase == jobs.MAPPING:
        opened = found.state.get("panels", {})
        panels = _import_mapping.panels(found.parts, found.options.mapping, opened, checked=False)
    kept = found.parts if found.phase == jobs.PREVIEW else []
    return sums | {
        "job": found,
        "kept": _import_mapping.read_as_kept(kept, request.warehouse.actor),
        "panels": panels,
        "phase": found.phase,
        "at_work": found.at_work,
        "to_write": sums["new"] + changed,
        "refused": refused,
        "refusals": refusals,
        "remarks": [each for each in findings if each["outcome"] != REFUSED],
        "remarked": state.get("found", 0) - refused,
        "verified": all(table["verified"] for table in tables),
        "has_undo": any(undo.summary for undo in undos),
        "undo": "" if is_undone else _undo_url(request, found),
        "text": _text(found, sums, refused) | _import_wording.undone(undos),
        "samples": _import_wording.samples(tables, found.options.on_conflict),
        "choices": _import_choices.offered(found),
        "different_label": "Changed" if found.options.on_conflict == UPDATE else "Different",
    }


def _text(found: Job, sums: dict[str, int], refused: int) -> dict[str, str]:
    """Return the sentences of the phase that the import is in."""
    state, conflicts = found.state, found.options.on_conflict
    if found.at_work:
        importing = found.phase == jobs.IMPORTING
        rows, total = state.get("rows", 0), state.get("total", 0)
        return _import_wording.at_work(importing, rows, total, found.stopping)
    if found.phase == jobs.MAPPING:
        return {}
    if found.phase == jobs.FAILED:
        return _import_wording.failed(found.may_import, found.process_ended, state)
    if found.phase == jobs.DONE:
        return _import_wording.done(state["tables"], conflicts)
    stale = sum(table["stale"] for table in state["tables"])
    texts = _import_wording.preview(found.obstacle, conflicts, sums, refused, stale)
    return texts | {"stale": _import_wording.stale(stale, conflicts)}
