"""The help on a page with its keyboard shortcuts, and the guide.

They run no statement, so that they work while the warehouse does not answer.
"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.request import Request

from . import _respond
from ._help import PURPOSES, SHORTCUTS


@require_safe
def help_page(request: Request) -> HttpResponse:
    """Show the help, as a page or as a dialog over the page whose URL name is ``about``."""
    context = {
        "about": PURPOSES.get(request.GET.get("about", "")),
        "shortcuts": SHORTCUTS,
        "purposes": [(name, PURPOSES[name]) for name in _SECTIONS],
    }
    return _respond.show(request, "help/help.html", "help/_dialog.html", context)


@require_safe
def guide(request: Request) -> HttpResponse:
    """Show the guide; `make guide` makes its text from docs/guide.md."""
    return render(request, "guide/guide.html")


# The pages that the full help describes.
_SECTIONS = (
    "overview",
    "attention",
    "trends",
    "report",
    "search",
    "account-list",
    "account-detail",
    "use-case-list",
    "update-list",
    "saved-views",
    "people",
    "areas",
    "similar-teams",
    "activity",
    "diff",
    "as-of",
    "me",
    "digest",
)
