"""The start page: figures of all accounts, or a welcome if there are none."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.model import vocabulary
from crm.page_urls import name_url, page_url
from crm.repository.records import overview as figures_of
from crm.request import Request

from . import _attention
from ._charts import bars, link, stacks
from .attention import Section


@require_safe
def overview(request: Request) -> HttpResponse:
    limits = _attention.limits(request)
    figures = figures_of.load(request.warehouse, limits)
    if not figures.accounts:
        return render(request, "overview/first-run.html")
    statuses, tiers = vocabulary.use_case_statuses(), vocabulary.enablement_tiers()
    areas = {facet.value: facet.count for facet in figures.areas[:8]}
    context = {
        "figures": figures,
        "attention": [
            Section(kind, figures.attention.get(kind.key, 0), kind.url(), ())
            for kind in _attention.kinds(limits, figures.attention)
        ],
        "recent_url": link("update-list", {"updated-since": _first_recent_day(request)}),
        "active_url": link("use-case-list", {"status": figures_of.ACTIVE}),
        "adoption": stacks(figures.adoption),
        "pipeline": bars(figures.pipeline, "use-case-list", "status", statuses),
        "tiers": bars(figures.tiers, "use-case-list", "enablement_tier", tiers),
        "areas_url": page_url("areas"),
        "areas": [
            replace(bar, url=name_url("area", bar.word)) if bar.word else bar
            for bar in bars(areas, "account-list", "business_area")
        ],
    }
    return render(request, "overview/overview.html", context)


def _first_recent_day(request: Request) -> str:
    """Return the first day whose updates the overview counts as recent."""
    day = request.warehouse.namespace.today - figures_of.RECENT + dt.timedelta(days=1)
    return day.isoformat()
