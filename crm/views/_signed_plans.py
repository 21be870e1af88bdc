"""The plan of a change: a signed form field with what the page showed before the change.

The plan has the operation's id, so that a button pressed twice makes one operation.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core import signing

from crm.forms.fields import format_moment, parse_moment
from crm.request import Request

FIELD = "plan"
_SECONDS = 24 * 60 * 60

Plan = TypeVar("Plan")


@dataclass(frozen=True)
class Signed:
    """The content of every plan.

    :param operation: the id of the change.
    :param began: the moment at which the page was read, before anything was written.
    """

    operation: str
    began: dt.datetime


def sign(request: Request, kind: str, moment: dt.datetime | None, facts: dict[str, Any]) -> str:
    """Return the signed field that lets this person make the change; ``kind`` names the page."""
    signed = {"who": request.warehouse.actor, "operation": uuid.uuid4().hex}
    signed |= {"began": format_moment(moment), **facts}
    return signing.dumps(signed, salt=f"crm.{kind}", compress=True)


def read(
    request: Request, kind: str, make: Callable[[Signed, Mapping[str, Any]], Plan | None]
) -> Plan | None:
    """Verify the submitted plan, and return the result of ``make`` for it.

    Return None if the plan is too old, another person's, or from another version of the app.
    """
    try:
        text = request.POST.get(FIELD, "")
        facts = signing.loads(text, salt=f"crm.{kind}", max_age=_SECONDS)
        began = parse_moment(facts["began"])
        if began is None or facts["who"] != request.warehouse.actor:
            return None
        return make(Signed(facts["operation"], began), facts)
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return None


def expired(done: str) -> str:
    """Say why nothing was ``done``; ``done`` is a participle such as “changed”."""
    return f"This page is too old or is not yours, so nothing was {done} now."
