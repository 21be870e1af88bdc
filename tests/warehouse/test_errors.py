"""Errors of the connector and of the layers below it become errors of ours."""

from __future__ import annotations

import socket

import pytest
import urllib3.exceptions as http
from databricks.sql import exc as connector

from crm.warehouse import errors
from crm.warehouse.errors import (
    ConstraintViolated,
    NotAdmitted,
    ObjectNotFound,
    PermissionDenied,
    SignInFailed,
    Starting,
    StatementFailed,
    StatementTimeout,
    Unavailable,
    WarehouseError,
    WriteConflict,
)
from crm.warehouse.translate import translate

STATEMENTS = [
    ("[TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found. SQLSTATE: 42P01", ObjectNotFound),
    ("[SCHEMA_NOT_FOUND] The schema `x` cannot be found. SQLSTATE: 42704", ObjectNotFound),
    ("[NO_SUCH_CATALOG_EXCEPTION] Catalog 'x' was not found.", ObjectNotFound),
    ("[INSUFFICIENT_PERMISSIONS] Insufficient privileges. SQLSTATE: 42501", PermissionDenied),
    ("PERMISSION_DENIED: User does not have USE CATALOG on Catalog 'x'.", PermissionDenied),
    ("[DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES] Retry. SQLSTATE: 2D521", WriteConflict),
    ("[DELTA_METADATA_CHANGED] The metadata has changed.", WriteConflict),
    ("io.delta.exceptions.ConcurrentDeleteReadException: Files were added", WriteConflict),
    ("[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL: id. SQLSTATE: 23502", ConstraintViolated),
    ("[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK x. SQLSTATE: 23001", ConstraintViolated),
    ("[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK x.", ConstraintViolated),
    ("Query has been timed out due to STATEMENT_TIMEOUT", StatementTimeout),
    ("[QUERY_EXECUTION_TIMEOUT_EXCEEDED] Stopped. SQLSTATE: 57KD0", StatementTimeout),
    ("[UNAVAILABLE_NOW] Try again later. SQLSTATE: 08KD1", Unavailable),
    ("[AUTHENTICATION_FAILED] Who is this? SQLSTATE: 28000", SignInFailed),
    # A missing file or version is not a missing table.
    ("[DELTA_VERSION_NOT_FOUND] Cannot time travel.", StatementFailed),
    ("[DELTA_CHANGE_DATA_FILE_NOT_FOUND] The file is gone.", StatementFailed),
    ("[DELTA_MERGE_UNRESOLVED_EXPRESSION] Cannot resolve x.", errors.ColumnNotFound),
    ("[DELTA_LOG_FILE_NOT_FOUND] The log is cleaned. SQLSTATE: 42K03", StatementFailed),
    ("[FAILED_READ_FILE.DBR_FILE_NOT_EXIST] Gone. SQLSTATE: KD001", StatementFailed),
    # Unity Catalog's service words its errors differently.
    ("[RequestId=a4-8d ErrorClass=TABLE_DOES_NOT_EXIST] TABLE 'a.b.c' is none.", ObjectNotFound),
    (
        "[RequestId=a4-8d ErrorClass=SCHEMA_DOES_NOT_EXIST.RESOURCE_DOES_NOT_EXIST] None.",
        ObjectNotFound,
    ),
    ("[RequestId=a4 ErrorClass=PERMISSION_DENIED.PERMISSION_DENIED] No.", PermissionDenied),
    ("[RequestId=a4 ErrorClass=INVALID_PARAMETER_VALUE] 'Cancelled' is bad.", StatementFailed),
    ("[PARSE_SYNTAX_ERROR] Syntax error at or near 'x'. SQLSTATE: 42601", StatementFailed),
    (
        "[CAST_INVALID_INPUT] The value 'Cancelled' cannot be cast. SQLSTATE: 22018",
        StatementFailed,
    ),
]


@pytest.mark.parametrize(("message", "kind"), STATEMENTS)
def test_the_message_of_a_statement_decides_the_error(
    message: str, kind: type[WarehouseError]
) -> None:
    error = translate(connector.ServerOperationError(message, {}), "q-1")
    assert type(error) is kind
    assert error.query_id == "q-1"
    assert "Cancelled" not in str(error)


