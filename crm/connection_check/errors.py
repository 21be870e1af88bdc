"""Turn warehouse errors that a step does not expect into problems."""

from __future__ import annotations

import re

from crm.warehouse import errors as failures
from crm.warehouse.config import USER
from crm.warehouse.errors import WarehouseError

from .report import Problem

# Unity Catalog's message for a missing privilege; it names objects but quotes no values.
_LACKS = re.compile(
    r"does not have (?:the )?(?P<privilege>[A-Z][A-Z ]*[A-Z])(?: privilege)? on "
    r"(?P<kind>\w+) ['`](?P<name>[\w.`-]+)['`]",
    re.IGNORECASE,
)


def missing_right(error: WarehouseError) -> str:
    """Return ``USE SCHEMA on Schema edip_crm.main``, or ``""`` if the error names no privilege."""
    found = _LACKS.search(message_of(error))
    return f"{found['privilege']} on {found['kind']} {found['name']}" if found else ""


def message_of(error: WarehouseError) -> str:
    """Return the warehouse's own message. Search it, but do not show it: it may quote values."""
    return str(getattr(error.__cause__, "message", "") or "")


def problem_of(error: WarehouseError) -> Problem:
    for kind, code, advice in _WORDS:
        if isinstance(error, kind):
            lacking = missing_right(error)
            message = f"{error}: {lacking} is missing." if lacking else f"{error}."
            return Problem(code, message, advice)
    return Problem("failed", f"{error}.", "See the log of EDIP CRM and the query's profile.")


_WORDS: tuple[tuple[type[WarehouseError], str, str], ...] = (
    (
        failures.TokenNotForwarded,
        "token-not-forwarded",
        "Switch on user authorization for this app, with the scope sql; then stop and start it.",
    ),
    (
        failures.SignInAgain,
        "nobody-signed-in",
        f"With EDIP_AUTH={USER} everybody uses their own rights. Open Admin tools in the app, or "
        "run this with EDIP_AUTH=pat or service-principal.",
    ),
    (
        failures.NotAdmitted,
        "warehouse-not-permitted",
        "The token needs the scope sql, and its owner needs CAN USE on the warehouse.",
    ),
    (
        failures.SignInFailed,
        "token-wrong",
        "Check the token, or the service principal's client id and secret.",
    ),
    (failures.Starting, "warehouse-starting", "Try again in a minute."),
    (
        failures.Busy,
        "warehouse-busy",
        "It refuses requests for now: see its Monitoring page, and try again later.",
    ),
    (
        failures.Unavailable,
        "not-reachable",
        "Check the network and the workspace's status: https://status.databricks.com.",
    ),
    (
        failures.StatementTimeout,
        "warehouse-slow",
        "Statements may be queueing, or the warehouse may be scaling up: see its Monitoring "
        "page, or raise EDIP_STATEMENT_TIMEOUT.",
    ),
    (
        failures.PermissionDenied,
        "not-permitted",
        "manage.py print_grants prints the statements that the owner has to run.",
    ),
)
