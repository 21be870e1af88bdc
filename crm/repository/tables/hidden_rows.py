"""Reads with the app's own rights, which find rows that a row filter hides from the person."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, SignInFailed

log = logging.getLogger(__name__)
Result = TypeVar("Result")


def read_as_app(wh: Warehouse, read: Callable[[Warehouse], Result]) -> Result | None:
    """Return what ``read`` finds with the app's rights; None if the app has none of its own.

    It has none without credentials, if its sign-in is refused, or without a right to the tables:
    then nobody knows what is hidden, and the caller goes on without knowing. Raises WarehouseError
    for all other causes, since they may pass: a write that went on might double hidden rows, or
    leave them without an account. So call it before the write.
    """
    try:
        app = wh.with_app_rights()
        return read(app) if app else None
    except (PermissionDenied, ObjectNotFound, SignInFailed) as error:
        log.warning("the app could not look for hidden rows with its own rights: %s", error)
        return None