def test_what_the_message_says_is_kept() -> None:
    error = translate(
        connector.ServerOperationError("[A_B.C_D] text with 'a value' SQLSTATE: 42P01", {})
    )
    assert (error.error_class, error.sqlstate) == ("A_B.C_D", "42P01")
    assert "a value" not in str(error)
    text = "[RequestId=a4ae8a6d-5396 ErrorClass=TABLE_DOES_NOT_EXIST.A_B] TABLE 'x' is none."
    error = translate(connector.ServerOperationError(text, {}))
    assert (error.error_class, error.sqlstate) == ("TABLE_DOES_NOT_EXIST.A_B", None)


def request_error(message: str, code: int | None = None, cause: object = None) -> Exception:
    context = {"http-code": code, "error-message": message, "original-exception": cause}
    return connector.RequestError("Error during request to server", context, None, cause)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (request_error("", 401), SignInFailed),
        (request_error("Invalid access token: the token is expired.", 403), SignInFailed),
        (request_error("Invalid scope", 403), NotAdmitted),
        (request_error("PERMISSION_DENIED: x is not authorized to use this", 403), NotAdmitted),
        (request_error("", 404), ObjectNotFound),
        (request_error("TEMPORARILY_UNAVAILABLE", 503), Starting),
        (request_error("", 429), errors.Busy),
        (request_error("BAD_REQUEST: no such thing", 400), errors.Refused),
        (request_error("", 413), errors.Refused),
        (request_error("", 408), errors.Dropped),
        (request_error("", 500), errors.Dropped),
        (request_error("", 502), errors.Dropped),
        (request_error("", 503), Starting),
        (request_error("", 200), errors.Dropped),
        (request_error("", 200, connector.MaxRetryDurationError("too long")), Starting),
        (request_error("Invalid SessionHandle: Session [1] is closed", 400), errors.SessionLost),
        (connector.DatabaseError("Invalid SessionHandle: SessionHandle [1]"), errors.SessionLost),
        (
            connector.DatabaseError(
                "requirement failed: Session handle [1] has not been initialized or had "
                "already closed"
            ),
            errors.SessionLost,
        ),
        (http.NewConnectionError(None, "refused"), errors.NotSent),  # type: ignore[arg-type]
        (http.ConnectTimeoutError("slow"), errors.NotSent),
        (http.ProtocolError("Connection aborted."), errors.Dropped),
        (http.ReadTimeoutError(None, "/", "slow"), errors.Dropped),  # type: ignore[arg-type]
        (
            http.MaxRetryError(None, "/", http.ResponseError("too many 503 error responses")),  # type: ignore[arg-type]
            Starting,
        ),
        (
            http.MaxRetryError(None, "/", http.ResponseError("too many 429 error responses")),  # type: ignore[arg-type]
            errors.Busy,
        ),
        (
            http.MaxRetryError(None, "/", http.NewConnectionError(None, "refused")),  # type: ignore[arg-type]
            errors.NotSent,
        ),
        (socket.gaierror(-2, "Name or service not known"), errors.Dropped),
        (ConnectionResetError(), errors.Dropped),
        (EOFError(), errors.Dropped),
        (connector.DatabaseError(None), StatementFailed),  # str() of it raises TypeError
        (connector.Error(None), StatementFailed),
        (ValueError("a value"), StatementFailed),
    ],
)
def test_each_other_error_becomes_a_warehouse_error(
    error: Exception, kind: type[WarehouseError]
) -> None:
    translated = translate(error)
    assert type(translated) is kind
    assert "a value" not in str(translated)


def test_ours_stay_as_they_are() -> None:
    error = WriteConflict()
    assert translate(error) is error


def test_what_callers_see_is_in_the_tree() -> None:
    internal = {errors.SessionLost, errors.NotSent, errors.Dropped}
    assert all(issubclass(kind, Unavailable) for kind in internal)
    public = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, WarehouseError) and kind not in internal
    ]
    assert errors.__doc__ is not None
    assert all(kind.__name__ in errors.__doc__ for kind in public)
