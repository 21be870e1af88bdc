"""The composer on an account's page: it saves an update and, if chosen, a platform's status.

A form that cannot be saved is shown again with everything that was typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from crm.access import for_writers
from crm.forms.composer import ComposerForm
from crm.forms.fields import parse_moment
from crm.model.records import PlatformStatus
from crm.model.schema import UPDATES
from crm.repository.errors import (
    AlreadyExists,
    HalfDone,
    Missing,
    ReasonNotKept,
    RepositoryError,
    Stale,
    StatusGone,
)
from crm.repository.records import composer as repository
from crm.repository.records.composer import NewStatus, UpdateChanged
from crm.request import Request
from crm.warehouse.errors import WarehouseError

from . import _from_list, _respond, _resume, _wording
from ._composer import SEEN, Composer, render_fields
from ._failures import failure_of
from .platforms import StatusCard, is_locked
from .updates import UPDATE


@for_writers
@require_POST
def compose(request: Request, bsnid: str) -> HttpResponse:
    masked = request.person.masked(UPDATES)
    form = ComposerForm(request.POST, masked=masked, has_status=not is_locked(request))
    if not form.is_valid():
        return _show(request, bsnid, form, 422)
    if "status" not in form.fields and request.POST.get("status"):
        return _show(request, bsnid, form, 422, problem=_wording.STATUS_MASKED)
    try:
        is_seen = _save(request, bsnid, form)
    except ReasonNotKept as error:
        is_seen = error.is_seen
        _say_reason_lost(request, form)
    except UpdateChanged as error:
        return _only_status(request, bsnid, form, error)
    except (Stale, AlreadyExists, StatusGone, Missing) as error:
        return _refuse(request, bsnid, form, error)
    except HalfDone as error:
        return _half_done(request, bsnid, form, error)
    except WarehouseError as error:
        return _fail(request, bsnid, form, error)
    _say_saved(request, form.cleaned_data, is_seen=is_seen)
    return _respond.go(request, _page_after(request, bsnid, form))


def _save(request: Request, bsnid: str, form: ComposerForm) -> bool:
    given, new = form.cleaned_data, None
    if given.get("status"):
        platform = given["platform"]
        seen = parse_moment(request.POST.get(f"{SEEN}{platform}", ""))
        new = NewStatus(platform, given["status"], seen, given["reason"])
    earlier = _resume.earlier(request).operation
    id = str(given["id"])
    return repository.add_update(request.warehouse, bsnid, id, form.values(), new, earlier)


def _page_after(request: Request, bsnid: str, form: ComposerForm) -> str:
    """Return the next URL: the account's page, or the one chosen if it was opened from a list."""
    found = _from_list.read(request.POST, request)
    if found is None:
        return UPDATE.page_of(bsnid, str(form.cleaned_data["id"]))
    if request.POST.get("then") == "list":
        return found.url(bsnid)
    return found.step_url("account-next", bsnid, write=True)


def _say_reason_lost(request: Request, form: ComposerForm) -> None:
    messages.warning(request, _wording.reason_not_kept(form.cleaned_data["reason"]))


def _say_saved(request: Request, given: Mapping[str, Any], *, is_seen: bool) -> None:
    if not is_seen:
        messages.warning(request, _wording.unseen("The update"))
    elif given.get("status"):
        text = f"The update was added, and {given['platform']} is now {given['status']}."
        messages.success(request, text)
    else:
        messages.success(request, "The update was added.")


def _refuse(
    request: Request, bsnid: str, form: ComposerForm, error: RepositoryError
) -> HttpResponse:
    """Show the form again with the reason; saving again overwrites the status that it names."""
    seen: dict[str, str] = {}
    platform = form.cleaned_data.get("platform") or ""
    if isinstance(error, Stale) and isinstance(error.current, PlatformStatus):
        card = StatusCard(platform, error.current)
        seen = {f"{SEEN}{platform}": card.seen}
        problem = _wording.status_changed(platform, card.status, error.current.value("updated_by"))
    elif isinstance(error, StatusGone):
        problem = _wording.status_gone(platform)
    elif isinstance(error, AlreadyExists) and error.key != str(form.cleaned_data["id"]):
        problem = _wording.hidden_status(platform)
    elif isinstance(error, AlreadyExists):
        problem = _wording.exists_already(UPDATES)
    else:
        problem = _wording.account_gone(bsnid)
    return _show(request, bsnid, form, 409, seen=seen, problem=problem)


def _only_status(
    request: Request, bsnid: str, form: ComposerForm, error: UpdateChanged
) -> HttpResponse:
    """Show the form with the message that the status is set and the update was saved before."""
    if error.reason_lost:
        _say_reason_lost(request, form)
    given = form.cleaned_data
    problem = _wording.only_status_set(given["platform"], given["status"])
    return _show(request, bsnid, _without_status(request, form), 409, problem=problem)


def _half_done(request: Request, bsnid: str, form: ComposerForm, error: HalfDone) -> HttpResponse:
    """Show the text again, but not the status, which is already set."""
    if error.notes.get(repository.REASON_LOST):
        _say_reason_lost(request, form)
    operation = dict(_resume.fields(request, error))[_resume.FIELD]
    again = _without_status(request, form)
    return _fail(request, bsnid, again, error, half_done=operation)


def _without_status(request: Request, form: ComposerForm) -> ComposerForm:
    rest = request.POST.copy()
    rest["status"] = rest["reason"] = ""
    return ComposerForm(rest, masked=form.masked, has_status=not is_locked(request))


def _fail(
    request: Request, bsnid: str, form: ComposerForm, error: WarehouseError, half_done: str = ""
) -> HttpResponse:
    failure = failure_of(error)
    more: dict[str, Any] = {"half_done": half_done} if half_done else {}
    response = _show(request, bsnid, form, failure.status, failure=failure, **more)
    if failure.retry_after:
        response["Retry-After"] = str(failure.retry_after)
    return response


def _show(
    request: Request,
    bsnid: str,
    form: ComposerForm,
    status: int,
    seen: Mapping[str, str] | None = None,
    **more: Any,
) -> HttpResponse:
    sent = {name: request.POST[name] for name in request.POST if name.startswith(SEEN)}
    given = {"half_done": request.POST.get(_resume.FIELD, "")} | more
    composer = Composer(
        bsnid,
        form.data.get("id", ""),
        render_fields(form),
        tuple((sent | dict(seen or {})).items()),
        is_refused=True,
        from_list=_from_list.read(request.POST, request),
        **given,
    )
    context = {"composer": composer, "bsnid": bsnid}
    response = _respond.show(
        request, "composer/composer.html", "composer/_composer.html", context, status
    )
    if _respond.wants_part(request):
        # htmx swaps the form in whatever the status is: see answers.js.
        response["HX-Reswap"] = "outerHTML"
    return response
