"""The mappings of imports that are kept for files with the same headings."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from crm import access
from crm.importing.headings import LEFT_OUT
from crm.importing.jobs import mapping_step
from crm.importing.jobs.mapping_step import KeptMapping
from crm.importing.within_accounts import meanings
from crm.model.schema import TABLE_BY_NAME
from crm.repository.transfer import import_mappings
from crm.request import Request

from . import _respond

SHOWN = 100


@dataclass(frozen=True)
class Shown:
    """A kept mapping for the page; ``columns`` are pairs of a heading and its column's label."""

    kept: KeptMapping
    title: str
    columns: list[tuple[str, str]]


@never_cache
@_respond.form_page
@access.for_admins
@access.for_writers
def mappings(request: Request) -> HttpResponse:
    if request.method == "POST":
        import_mappings.forget(request.warehouse, request.POST.get("id", ""))
        return _respond.go(request, reverse("import-mappings"))
    found = [_shown(each) for each in mapping_step.list_kept(request.warehouse, SHOWN)]
    context = {"mappings": found, "most": SHOWN}
    return render(request, "import_/mappings.html", context)


def _shown(kept: KeptMapping) -> Shown:
    table = TABLE_BY_NAME.get(kept.mapping.table)
    if table is None:
        left_out = kept.mapping.table == LEFT_OUT
        return Shown(kept, "Left out" if left_out else "No longer used", [])
    labels = {column.name: column.label for column in table.columns}
    labels[LEFT_OUT] = "left out"
    columns = [
        (heading, _label(column, labels)) for heading, column in kept.mapping.columns.items()
    ]
    return Shown(kept, table.plural.capitalize(), columns)


def _label(column: str, labels: dict[str, str]) -> str:
    return labels.get(column) or meanings.choices().get(column, column)
