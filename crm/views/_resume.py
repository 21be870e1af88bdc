"""Going on with an operation that is half done.

The page that says so has a button, which sends the same form again. A signed field of it has the
operation's id and what was done, so that the history shows one operation.
"""

from __future__ import annotations

from django.core import signing
from django.http import HttpRequest

from crm.repository.errors import HalfDone
from crm.repository.steps import NOTHING, Earlier
from crm.request import sent_fields

FIELD = "half_done"
_SALT = "crm.half-done"
_SECONDS = 24 * 60 * 60


def earlier(request: HttpRequest) -> Earlier:
    """Return what this person did of the operation before, at this address.

    Every step is safe to repeat, so a field that is too old, or of a version of the app with other
    facts, is as good as none.
    """
    try:
        facts = signing.loads(request.POST.get(FIELD, ""), salt=_SALT, max_age=_SECONDS)
        is_same_place = (facts.pop("who"), facts.pop("path")) == _place(request)
        return Earlier(**facts) if is_same_place else NOTHING
    except (signing.BadSignature, KeyError, TypeError):
        return NOTHING


def fields(request: HttpRequest, error: HalfDone) -> list[tuple[str, str]]:
    """Return the fields of the form that goes on."""
    who, path = _place(request)
    facts = {
        "operation": error.operation,
        "done": error.finished,
        "changed": earlier(request).changed + error.changed,
        "notes": error.notes,
    }
    signed = signing.dumps({"who": who, "path": path, **facts}, salt=_SALT)
    return [*sent_fields(request, without=FIELD), (FIELD, signed)]


def _place(request: HttpRequest) -> tuple[str, str]:
    warehouse = getattr(request, "warehouse", None)
    return warehouse.actor if warehouse else "", request.path
