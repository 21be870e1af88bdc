"""The help: what the page that it was opened from is for, the keys, and what every page is for.

It needs no statement, so that it can also be read while the warehouse does not answer.
"""

from __future__ import annotations

from django.http import HttpResponse
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
