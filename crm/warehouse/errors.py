"""The warehouse's errors. Classes of the connector never leave this package.

The tree::

    WarehouseError
      Unavailable            no connection, or no answer: try again later
        Starting             the warehouse is starting: try again in a moment
        Busy                 the warehouse rejected the request (429, 503): try again later
        PoolExhausted        all our connections are busy
      SignInFailed           the token is wrong, expired or revoked (401, 403)
        SignInAgain          the signed-in person's own token is missing or has expired
          TokenNotForwarded  the proxy names the person, but does not pass on their token
        NotAdmitted          the token is valid but lacks a scope, or CAN USE on the warehouse
      PermissionDenied       a privilege is missing (42501)
      ObjectNotFound         the catalog, schema, table or warehouse does not exist
      WriteConflict          a concurrent write came first; nothing was committed (2D521)
      StatementTimeout       the statement took too long and was cancelled
        TimeIsUp             the deadline of the request passed (deadline.py)
      ConstraintViolated     NOT NULL or CHECK (23xxx)
      StatementFailed        any other error of a statement
        ColumnNotFound       a table lacks a column that the statement names (42703)
        Refused              the request was refused before a statement ran (HTTP 400, 413, …)
          TooLarge           its values exceed the limit of a statement, so it was not sent

``translate.py`` makes them from the connector's errors.
"""

from __future__ import annotations

import re

# The error classes with which row filters and column masks refuse time travel, change feeds etc.
_BY_POLICY = re.compile(
    "FGAC_TIME_TRAVEL_NOT_SUPPORTED|"
    "(ROW_LEVEL_SECURITY|COLUMN_MASKS?|ROW_LEVEL_SECURITY_COLUMN_MASK)_FEATURE_NOT_SUPPORTED"
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

    @property
    def is_refused_by_policy(self) -> bool:
        """Return whether the statement failed because of a row filter or a column mask."""
        return bool(_BY_POLICY.match(self.error_class or ""))


class Unavailable(WarehouseError):
    """``retry_after`` is the wait in seconds that the warehouse asks for; 0 if it does not."""

    summary = "The warehouse cannot be reached"
    retry_after = 0


class Starting(Unavailable):
    summary = "The warehouse is starting"


class Busy(Unavailable):
    summary = "The warehouse takes no requests at the moment; it did not run this one"


class PoolExhausted(Unavailable):
    summary = "All connections are busy"


class SignInFailed(WarehouseError):
    summary = "The warehouse refused the sign-in"


class SignInAgain(SignInFailed):
    summary = "The person must sign in again"


class TokenNotForwarded(SignInAgain):
    summary = "The request has no token of the person"


class NotAdmitted(SignInFailed):
    summary = "Signed in, but not admitted to the warehouse"


class PermissionDenied(WarehouseError):
    summary = "Permission denied"


class ObjectNotFound(WarehouseError):
    summary = "A table, schema, catalog or warehouse was not found"


class WriteConflict(WarehouseError):
    summary = "A concurrent write came first, so this statement was not committed"


class StatementTimeout(WarehouseError):
    summary = "The statement took too long and was stopped"


class TimeIsUp(StatementTimeout):
    summary = "The request's time was up before the warehouse answered"


class ConstraintViolated(WarehouseError):
    summary = "The table refuses these values"


class StatementFailed(WarehouseError):
    summary = "The statement failed"


class ColumnNotFound(StatementFailed):
    summary = "A table lacks a column; “manage.py set_up” updates tables of an earlier version"


class Refused(StatementFailed):
    summary = "The warehouse refused the request; it did not run the statement"


class TooLarge(Refused):
    summary = "The statement has more values than the warehouse takes; it was not sent"


class SessionLost(Unavailable):
    """Internal: the session has ended, so a statement sent on it was not executed."""

    summary = "The session has ended"


class NotSent(Unavailable):
    """Internal: there was no connection, so nothing was executed."""


class Dropped(Unavailable):
    """Internal: no answer came. The statement may or may not have been executed."""

    summary = "The connection broke; it is not known whether the statement ran"
