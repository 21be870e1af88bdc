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

# The version of a platform's status that the page shows, by platform.
SEEN = "seen-"


@dataclass(frozen=True)
class Composer:
    """What the composer shows.

    :param id: the update's, by which the form is recognized if it is sent again.
    :param fields: those that people fill in, as HTML.
    :param seen: the names and values of fields with the versions of the platforms' statuses.
    :param problem: why nothing was saved, or only a part.
    :param half_done: a field with the operation that set the status.
    :param is_refused: whether it shows words that were sent and not saved.
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
    """Return the composer of an account's page; None for whom it is not."""
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
    """Return the fields of an empty form, rendered once: they have forty templates of Django's.

    ``words`` are those that the fields offer.
    """
    initial = {"author": author, "date": date}
    return render_fields(
        ComposerForm(initial=initial, has_status=has_status, is_focused=is_focused)
    )


def render_fields(form: ComposerForm) -> SafeString:
    """Return the form's fields; those beside the text open on demand."""
    errors = set(form.errors) - {"description"}
    typed = any(form.data.get(name) for name in ("platform", "status", "reason"))
    context = {"form": form, "is_open": bool(errors or typed)}
    return render_to_string("accounts/_composer-fields.html", context)
