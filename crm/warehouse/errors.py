"""The warehouse's errors. Classes of the connector never leave this package.

The tree::

    WarehouseError
      Unavailable            no connection, or no answer: try again later
        Starting             the warehouse is starting: try again in a moment
        PoolExhausted        all our connections are busy
      SignInFailed           the token is wrong, expired or revoked (401, 403)
        SignInAgain          the signed-in person's own token is missing or has expired
        NotAdmitted          the token is valid but lacks a scope, or CAN USE on the warehouse
      PermissionDenied       a privilege is missing (42501)
      ObjectNotFound         the catalog, schema, table or warehouse does not exist
      WriteConflict          a concurrent write came first; nothing was committed (2D521)
      StatementTimeout       the statement took too long and was cancelled
        TimeIsUp             the deadline of the request passed (deadline.py)
      ConstraintViolated     NOT NULL or CHECK (23xxx)
      StatementFailed        any other error of a statement
        ColumnNotFound       a table lacks a column that the statement names (42703)

Only ``translate`` reads the connector's errors. They have no SQLSTATE attribute, so it parses
error class and state from messages like ``[TABLE_OR_VIEW_NOT_FOUND] … SQLSTATE: 42P01``
(https://docs.databricks.com/error-messages) and takes HTTP codes from ``context``. The connector
passes urllib3's own errors on unwrapped.
"""

from __future__ import annotations

import re
from typing import TypedDict

import urllib3.exceptions as http
from databricks.sql import exc as connector

_CLASS = re.compile(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]")
_SQLSTATE = re.compile(r"SQLSTATE[:=]?\s*([0-9A-Z]{5})")
_LOST = re.compile(
    r"Invalid SessionHandle|Session handle .*(not been initialized|closed)|"
    r"Session \[.*\] is closed",
    re.IGNORECASE | re.DOTALL,
)
_NOT_ADMITTED = re.compile(
    r"PERMISSION_DENIED|not authorized to use|not have .*permission|scope", re.IGNORECASE
)
_TIMEOUT = re.compile(r"STATEMENT_TIMEOUT|timed ?out|CANCELL?ED|57KD0|57014|HY008", re.IGNORECASE)
_STARTING = re.compile(
    r"TEMPORARILY_UNAVAILABLE|is (still )?starting|warehouse.*(starting|not ready)|"
    r"too many 503",
    re.IGNORECASE,
)


class WarehouseError(Exception):
    """Base of all errors here. ``str()`` quotes no values, so it is safe to log."""

    summary = "The warehouse reported an error"

    def __init__(
        self,
        detail: str = "",
        *,
        query_id: str | None = None,
        error_class: str | None = None,
        sqlstate: str | None = None,
    ) -> None:
        self.query_id = query_id
        self.error_class = error_class
        self.sqlstate = sqlstate
        facts = ", ".join(
            f"{name} {value}"
            for name, value in (("", error_class), ("SQLSTATE", sqlstate), ("query", query_id))
            if value
        ).strip()
        text = f"{self.summary}: {detail}" if detail else self.summary
        super().__init__(f"{text} ({facts})" if facts else text)


class Unavailable(WarehouseError):
    summary = "The warehouse cannot be reached"


class Starting(Unavailable):
    summary = "The warehouse is starting"


class PoolExhausted(Unavailable):
    summary = "All connections are busy"


class SignInFailed(WarehouseError):
    summary = "The warehouse refused the sign-in"


class SignInAgain(SignInFailed):
    summary = "The person must sign in again"


class NotAdmitted(SignInFailed):
    summary = "Signed in, but not admitted to the warehouse"


class PermissionDenied(WarehouseError):
    summary = "Permission denied"


class ObjectNotFound(WarehouseError):
    summary = "A table, schema, catalog or warehouse was not found"


class WriteConflict(WarehouseError):
    summary = "A concurrent write came first; nothing was saved"


class StatementTimeout(WarehouseError):
    summary = "The statement took too long and was stopped"


class TimeIsUp(StatementTimeout):
    summary = "The request's time was up before the warehouse answered"


class ConstraintViolated(WarehouseError):
    summary = "The table refuses these values"


class StatementFailed(WarehouseError):
    summary = "The statement failed"


class ColumnNotFound(StatementFailed):
    summary = (
        "A table lacks a column; “manage.py migrate_tables” updates tables of an earlier version"
    )


class SessionLost(Unavailable):
    """Internal: the session has ended, so a statement sent on it was not executed."""

    summary = "The session has ended"


class NotSent(Unavailable):
    """Internal: there was no connection, so nothing was executed."""


class Dropped(Unavailable):
    """Internal: no answer came. The statement may or may not have been executed."""

    summary = "The connection broke; it is not known whether the statement ran"


