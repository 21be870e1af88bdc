"""The team of an account whose page knows only its key."""

from __future__ import annotations

from crm.repository.records import accounts
from crm.request import Request
from crm.warehouse.errors import WarehouseError


def team_of(request: Request, bsnid: str) -> str:
    """Return the account's team; its key if there is none now, or if it cannot be read. One
    statement."""
    try:
        account = accounts.get(request.warehouse, bsnid)
    except WarehouseError:
        return bsnid
    return (account and account.team) or bsnid
