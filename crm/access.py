"""Which views are for whom, as ``AccessMiddleware`` (crm/middleware/person.py) enforces it.

Whatever is not said here: reading is for everybody who is signed in, and any other method than
GET and HEAD for those who may write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest

View = TypeVar("View", bound=Callable)

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def for_writers(view: View) -> View:
    """A page that only leads to writing: readers do not even see it."""
    view.is_for_writers = True
    return view


def for_admins(view: View) -> View:
    view.is_for_admins = True
    return view


def writes_nothing(view: View) -> View:
    """Takes POST, and yet changes no data: a preference, say."""
    view.writes_nothing = True
    return view


def needs_right_to_write(request: HttpRequest, view: Callable) -> bool:
    if getattr(view, "writes_nothing", False):
        return False
    return request.method not in SAFE or getattr(view, "is_for_writers", False)


def is_for_admins(view: Callable) -> bool:
    return getattr(view, "is_for_admins", False)