# Looked up by SQLSTATE (all of it, then its first two characters), then by error class: the
# state is the contract, while names differ between runtimes.
_BY_SQLSTATE = {
    "2D521": WriteConflict,
    "42501": PermissionDenied,
    "42P01": ObjectNotFound,
    "42703": ColumnNotFound,
    "42704": ObjectNotFound,
    "57KD0": StatementTimeout,
    "57014": StatementTimeout,
    "HY008": StatementTimeout,
    "08KD1": Unavailable,
    "23": ConstraintViolated,
    "28": SignInFailed,
}
_BY_CLASS = (
    # MERGE and INSERT use other names than SELECT.
    (
        re.compile(
            r"^(UNRESOLVED_COLUMN|DELTA_MERGE_UNRESOLVED_EXPRESSION|DELTA_COLUMN_NOT_FOUND)"
        ),
        ColumnNotFound,
    ),
    (re.compile(r"DELTA_(CONCURRENT_|METADATA_CHANGED|PROTOCOL_CHANGED)"), WriteConflict),
    (re.compile(r"PERMISSION"), PermissionDenied),
    # A missing file or version is not a missing table.
    (
        re.compile(r"((?<!FILE)(?<!VERSION)_NOT_FOUND|NO_SUCH_.*|_DOES_NOT_EXIST)$"),
        ObjectNotFound,
    ),
    (re.compile(r"NOT_NULL_CONSTRAINT|VIOLATE_CONSTRAINT"), ConstraintViolated),
    (re.compile(r"TIMEOUT|OPERATION_CANCELED"), StatementTimeout),
)
# Older runtimes send messages with neither a state nor an error class.
_BY_TEXT = (
    (
        re.compile(r"Concurrent(Append|DeleteRead|DeleteDelete|Transaction|Write)Exception"),
        WriteConflict,
    ),
    (re.compile(r"(Metadata|Protocol)ChangedException"), WriteConflict),
    (re.compile(r"PERMISSION_DENIED|does not have .*(privilege|permission)"), PermissionDenied),
    (_TIMEOUT, StatementTimeout),
)


class _Facts(TypedDict):
    query_id: str | None
    error_class: str | None
    sqlstate: str | None


def translate(error: BaseException, query_id: str | None = None) -> WarehouseError:
    """Return our error for ``error``, which the connector or a layer below it raised."""
    if isinstance(error, WarehouseError):
        return error
    message = _message(error)
    facts: _Facts = {
        "query_id": query_id,
        "error_class": _found(_CLASS, message),
        "sqlstate": _found(_SQLSTATE, message),
    }
    if _LOST.search(message):
        return SessionLost(**facts)
    if isinstance(error, connector.ServerOperationError):
        return _statement_kind(message, facts)(**facts)
    if isinstance(error, connector.RequestError):
        if isinstance(ours := _cause(error), WarehouseError):
            return ours
        return _request_kind(error, message)(**facts)
    if isinstance(error, http.HTTPError):
        return _http_kind(error)(**facts)
    if isinstance(error, (OSError, EOFError)):
        return Dropped(**facts)
    if _STARTING.search(message):
        return Starting(**facts)
    if isinstance(error, connector.Error):
        return _statement_kind(message, facts)(**facts)
    return StatementFailed(type(error).__name__, **facts)


def _statement_kind(message: str, facts: _Facts) -> type[WarehouseError]:
    state, name = facts["sqlstate"] or "", facts["error_class"] or ""
    for key in (state, state[:2]):
        if key in _BY_SQLSTATE:
            return _BY_SQLSTATE[key]
    # The text only if no class is named: it may quote values, such as the status Cancelled.
    for pattern, kind in _BY_CLASS if name else _BY_TEXT:
        if pattern.search(name or message):
            return kind
    return Starting if _STARTING.search(message) else StatementFailed


def _request_kind(error: connector.RequestError, message: str) -> type[WarehouseError]:
    if isinstance(_cause(error), connector.MaxRetryDurationError) or _STARTING.search(message):
        # The connector gave up after repeated 429 or 503. It leaves the code of an earlier
        # answer in "http-code", so we do not read that here.
        return Starting
    code = error.context.get("http-code")
    if code == 403 and _NOT_ADMITTED.search(message):
        return NotAdmitted
    if code in (401, 403):
        return SignInFailed
    if code == 404:
        return ObjectNotFound
    if code in (429, 503):
        return Starting
    return Dropped


def _cause(error: connector.RequestError) -> object:
    return error.context.get("original-exception") or next(iter(error.args[1:]), None)


def _http_kind(error: http.HTTPError) -> type[WarehouseError]:
    reason = error.reason if isinstance(error, http.MaxRetryError) else error
    if isinstance(reason, http.ResponseError):
        return Starting if "503" in str(reason) else Unavailable
    if isinstance(reason, (http.NewConnectionError, http.ConnectTimeoutError)):
        return NotSent
    return Dropped


def _message(error: BaseException) -> str:
    """Return the error's text. ``str()`` of a connector error without one raises TypeError."""
    text = getattr(error, "message", None) or (error.args[0] if error.args else "")
    context = getattr(error, "context", None) or {}
    return f"{text} {context.get('error-message') or ''}"


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[1] if match else None
