"""Turn errors of the connector and of the layers below it into ours.

The connector's errors have no SQLSTATE attribute, so error class and state are parsed from their
messages. HTTP codes are in ``context``. The connector passes urllib3's own errors on unwrapped.
"""

from __future__ import annotations

import math
import re
from http import HTTPStatus
from typing import TypedDict

import urllib3.exceptions as http
from databricks.sql import exc as connector

from .errors import (
    Busy,
    ColumnNotFound,
    ConstraintViolated,
    Dropped,
    NotAdmitted,
    NotSent,
    ObjectNotFound,
    PermissionDenied,
    Refused,
    SessionLost,
    SignInFailed,
    Starting,
    StatementFailed,
    StatementTimeout,
    TimeIsUp,
    Unavailable,
    WarehouseError,
    WriteConflict,
)

# ``[TABLE_OR_VIEW_NOT_FOUND] … SQLSTATE: 42P01`` (https://docs.databricks.com/error-messages), or
# ``[RequestId=… ErrorClass=TABLE_DOES_NOT_EXIST] …`` from Unity Catalog's service
# (databricks/databricks-sqlalchemy, test/test_suite.py).
_CLASS = re.compile(
    r"\[(?:RequestId=\S+ ErrorClass=)?([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]", re.ASCII
)
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
_IS_STARTING = re.compile(r"is (still )?starting|warehouse.*(starting|not ready)", re.IGNORECASE)
_STARTING = re.compile(
    rf"TEMPORARILY_UNAVAILABLE|{_IS_STARTING.pattern}|too many 503", re.IGNORECASE
)

# Looked up by SQLSTATE (all of it, then its first two characters), then by error class: the state
# is stable, while the names of classes differ between runtimes.
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
        ours = _cause(error)
        # If the time is up, the statement may have been sent.
        if isinstance(ours, WarehouseError) and not isinstance(ours, TimeIsUp):
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


def turned_away(status: int, text: str, retry_after: float) -> Unavailable:
    """Return the error of an answer with 429 or 503, which means that nothing was executed.

    :param text: the error text in the answer's headers.
    :param retry_after: the wait in seconds that it asks for; 0 if it does not.
    """
    error = Starting() if status == 503 and _IS_STARTING.search(text) else Busy()
    error.retry_after = math.ceil(retry_after)
    return error


def _statement_kind(message: str, facts: _Facts) -> type[WarehouseError]:
    state, name = facts["sqlstate"] or "", facts["error_class"] or ""
    for key in (state, state[:2]):
        if key in _BY_SQLSTATE:
            return _BY_SQLSTATE[key]
    # Search the text only if it names no class: it may quote values, such as the status Cancelled.
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
    if code == 429:
        return Busy
    if code == 503:
        return Starting
    if isinstance(code, int) and 400 <= code < 500 and code != HTTPStatus.REQUEST_TIMEOUT:
        return Refused
    return Dropped


def _cause(error: connector.RequestError) -> object:
    """Return the exception behind the error; ``context`` has only its text."""
    return next(iter(error.args[1:]), None)


def _http_kind(error: http.HTTPError) -> type[WarehouseError]:
    reason = error.reason if isinstance(error, http.MaxRetryError) else error
    if isinstance(reason, http.ResponseError):
        return Starting if "503" in str(reason) else Busy
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
