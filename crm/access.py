"""Decorators that mark who may use a view. ``AccessMiddleware`` (crm/middleware/person.py)
enforces the marks.

By default everybody who is signed in may read (``SAFE`` methods), and any other method is for
people who may write. The decorators here mark the exceptions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest

View = TypeVar("View", bound=Callable[..., Any])

# The methods that change nothing (RFC 9110, 9.2.1).
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_FOR_WRITERS, _FOR_ADMINS, _WRITES_NOTHING = "is_for_writers", "is_for_admins", "writes_nothing"


def for_writers(view: View) -> View:
    """Refuse readers the page, even with GET, because it only leads to a write."""
    setattr(view, _FOR_WRITERS, True)
    return view


def for_admins(view: View) -> View:
    """Refuse the page to everybody but administrators."""
    setattr(view, _FOR_ADMINS, True)
    return view


def writes_nothing(view: View) -> View:
    """Allow readers a view that accepts POST but changes no data, such as a preference."""
    setattr(view, _WRITES_NOTHING, True)
    return view


def needs_right_to_write(request: HttpRequest, view: Callable[..., Any]) -> bool:
    if getattr(view, _WRITES_NOTHING, False):
        return False
    return request.method not in SAFE or getattr(view, _FOR_WRITERS, False)


def is_for_admins(view: Callable[..., Any]) -> bool:
    return getattr(view, _FOR_ADMINS, False)
