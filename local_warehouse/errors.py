"""Errors in Databricks' form: ``[CLASS] text SQLSTATE: xxxxx``.

``SqlError`` is a failed statement, with ``EngineEnded`` among them; ``InvalidHandle`` is a session
or operation that has ended.
``from_engine`` turns the engine's errors into Databricks' classes; nothing else does.
"""

from __future__ import annotations

import re

# Delta's names for conflicts of concurrent writes, and their SQLSTATE.
_CONCURRENT_WRITE = "DELTA_CONCURRENT_WRITE"
_CONCURRENT_APPEND = "DELTA_CONCURRENT_APPEND"
_CONFLICT = "2D521"


class SqlError(Exception):
    """A statement that failed, with its Databricks error class and SQLSTATE."""

    def __init__(self, error_class: str, message: str, sqlstate: str) -> None:
        super().__init__(f"[{error_class}] {message} SQLSTATE: {sqlstate}")
        self.error_class = error_class
        self.message = message
        self.sqlstate = sqlstate


class EngineEnded(SqlError):
    """The engine's process ended while it ran the statement.

    https://docs.databricks.com/error-messages/error-classes#server_is_busy
    """

    def __init__(self) -> None:
        problem = "The server is busy and could not handle the request. Please retry the request."
        super().__init__("SERVER_IS_BUSY", problem, "08KD1")


class InvalidHandle(Exception):
    """A request named a session or operation that does not exist or has ended."""


class Cancelled(Exception):
    """The statement was cancelled or ran out of time."""


def syntax_error(detail: str) -> SqlError:
    return SqlError("PARSE_SYNTAX_ERROR", f"Syntax error: {detail}", "42601")


def unsupported(feature: str) -> SqlError:
    return SqlError(
        "UNSUPPORTED_FEATURE", f"The local warehouse does not support {feature}.", "0A000"
    )


def no_time_travel(table: str) -> SqlError:
    """Return the error of time travel on a table with a row filter or column mask.

    https://docs.databricks.com/error-messages/fgac-time-travel-not-supported-error-class
    """
    return SqlError(
        "FGAC_TIME_TRAVEL_NOT_SUPPORTED.PER_TABLE_RLS_CM",
        "Cannot time travel to the specified version or timestamp of this table. Time travel on "
        "tables with fine-grained access control does not support per-table Row Level Security "
        f"(RLS) or Column Masking (CM): {table}.",
        "0A000",
    )


def no_history(table: str) -> SqlError:
    """Return the error of DESCRIBE HISTORY of a table with a row filter or column mask.

    https://docs.databricks.com/error-messages/row-level-security-column-mask-feature-not-supported-error-class
    """
    return SqlError(
        "ROW_LEVEL_SECURITY_COLUMN_MASK_FEATURE_NOT_SUPPORTED.DESCRIBE_HISTORY",
        f"Row level security policies and column mask policies for {table} are not supported: "
        "Reading commit history is not supported for tables with row level security and column "
        "mask policies.",
        "0A000",
    )


def table_not_found(name: str) -> SqlError:
    return SqlError(
        "TABLE_OR_VIEW_NOT_FOUND",
        f"The table or view {name} cannot be found. Verify the spelling and correctness of the "
        "schema and catalog.",
        "42P01",
    )


def missing_files(table: str, version: int) -> SqlError:
    """Return the error of reading a version whose data files were deleted.

    Open Spark calls it ``FAILED_READ_FILE.FILE_NOT_EXIST``.
    https://docs.databricks.com/error-messages/failed-read-file-error-class
    """
    return SqlError(
        "FAILED_READ_FILE.DBR_FILE_NOT_EXIST",
        f"Error while reading files of version {version} of {table}. They are referenced in the "
        "transaction log, but do not exist: VACUUM has deleted them.",
        "KD001",
    )


def half_published(reason: str) -> SqlError:
    """Return the error of reading while a transaction shows in some of its tables only."""
    return SqlError(
        "INTERNAL_ERROR",
        "The disk failed while a transaction was published. No statement reads until it is "
        f"published in all of its tables: {reason}",
        "XX000",
    )


def no_unity_catalog() -> SqlError:
    return SqlError("UC_NOT_ENABLED", "Unity Catalog is not enabled in this workspace.", "0AKUD")


def routine_not_found(names: list[str]) -> SqlError:
    return SqlError(
        "UNRESOLVED_ROUTINE", f"Cannot resolve routine `{'`.`'.join(names)}`.", "42883"
    )


def column_not_found(name: str) -> SqlError:
    return SqlError(
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        f"A column, variable, or function parameter with name {name} cannot be resolved.",
        "42703",
    )


def wrong_number_of_arguments(function: str, wanted: int, given: int) -> SqlError:
    return SqlError(
        "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
        f"The `{function}` requires {wanted} parameters but the actual number is {given}.",
        "42605",
    )


def concurrent_commit() -> SqlError:
    message = "A concurrent transaction has written new data."
    return SqlError(_CONCURRENT_WRITE, message, _CONFLICT)


