"""Error messages for people: one failure for each class of error."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, replace

from crm.repository.errors import (
    BeforeTheTables,
    BeyondRetention,
    HalfDone,
    NewerSchema,
    NoSuchMoment,
    NotSaved,
    NotTakenBack,
    NotYet,
    Protected,
)
from crm.repository.versions import gone
from crm.warehouse import errors as warehouse_errors
from crm.warehouse.errors import Busy, StatementTimeout, Unavailable, WarehouseError, WriteConflict

from . import _wording

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """An error message: what went wrong and what to do about it.

    ``retry_after`` is in seconds; a page with it reloads by itself. ``sign_in`` offers to reload
    the page, which makes Databricks sign the person in. ``moment`` is true if the failure concerns
    the moment in the URL; ``earliest`` is the first moment that can be read. ``half_done`` has
    the finished and the unfinished steps of an operation. ``sent_by_us`` is true if one of our
    pages sent the form that was refused; ``may_be_saved`` if the form may have been saved.
    """

    status: int
    title: str
    advice: str
    retry_after: int = 0
    query_id: str = ""
    sign_in: bool = False
    moment: bool = False
    earliest: dt.datetime | None = None
    half_done: HalfDone | None = None
    sent_by_us: bool = False
    may_be_saved: bool = False


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
    Busy: Failure(
        503,
        "The warehouse takes no requests at the moment",
        "It is busy or starting, and refused the last step of your request, so the request was "
        "not completed.",
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
        "it again.",
        retry_after=10,
        may_be_saved=True,
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
    warehouse_errors.TokenNotForwarded: Failure(
        403,
        "Databricks did not pass on your sign-in",
        "EDIP CRM knows who you are, but has no token to query the warehouse with your rights; "
        "signing in again does not help. An administrator has to switch on user authorization "
        "for this app, with the scope “sql”, and then to stop and start the app.",
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
        f"{_wording.CREATE_TABLES}. If they existed before, check the catalog, schema and table "
        "prefix in the configuration, and whether somebody dropped a table.",
    ),
    warehouse_errors.WriteConflict: Failure(
        409,
        "Somebody else was writing at the same moment",
        "Your change was not completed. Try again: the second attempt usually works.",
    ),
    warehouse_errors.StatementTimeout: Failure(
        504,
        "The warehouse took too long",
        "It may be busy. Try again in a minute.",
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
        "Old versions can be read for a limited time only, and this one is too old. "
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
    NotSaved: Failure(
        503,
        "Nothing was saved",
        "The warehouse did not confirm the change, so EDIP CRM has checked what was saved: "
        "nothing. Try again.",
    ),
    NotTakenBack: Failure(
        503,
        "What you sent could not be kept, and may still be stored",
        "Somebody saved the same at the same moment, or the account was deleted. EDIP CRM could "
        "not remove what you sent. If it is still there, the page Integrity lists it.",
    ),
    NewerSchema: Failure(
        503,
        "The tables are newer than this EDIP CRM",
        "A later version of EDIP CRM changed the tables, so this version only reads them. An "
        "administrator has to deploy that version, or a later one.",
    ),
    warehouse_errors.ColumnNotFound: Failure(
        503,
        "The tables are older than this EDIP CRM",
        "A column is missing, so this request could not be completed. An administrator can add "
        "it on the page Set up, or with “manage.py set_up”, which keeps all data.",
    ),
    warehouse_errors.TooLarge: Failure(
        413,
        "This is too large for the warehouse",
        "One statement takes at most 1 MB of values, so this one was not sent. Sending it again "
        "does not help.",
    ),
    warehouse_errors.StatementFailed: Failure(
        500,
        "The warehouse reported an error",
        "Your request was not completed. The fault is in EDIP CRM or its tables, not yours.",
    ),
}
# The error classes for a version that cannot be read any more.
_GONE = {*gone.NO_VERSION, gone.EXPIRED}
# The same, for a version whose files or columns no longer exist. Without a moment in the URL,
# these errors mean that the tables are damaged or too old.
_GONE_FROM_PAST = _GONE | {
    *gone.FILES,
    "UNRESOLVED_COLUMN.WITH_SUGGESTION",
    "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
}
_UNKNOWN = _FAILURES[warehouse_errors.StatementFailed]


# Messages for requests that only read.
_WHILE_READING = {
    warehouse_errors.Dropped: "The page was not completed. Nothing was being saved.",
    warehouse_errors.SignInAgain: "Your Databricks sign-in has expired.",
}


def failure_of(error: WarehouseError, *, is_past: bool = False, is_read: bool = False) -> Failure:
    """Return the failure of the error's nearest class that has one, and log the error.

    ``is_past`` is true if the request reads the tables as of a moment, ``is_read`` if it was not
    going to save anything.
    """
    if isinstance(error, HalfDone):
        return _half_done(error)
    log.warning("%s (query %s): %s", type(error).__name__, error.query_id or "-", error)
    error = _explain(error, is_past=is_past)
    known = next((_FAILURES[kind] for kind in type(error).__mro__ if kind in _FAILURES), _UNKNOWN)
    if is_read:
        advice = _WHILE_READING.get(type(error), known.advice)
        known = replace(known, advice=advice, may_be_saved=False)
    if isinstance(error, Unavailable):
        known = replace(known, retry_after=max(known.retry_after, error.retry_after))
    if isinstance(error, Busy):
        known = replace(known, advice=f"{known.advice} {_wording.try_again(known.retry_after)}")
    if isinstance(error, NoSuchMoment):
        known = replace(known, moment=is_past, earliest=error.earliest)
    return replace(known, query_id=error.query_id or "")


def _half_done(error: HalfDone) -> Failure:
    cause = failure_of(error.cause)
    title = cause.title
    if not title.startswith("EDIP"):
        title = title[:1].lower() + title[1:]
    reason = f"The next step failed: {title}."
    if not isinstance(error.cause, (Unavailable, StatementTimeout, WriteConflict)):
        # These errors do not pass by themselves.
        reason = f"{reason} {cause.advice}"
    title = "Only part of this was done"
    return replace(cause, title=title, advice=reason, half_done=error, may_be_saved=False)


def _explain(error: WarehouseError, *, is_past: bool) -> WarehouseError:
    """Return a more specific error for one that is too general."""
    error_class = error.error_class or ""
    if error.is_refused_by_policy:
        return Protected()
    if error_class in (_GONE_FROM_PAST if is_past else _GONE):
        return BeyondRetention()
    return error
