"""What a page showed before a change, in the signed field of its button: the plan of the change.

The button may be pressed twice: the operation's id is in the plan, so it is the same operation.
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
    """What every plan has.

    :param operation: the id of the change.
    :param began: when the page was read, before anything was written.
    """

    operation: str
    began: dt.datetime


def sign(request: Request, kind: str, moment: dt.datetime | None, facts: dict[str, Any]) -> str:
    """Return the field by which this person can make the change; ``kind`` is that of the page."""
    signed = {"who": request.warehouse.actor, "operation": uuid.uuid4().hex}
    signed |= {"began": format_moment(moment), **facts}
    return signing.dumps(signed, salt=f"crm.{kind}", compress=True)


def read(
    request: Request, kind: str, make: Callable[[Signed, Mapping[str, Any]], Plan | None]
) -> Plan | None:
    """Return what ``make`` makes of the plan that was sent and its facts.

    None if it is too old or another person's, or if another version of the app signed other facts.
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
    """Say why nothing was ``done``, as in “nothing was changed now”."""
    return f"This page is too old or is not yours, so nothing was {done} now."
