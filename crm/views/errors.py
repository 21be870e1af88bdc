"""The answer to a request that fails: a page, or a toast for HTMX."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import reselect, reswap, retarget, trigger_client_event

from crm.page_urls import record_url
from crm.request import Request
from crm.warehouse.config import USER
from crm.warehouse.errors import ColumnNotFound, ObjectNotFound, TooLarge, WarehouseError

from . import _resume, _wording, set_up
from ._failures import Failure, failure_of

# The URLs of forms whose own page does not show what they saved: that of a new account is empty,
# and that of an old name is gone after a rename. The activity shows it.
_SHOWN_BY_ACTIVITY = {
    "account-create",
    "account-bulk",
    "use-case-bulk",
    "update-bulk",
    "rename-person",
    "rename-area",
}


def warehouse_failed(request: HttpRequest, error: WarehouseError) -> HttpResponse:
    is_past = bool(getattr(request, "as_of", None))
    if isinstance(error, (ObjectNotFound, ColumnNotFound)) and not is_past:
        page = set_up.offer(cast(Request, request))
        if page:
            request.refusal = type(error).__name__  # type: ignore[attr-defined]
            return page
    is_read = request.method in ("GET", "HEAD")
    failure = failure_of(error, is_past=is_past, is_read=is_read)
    return answer(request, failure, type(error).__name__)


def answer(request: HttpRequest, failure: Failure, refusal: str = "") -> HttpResponse:
    """Respond with a page; to HTMX with a toast, so that the page keeps what was typed.

    ``refusal`` is the reason in the request log, one word.
    """
    request.refusal = refusal  # type: ignore[attr-defined]
    context = {"failure": failure, "repeats": request.method in {"GET", "HEAD"}}
    if failure.may_be_saved:
        context["look_url"] = _look_url(request)
    half = failure.half_done
    if half and not isinstance(half.cause, TooLarge) and request.method == "POST":
        context["go_on"] = _resume.fields(request, half)
    if getattr(request, "htmx", None):
        response = render(request, "_failure_toast.html", context, status=failure.status)
        retarget(reswap(response, "beforeend"), "#toasts")
        # Show the whole toast, whatever part of the answer hx-select chooses.
        reselect(response, "unset")
    else:
        response = render(request, "errors/error.html", context, status=failure.status)
    if failure.retry_after:
        response["Retry-After"] = str(failure.retry_after)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _look_url(request: HttpRequest) -> str:
    """Return the URL of the page that shows what may have been saved: the account's, the activity
    for new accounts and many records, else the page that sent the form; empty if none is known."""
    match, sender = request.resolver_match, request.headers.get("Referer", "")
    if match and match.url_name in _SHOWN_BY_ACTIVITY:
        return reverse("activity")
    url = record_url("account-detail", match.kwargs.get("bsnid")) if match else ""
    if not url and url_has_allowed_host_and_scheme(sender, {request.get_host()}):
        url = sender
    return url


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return too_large(request)
    return answer(
        request,
        Failure(400, "This request could not be understood", "Go back and try again."),
        "bad-request",
    )


def too_large(
    request: HttpRequest, advice: str = "Nothing was saved. Send it in smaller parts."
) -> HttpResponse:
    return answer(request, Failure(413, "This is too large", advice), "too-large")


def too_many_writes(request: HttpRequest, wait: int) -> HttpResponse:
    return answer(
        request,
        Failure(
            429,
            "Too many changes in a short time",
            f"Nothing was saved. Wait {_wording.counted(wait, 'second')}, go back and send it "
            "again.",
            retry_after=wait,
        ),
        "writes-per-minute",
    )


def too_many_cookies(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(
            431,
            "Your browser sends too many cookies",
            "Delete the cookies of this address in your browser’s settings, then open the page "
            "again. EDIP CRM itself needs few and small ones; others come from apps at the same "
            "domain.",
        ),
        "cookies",
    )


def too_many_files(request: HttpRequest, wait: int) -> HttpResponse:
    return answer(
        request,
        Failure(
            429,
            "Too many files in a short time",
            f"Wait {_wording.counted(wait, 'second')}, then load this page again.",
            retry_after=wait,
        ),
        "files-per-minute",
    )


def method_not_allowed(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(405, "This page cannot be used this way", "Go back and try again."),
        "method",
    )


def nobody(request: HttpRequest) -> HttpResponse:
    """Answer a request on Databricks Apps that names no person."""
    return answer(
        request,
        Failure(
            401,
            "EDIP CRM does not know who you are",
            "Databricks Apps names the person of each request, and this request names nobody, or "
            "more than one. Open the app by its address in the workspace.",
        ),
        "no-person",
    )


def read_only(request: HttpRequest) -> HttpResponse:
    advice = _wording.whom_to_ask(is_by_grants=settings.WAREHOUSE.auth == USER)
    title = "You can read everything here, but change nothing"
    return answer(request, Failure(403, title, f"Nothing was saved. {advice}"), "right-to-write")


def past_is_read_only(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(
            403,
            "The past cannot be changed",
            "Nothing was saved. Go back to now to change today’s data.",
            moment=True,
        ),
        "past",
    )


def not_an_admin(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(403, "This page is for administrators", "The setting EDIP_ADMINS names them."),
        "administrators",
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(
        request, Failure(403, "You do not have permission", "Ask an administrator."), "permission"
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    text = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    advice = text or "The address may be mistyped, or the record may have been deleted."
    return answer(request, Failure(404, "There is nothing here", advice))


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(500, "Something went wrong on our side", "The error was written to the log."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that lacks the CSRF cookie.

    The answer sets a new cookie. One of our forms can then be sent again: htmx gets the new
    token for the forms of its page; other requests get a page with the fields. Forms of another
    site (see Sec-Fetch-Site) and of the person who was signed in before get neither.
    """
    is_ours = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if getattr(request, "is_of_next_person", False):
        is_ours = False
    advice = "Go back, reload the page and send the form again."
    if is_ours and not request.FILES:
        advice = "What you typed is still here: send it again."
    failure = Failure(
        403,
        "This form has expired",
        "Nothing was saved, because a cookie was missing: the form was open for a long time, or "
        f"your browser blocks cookies. {advice}",
        sent_by_us=is_ours,
    )
    response = answer(request, failure, "csrf")
    if is_ours and getattr(request, "htmx", None):
        trigger_client_event(response, "csrf-renewed", {"token": get_token(request)})
    return response
