"""What people see when something does not work: a page, or a toast where htmx asked."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, replace

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
from crm.warehouse.errors import WarehouseError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """What went wrong and what to do about it, in words for people.

    ``retry_after`` counts seconds; a page with it asks again by itself. ``sign_in`` offers to
    load the page anew, on which Databricks asks who is there. ``moment`` is about the moment
    as of which the page was asked for; ``earliest`` is the first that there is.
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
        "It had gone to sleep and needs up to a minute.",
        retry_after=10,
    ),
    warehouse_errors.Unavailable: Failure(
        503,
        "The warehouse does not answer",
        "Your data are safe; they cannot be reached at the moment. If this lasts, tell "
        "whoever looks after the SQL warehouse.",
        retry_after=20,
    ),
    warehouse_errors.PoolExhausted: Failure(
        503,
        "Too many people are asking at once",
        "All connections to the warehouse are busy. Try again in a moment.",
        retry_after=5,
    ),
    warehouse_errors.Dropped: Failure(
        503,
        "The connection to the warehouse broke",
        "It is not known whether your last change was saved. Look before you send it again; "
        "sending a form twice does no harm.",
        retry_after=10,
    ),
    warehouse_errors.SignInFailed: Failure(
        503,
        "Signing in to the warehouse failed",
        "The warehouse did not accept EDIP CRM’s credentials: they may have expired. An "
        "administrator can check them with “manage.py check_connection”.",
    ),
    warehouse_errors.SignInAgain: Failure(
        401,
        "Sign in again",
        "Your sign-in with Databricks has come to its end. Nothing was saved since; loading the "
        "page again signs you in anew.",
        sign_in=True,
    ),
    warehouse_errors.NotAdmitted: Failure(
        403,
        "You may not use the SQL warehouse",
        "Ask an administrator for “Can use” on the SQL warehouse, and whether EDIP CRM has the "
        "user scope “sql”.",
    ),
    warehouse_errors.PermissionDenied: Failure(
        403,
        "You may not do this",
        "The warehouse refused access to a table. Ask the owner of the data for SELECT and "
        "MODIFY on the tables of EDIP CRM.",
    ),
    warehouse_errors.ObjectNotFound: Failure(
        503,
        "The tables are not there yet",
        "An administrator creates them with “manage.py create_tables”. If they were there "
        "before, check the names of catalog, schema and prefix in the configuration.",
    ),
    warehouse_errors.WriteConflict: Failure(
        409,
        "Somebody else was writing at the same moment",
        "Nothing was saved. Try once more: it usually works the second time.",
    ),
    warehouse_errors.StatementTimeout: Failure(
        504,
        "The warehouse took too long",
        "It may be busy. Try again in a minute, or with a narrower search.",
    ),
    warehouse_errors.ConstraintViolated: Failure(
        422,
        "The warehouse did not accept these values",
        "A rule of the tables forbids them. Nothing was saved.",
    ),
    BeforeTheTables: Failure(
        404,
        "Before EDIP CRM",
        "The tables did not exist yet at this moment.",
        moment=True,
    ),
    BeyondRetention: Failure(
        404,
        "The past does not reach back so far",
        "What was there at this moment is not known any more: the warehouse keeps old versions "
        "for a limited time only. It does not mean that there was nothing.",
        moment=True,
    ),
    Protected: Failure(
        501,
        "The past of protected tables cannot be read",
        "Row filters or column masks protect the tables, and Databricks reads no earlier versions "
        "of such tables. What they hold today is there as ever.",
        moment=True,
    ),
    NotYet: Failure(
        404,
        "This moment has not come yet",
        "Nobody knows what will be there then.",
        moment=True,
    ),
    NewerSchema: Failure(
        503,
        "The tables are newer than this EDIP CRM",
        "Nothing was saved: a later version has changed the tables, and this one could write "
        "what that one does not expect. Reading goes on. An administrator deploys the version "
        "that changed them, or a later one.",
    ),
    warehouse_errors.ColumnNotFound: Failure(
        503,
        "The tables are older than this EDIP CRM",
        "They lack a column, and nothing was saved. An administrator brings them up to date with "
        "“manage.py migrate_tables”; the data stay as they are.",
    ),
    warehouse_errors.StatementFailed: Failure(
        500,
        "The warehouse reported an error",
        "Nothing was saved. The fault is in EDIP CRM or its tables, not in what you did.",
    ),
}
# What a warehouse says of an old version whose files or columns are not there any more.
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
    """What to say about an error: the nearest of its classes that has words here."""
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
    """For htmx a toast, so that the page and what was typed there stay as they are."""
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
        Failure(400, "This request makes no sense", "Go back and try it another way."),
    )


def too_large(
    request: HttpRequest, advice: str = "Nothing was saved. Send it in smaller parts."
) -> HttpResponse:
    return answer(request, Failure(413, "This is too much at once", advice))


def too_many_writes(request: HttpRequest, wait: int) -> HttpResponse:
    return answer(
        request,
        Failure(
            429,
            "That was faster than people write",
            f"Nothing was saved this time. Wait {wait} second{'s' if wait > 1 else ''}, go back "
            "and send it again.",
            retry_after=wait,
        ),
    )


def method_not_allowed(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(405, "This address is not meant to be used so", "Start from one of our pages."),
    )


def read_only(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(
            403,
            "You may look, but not change anything",
            "Nothing was saved. Ask the owner of the data if you need to edit: they can grant "
            "MODIFY on the tables of EDIP CRM, or name you in EDIP_EDITORS.",
        ),
    )


def past_is_read_only(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(
            403,
            "The past cannot be changed",
            "Nothing was saved. Go back to now, and change what is there today.",
            moment=True,
        ),
    )


def not_an_admin(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(403, "This is for administrators", "EDIP_ADMINS says who they are."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, Failure(403, "You may not see this", "Ask an administrator."))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    text = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    advice = text or "The address may be mistyped, or what was here is gone."
    return answer(request, Failure(404, "There is nothing here", advice))


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        Failure(500, "Something went wrong on our side", "It has been written to the log."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(
        request,
        Failure(
            403,
            "This form cannot be trusted any more",
            "It was open for very long, or cookies are switched off. Go back, reload the page "
            "and send the form again.",
        ),
    )
