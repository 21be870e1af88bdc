"""The help: what the page that it was opened from is for, and the keys; and the guide.

They need no statement, so that they can also be read while the warehouse does not answer.
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
    """The page, or a dialog over the page that ``about`` names by its URL's name."""
    context = {
        "about": PURPOSES.get(request.GET.get("about", "")),
        "shortcuts": SHORTCUTS,
        "purposes": [PURPOSES[name] for name in _SECTIONS],
    }
    return _respond.show(request, "help/help.html", "help/_dialog.html", context)


@require_safe
def guide(request: Request) -> HttpResponse:
    """The guide: docs/guide.md, which `make guide` makes the page's text from."""
    return render(request, "guide/guide.html")


# The pages that the help names even if it was opened from another one.
_SECTIONS = (
    "overview",
    "attention",
    "trends",
    "account-list",
    "account-detail",
    "use-case-list",
    "update-list",
    "activity",
    "diff",
    "as-of",
    "me",
)
