"""The answer to a request that fails: a page, or a toast for HTMX."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, replace

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.http import reswap, retarget

from crm.repository.errors import (
    BeforeTheTables,
    BeyondRetention,
    NewerSchema,
    NoSuchMoment,
    NotYet,
    Protected,
)
from crm.warehouse import errors as warehouse_errors
from crm.warehouse.config import USER
from crm.warehouse.errors import WarehouseError

from . import _wording

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A failure in words for people: what went wrong and what to do about it.

    ``retry_after`` is in seconds; a page with it reloads by itself. ``sign_in`` offers to reload
    the page, which makes Databricks sign the person in. ``moment`` says that the failure concerns
    the moment in the URL; ``earliest`` is the first moment that can be read.
    """

    status: int
    title: str
    advice: str
    retry_after: int = 0
    query_id: str = ""
    sign_in: bool = False
    moment: bool = False
    earliest: dt.datetime | None = None


_FAILURES: dict[type[WarehouseError], Failure] = {
    warehouse_errors.Starting: Failure(
        503,
        "The warehouse is starting",
        "It had been stopped. Starting can take a few minutes.",
        retry_after=10,
    ),
    warehouse_errors.Unavailable: Failure(
        503,
        "The warehouse does not answer",
        "EDIP CRM cannot reach its data at the moment. If this lasts, tell the people "
        "who run the SQL warehouse.",
        retry_after=20,
    ),
    warehouse_errors.PoolExhausted: Failure(
        503,
        "EDIP CRM is busy",
        "All connections to the warehouse are busy. Try again in a moment.",
        retry_after=5,
    ),
    warehouse_errors.Dropped: Failure(
        503,
        "The connection to the warehouse broke",
        "If you were saving, your change may or may not have been saved: check before you send "
        "it again. Sending a form twice does no harm.",
        retry_after=10,
    ),
    warehouse_errors.SignInFailed: Failure(
        503,
        "EDIP CRM could not sign in to the warehouse",
        "The warehouse did not accept EDIP CRM’s credentials; they may have expired. An "
        "administrator can check them with “manage.py check_connection”.",
    ),
    warehouse_errors.SignInAgain: Failure(
        401,
        "Sign in again",
        "Your Databricks sign-in has expired. If you were saving, check what was saved before you "
        "send it again.",
        sign_in=True,
    ),
    warehouse_errors.NotAdmitted: Failure(
        403,
        "You may not use the SQL warehouse",
        "Ask an administrator to give you “Can use” on the SQL warehouse, and to check that EDIP "
        "CRM has the user scope “sql”.",
    ),
    warehouse_errors.PermissionDenied: Failure(
        403,
        "You do not have permission",
        "The warehouse refused access to a table. Ask the owner of the data for SELECT and "
        "MODIFY on the tables of EDIP CRM.",
    ),
    warehouse_errors.ObjectNotFound: Failure(
        503,
        "The tables were not found",
        "An administrator can create them with “manage.py create_tables”. If they existed before, "
        "check the catalog, schema and table prefix in the configuration.",
    ),
    warehouse_errors.WriteConflict: Failure(
        409,
        "Somebody else was writing at the same moment",
        "Your change was not completed. Try again: the second attempt usually works.",
    ),
    warehouse_errors.StatementTimeout: Failure(
        504,
        "The warehouse took too long",
        "It may be busy. Try again in a minute, or with a narrower search.",
    ),
    warehouse_errors.ConstraintViolated: Failure(
        422,
        "The warehouse did not accept these values",
        "A constraint of the tables forbids them, so they were not saved.",
    ),
    BeforeTheTables: Failure(
        404,
        "Before EDIP CRM existed",
        "The tables did not exist yet at this moment.",
        moment=True,
    ),
    BeyondRetention: Failure(
        404,
        "The history does not go back that far",
        "The warehouse keeps old versions for a limited time only, and no longer has this one. "
        "That does not mean that there were no data.",
        moment=True,
    ),
    Protected: Failure(
        501,
        "The past of protected tables cannot be read",
        "Row filters or column masks protect the tables, and Databricks cannot read earlier "
        "versions of such tables. You can read today’s data as usual.",
        moment=True,
    ),
    NotYet: Failure(
        404,
        "This moment is in the future",
        "Choose a moment in the past.",
        moment=True,
    ),
    NewerSchema: Failure(
        503,
        "The tables are newer than this EDIP CRM",
        "Nothing was saved. A later version of EDIP CRM changed the tables, so this version only "
        "reads them. An administrator has to deploy that version, or a later one.",
    ),
    warehouse_errors.ColumnNotFound: Failure(
        503,
        "The tables are older than this EDIP CRM",
        "A column is missing, so this request could not be completed. An administrator can add "
        "it with “manage.py migrate_tables”, which keeps all data.",
    ),
    warehouse_errors.StatementFailed: Failure(
        500,
        "The warehouse reported an error",
        "Your request was not completed. The fault is in EDIP CRM or its tables, not yours.",
    ),
}
# The error classes for an old version whose files or columns no longer exist.
_GONE = {
    "DELTA_FILE_NOT_FOUND_DETAILED",
    "DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION",
    "DELTA_VERSION_NOT_FOUND",
    "FAILED_READ_FILE.DBR_FILE_NOT_EXIST",
    "UNRESOLVED_COLUMN.WITH_SUGGESTION",
    "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
}
_UNKNOWN = _FAILURES[warehouse_errors.StatementFailed]


