"""Download templates of files to import."""

from __future__ import annotations

import tempfile

from django.http import FileResponse, Http404
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from crm import access
from crm.exporting import template as templates
from crm.model.schema import TABLE_BY_NAME
from crm.request import Request


@require_safe
@access.for_admins
def template(request: Request, table: str, form: str) -> HttpResponseBase:
    if table not in TABLE_BY_NAME or form not in templates.FORMS:
        raise Http404("There is no such template.")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    templates.write(file, TABLE_BY_NAME[table], form)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{table}.{form}")
