"""The export: all data as one file to download."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm import access
from crm.exporting import exporter
from crm.request import Request

_FORMATS = {
    "json": ("JSON", ".json", "Everything, so that an import restores exactly the same data."),
    "xlsx": ("Excel", ".xlsx", "One workbook with a sheet for each table."),
    "csv": ("CSV", ".zip", "A zip archive with one file for each table."),
    "sql": ("SQL", ".sql", "INSERT statements that Databricks accepts."),
}


@never_cache
@require_safe
@access.for_admins
def export(request: Request) -> HttpResponseBase:
    """Show a page with the formats; with ``?format=`` return the file.

    The file is complete before the first byte is sent, so that a failure shows an error page.
    """
    form = request.GET.get("format")
    if form not in _FORMATS:
        return _choose(request)
    with tempfile.TemporaryDirectory(prefix="edip-export-") as folder:
        path = Path(folder) / "export"
        exporter.export(request.warehouse.within(None), form, path)
        file = path.open("rb")
    name = f"edip-crm-{timezone.localdate():%Y-%m-%d}{_FORMATS[form][1]}"
    return FileResponse(file, as_attachment=True, filename=name)


def _choose(request: Request) -> HttpResponse:
    formats = [(key, label, what) for key, (label, _, what) in _FORMATS.items()]
    return render(request, "export/export.html", {"formats": formats})
