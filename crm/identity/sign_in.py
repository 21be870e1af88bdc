"""Find the person who sends a request, and the warehouse with this person's rights."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from crm.warehouse import Warehouse
from crm.warehouse.config import USER
from crm.warehouse.credentials import EXPIRY_MARGIN
from crm.warehouse.deadline import Deadline
from crm.warehouse.errors import SignInAgain

from . import forwarded, tokens, vault
from .forwarded import Forwarded
from .person import FixedRights, Person
from .rights import GrantedRights, is_listed
from .vault import StoredSignIn
from .warehouses import for_person, for_user


@dataclass(frozen=True)
class SignIn:
    """The person of a request and their way to the data.

    :param open_warehouse: raises SignInAgain if the person's token is missing or has expired.
    :param ended: whether this request ended another person's session.
    """

    person: Person
    open_warehouse: Callable[[], Warehouse]
    ended: bool = False


def sign_in(request: HttpRequest) -> SignIn:
    """Return who sends the request, and remove their token from it.

    All statements of the request share one deadline, which begins now.
    """
    headers = forwarded.read(request)
    deadline = Deadline.after(settings.EDIP_REQUEST_TIMEOUT, _reader(request))
    if settings.WAREHOUSE.auth == USER:
        return _as_user(request, headers, deadline)
    email = headers.name if settings.IN_DATABRICKS_APPS else settings.EDIP_USER
    is_editor = not settings.EDIP_EDITORS or is_listed(email, settings.EDIP_EDITORS)
    person = Person(email, _is_admin(email), FixedRights(writes=bool(email) and is_editor))
    return SignIn(person, lambda: for_person(email).within(deadline))


def _reader(request: HttpRequest) -> socket.socket | None:
    """Return the socket of a person who only reads, if gunicorn gives it."""
    client = request.META.get("gunicorn.socket")
    return (
        client if request.method in ("GET", "HEAD") and isinstance(client, socket.socket) else None
    )


def _is_admin(email: str) -> bool:
    if not settings.EDIP_ADMINS:
        return bool(settings.LOCAL and email)
    return is_listed(email, settings.EDIP_ADMINS)


def _as_user(request: HttpRequest, headers: Forwarded, deadline: Deadline) -> SignIn:
    """Sign in with the person's own token, of this request or of their session."""
    if not settings.IN_DATABRICKS_APPS:
        return SignIn(_without_token(), _no_warehouse)
    stored = vault.load(request.session)
    name = headers.name or tokens.subject(headers.token)
    ended = stored is not None and bool(name) and stored.person != name
    if ended:
        request.session.flush()
        stored = None
    if headers.token and name:
        digest = tokens.digest(headers.token)
        if stored is None or stored.digest != digest:
            expires_at = tokens.expiry(headers.token)
            stored = StoredSignIn(name, digest, expires_at, headers.token)
            vault.store(request.session, stored)
    if stored is None:
        return SignIn(_without_token(name), _no_warehouse, ended)
    token = headers.token or stored.token
    return SignIn(*_with_token(stored.person, token, stored.expires_at, deadline), ended)


def _with_token(
    name: str, token: str, expires_at: float, deadline: Deadline
) -> tuple[Person, Callable[[], Warehouse]]:
    def open_warehouse() -> Warehouse:
        if not token or time.time() >= expires_at - EXPIRY_MARGIN:
            raise SignInAgain()
        return for_user(name, token, expires_at).within(deadline)

    return Person(name, _is_admin(name), GrantedRights(open_warehouse)), open_warehouse


def _without_token(name: str = "") -> Person:
    """Return a person whose rights are unknown until they sign in."""
    return Person(name, rights=GrantedRights(_no_warehouse))


def _no_warehouse() -> Warehouse:
    raise SignInAgain()
