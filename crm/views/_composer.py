"""The composer on an account's page, as its templates show it."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from functools import lru_cache

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from crm.forms.composer import ComposerForm
from crm.model import vocabulary
from crm.model.schema import UPDATES
from crm.request import Request

from ._failures import Failure
from ._from_list import FromList
from .platforms import StatusCard, is_locked

# Before a platform's name: the hidden field with the version of the status that the page shows.
SEEN = "seen-"


@dataclass(frozen=True)
class Composer:
    """What the composer shows.

    :param id: the id of the update, which recognizes a form that is sent twice.
    :param fields: the visible fields, as HTML.
    :param seen: the names and values of fields with the versions of the platforms' statuses.
    :param problem: the reason why nothing or only a part was saved.
    :param half_done: the value of a hidden field: the operation that set the status.
    :param is_refused: whether the form shows text that was sent and not saved.
    :param from_list: the list that the page was opened from.
    """

    bsnid: str
    id: str
    fields: SafeString
    seen: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    failure: Failure | None = None
    half_done: str = ""
    is_refused: bool = False
    from_list: FromList | None = None


def for_page(
    request: Request, bsnid: str, cards: list[StatusCard], from_list: FromList | None
) -> Composer | None:
    """Return the composer of an account's page; None for people who may not use it."""
    if not request.person.may_write or _masks(request):
        return None
    fields = _empty_fields(
        request.person.name,
        timezone.localdate(),
        has_status=not is_locked(request),
        is_focused="write" in request.GET,
        words=(vocabulary.platforms(), vocabulary.onboarding_statuses()),
    )
    seen = tuple((f"{SEEN}{card.platform}", card.seen) for card in cards)
    return Composer(bsnid, str(uuid.uuid4()), fields, seen, from_list=from_list)


def _masks(request: Request) -> bool:
    return bool(request.person.masked(UPDATES) & {c.name for c in UPDATES.editable})


@lru_cache(maxsize=500)
def _empty_fields(
    author: str, date: dt.date, *, has_status: bool, is_focused: bool, words: object
) -> SafeString:
    """Return the fields of an empty form. The result is cached: rendering uses forty templates.

    ``words`` are the choices of the fields.
    """
    initial = {"author": author, "date": date}
    return render_fields(
        ComposerForm(initial=initial, has_status=has_status, is_focused=is_focused)
    )


def render_fields(form: ComposerForm) -> SafeString:
    """Return the form's fields as HTML; all but the text open on demand."""
    errors = set(form.errors) - {"description"}
    typed = any(form.data.get(name) for name in ("platform", "status", "reason"))
    context = {"form": form, "is_open": bool(errors or typed)}
    return render_to_string("composer/_composer-fields.html", context)
