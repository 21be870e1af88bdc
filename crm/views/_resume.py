"""Continuing an operation after one of its steps failed.

The error page has a button that sends the same form again, with a signed field: the operation's
id and its finished steps. So the history shows one operation.
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
    """Return the steps of the operation that this person finished before at this URL.

    Return NOTHING if the field is missing, too old or from another version of the app: every step
    is safe to repeat.
    """
    try:
        facts = signing.loads(request.POST.get(FIELD, ""), salt=_SALT, max_age=_SECONDS)
        is_same_place = (facts.pop("who"), facts.pop("path")) == _place(request)
        return Earlier(**facts) if is_same_place else NOTHING
    except (signing.BadSignature, KeyError, TypeError):
        return NOTHING


def fields(request: HttpRequest, error: HalfDone) -> list[tuple[str, str]]:
    """Return the fields (name, value) of the form that continues the operation."""
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