def concurrent_write(table: str) -> SqlError:
    return _conflict(
        f"{_CONCURRENT_APPEND}.ROW_LEVEL_CHANGES",
        f"Transaction conflict detected. Rows of {table} that this statement reads were changed "
        "by a concurrent one.",
    )


def concurrent_transaction(table: str) -> SqlError:
    """Return the error of a transaction: it conflicts with any other write to its tables."""
    return _conflict(
        f"{_CONCURRENT_APPEND}.WHOLE_TABLE_READ",
        f"Transaction conflict detected. A concurrent transaction has changed {table}.",
    )


def metadata_changed(table: str) -> SqlError:
    return _conflict(
        "DELTA_METADATA_CHANGED",
        f"The metadata of {table} has been changed by a concurrent update.",
    )


def _conflict(error_class: str, message: str) -> SqlError:
    return SqlError(error_class, f"{message} Please retry the operation.", _CONFLICT)


_ENVELOPE = re.compile(
    r"^Flight returned .*?, with message: "
    r"(?P<stage>parse|plan|plan conversion|execution|encoding)? ?(?:error: )?"
    r"(?P<text>.*?)(?:\. gRPC client debug context: .*)?$",
    re.DOTALL,
)

# Pattern of the engine's text -> (class, SQLSTATE); the first that matches wins.
_PATTERNS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), error_class, sqlstate)
    for pattern, error_class, sqlstate in (
        (
            r"NOT NULL constraint violated|declared as non-nullable",
            "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
            "23502",
        ),
        (
            r"Cannot cast|cast error|invalid .*(date|timestamp|number)",
            "CAST_INVALID_INPUT",
            "22018",
        ),
        (r"Divide by zero", "DIVIDE_BY_ZERO", "22012"),
        (r"overflow", "ARITHMETIC_OVERFLOW", "22003"),
        (
            r"MERGE_CARDINALITY_VIOLATION|multiple source rows",
            "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE",
            "21506",
        ),
        (r"Table or view not found", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        (r"Failed to commit transaction|Missing commit file", _CONCURRENT_WRITE, _CONFLICT),
        (
            r"cannot resolve attribute|missing from the schema|No field named|"
            r"cannot resolve (column|assignment)",
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            "42703",
        ),
        (
            r"unknown function|Invalid function|function not found|unsupported function",
            "UNRESOLVED_ROUTINE",
            "42883",
        ),
        (
            r"not (yet )?implemented|unsupported|not support|Subqueries are not allowed|"
            r"should have been simplified",
            "UNSUPPORTED_FEATURE",
            "0A000",
        ),
        (r"aggregate|GROUP BY", "MISSING_AGGREGATION", "42803"),
        (r"type mismatch|cannot coerce|type_coercion", "DATATYPE_MISMATCH", "42K09"),
    )
)
_OWN_CLASS = re.compile(
    r"\[(?P<cls>DELTA_[A-Z_.]+)\] (?P<text>.*?) SQLSTATE: (?P<state>\w{5})", re.S
)

_NO_SPACE = re.compile(r"No space left on device")

# The engine takes messages of gRPC's usual length only, and has no setting for it.
_TOO_LARGE = re.compile(r"message length too large: found (\d+) bytes, the limit is: (\d+) bytes")


def from_engine(error: Exception) -> SqlError:
    """Return the engine's error with Databricks' class; INTERNAL_ERROR for an unknown one."""
    match = _ENVELOPE.match(str(error))
    stage, text = (match["stage"], match["text"]) if match else (None, str(error))
    text = text.strip()
    if _NO_SPACE.search(text):
        return _disk_full(text)
    if too_large := _TOO_LARGE.search(text):
        found, limit = map(int, too_large.groups())
        return unsupported(
            f"statements of more than {limit:,} bytes with their values; this one has {found:,}"
        )
    if own := _OWN_CLASS.search(text):
        return SqlError(own["cls"], own["text"], own["state"])
    if stage == "parse":
        return syntax_error(text)
    for pattern, error_class, sqlstate in _PATTERNS:
        if pattern.search(text):
            return SqlError(error_class, re.sub(r"^.*?\[[A-Z_.]+\] ", "", text), sqlstate)
    if user := re.search(r"Execution error: (.*)", text, re.DOTALL):
        return SqlError("USER_RAISED_EXCEPTION", user[1], "P0001")
    return SqlError("INTERNAL_ERROR", text, "XX000")


def unexpected(error: Exception) -> SqlError:
    """Return the error of a statement that failed for no reason that the warehouse knows.

    Any statement may write files, reads too: of a past version, for example.
    """
    text = f"{type(error).__name__}: {error}"
    if _NO_SPACE.search(text):
        return _disk_full(text)
    return SqlError("INTERNAL_ERROR", text, "XX000")


def _disk_full(text: str) -> SqlError:
    return SqlError("TASK_WRITE_FAILED", text, "58030")