def failure_of(error: WarehouseError) -> Failure:
    """Return the failure of the error's nearest class that has one, and log the error."""
    known = next((_FAILURES[kind] for kind in type(error).__mro__ if kind in _FAILURES), _UNKNOWN)
    log.warning("%s (query %s): %s", type(error).__name__, error.query_id or "-", error)
    earliest = error.earliest if isinstance(error, NoSuchMoment) else None
    return replace(known, query_id=error.query_id or "", earliest=earliest)


def warehouse_failed(request: HttpRequest, error: WarehouseError) -> HttpResponse:
    if (error.error_class or "").startswith("FGAC_TIME_TRAVEL_NOT_SUPPORTED"):
        error = Protected()
    elif getattr(request, "as_of", None) and error.error_class in _GONE:
        error = BeyondRetention()
    return answer(request, failure_of(error))


def answer(request: HttpRequest, failure: Failure) -> HttpResponse:
    """Respond with a page; to HTMX with a toast, so that the page keeps what was typed."""
    context = {"failure": failure, "repeats": request.method in {"GET", "HEAD"}}
    if getattr(request, "htmx", None):
        response = render(request, "_failure_toast.html", context, status=failure.status)
        retarget(reswap(response, "beforeend"), "#toasts")
    else:
        response = render(request, "errors/error.html", context, status=failure.status)
    if failure.retry_after:
        response["Retry-After"] = str(failure.retry_after)
    patch_vary_headers(response, ["HX-Request"])
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return too_large(request)
    return answer(
        request,
        Failure(400, "This request could not be understood", "Go back and try again."),
    )


def too_large(
    request: HttpRequest, advice: str = "Nothing was saved. Send it in smaller parts."
) -> HttpResponse:
    return answer(request, Failure(413, "This is too large", advice))


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
    )


def method_not_allowed(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(405, "This page cannot be used this way", "Go back and try again."),
    )


def read_only(request: HttpRequest) -> HttpResponse:
    advice = _wording.whom_to_ask(is_by_grants=settings.WAREHOUSE.auth == USER)
    title = "You can read everything here, but change nothing"
    return answer(request, Failure(403, title, f"Nothing was saved. {advice}"))


def past_is_read_only(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(
            403,
            "The past cannot be changed",
            "Nothing was saved. Go back to now to change today’s data.",
            moment=True,
        ),
    )


def not_an_admin(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(403, "This page is for administrators", "The setting EDIP_ADMINS names them."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, Failure(403, "You do not have permission", "Ask an administrator."))


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
    return answer(
        request,
        Failure(
            403,
            "This form has expired",
            "It was open for a long time, or your browser blocks cookies. Nothing was saved. Go "
            "back, reload the page and send the form again.",
        ),
    )
