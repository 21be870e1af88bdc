"""The filter ``mine=on``: only the accounts of the person who asks, and what belongs to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crm.repository.records import mine
from crm.request import Request

Result = TypeVar("Result")
NAME, ON = "mine", "on"


def asked(request: Request) -> str:
    """Return the person whose accounts the URL asks for; empty if it asks for all."""
    return request.person.email if request.GET.get(NAME) == ON else ""


def load(request: Request, read: Callable[[str], Result]) -> tuple[Result, bool]:
    """Call ``read`` for the person of ``asked``. Return its result, and whether Mine was applied.

    Mine is not applied, even if the URL asks for it, where the tables of people cannot be read.
    """
    person = asked(request)
    return mine.if_possible(
        request.warehouse, lambda can_read: read(person if can_read else ""), bool(person)
    )
