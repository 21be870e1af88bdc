"""Find the person who sends a request, and the warehouse with this person's rights."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from crm.warehouse import Warehouse, has_passed
from crm.warehouse.config import USER
from crm.warehouse.credentials import EXPIRY_MARGIN
from crm.warehouse.deadline import Deadline
from crm.warehouse.errors import SignInAgain, TokenNotForwarded

from . import forwarded, tokens, vault
from .forwarded import Forwarded
from .person import FixedRights, Person
from .rights import GrantedRights, is_listed
from .vault import StoredSignIn
from .warehouses import for_person, for_user

# In the session, with a shared sign-in: the digest of the person's e-mail.
_PERSON = "person"


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
    """Return the person who sends the request, and remove their token from it.

    All statements of the request share one deadline, which begins now.
    """
    headers = forwarded.read(request)
    deadline = Deadline.after(settings.EDIP_REQUEST_TIMEOUT, _reader(request))
    if settings.WAREHOUSE.auth == USER:
        return _as_user(request, headers, deadline)
    email = headers.email if settings.IN_DATABRICKS_APPS else settings.EDIP_USER
    ended = bool(settings.IN_DATABRICKS_APPS) and _ends_session(request, email)
    is_editor = not settings.EDIP_EDITORS or is_listed(email, settings.EDIP_EDITORS)
    person = Person(email, _is_admin(email), FixedRights(writes=bool(email) and is_editor))
    return SignIn(person, lambda: for_person(email).within(deadline), ended)


def _ends_session(request: HttpRequest, email: str) -> bool:
    """Return whether the browser's last request was another person's; store this person."""
    digest, known = tokens.digest(email), request.session.get(_PERSON)
    if known == digest or not email:
        return False
    request.session.flush()
    request.session[_PERSON] = digest
    return known is not None


def _reader(request: HttpRequest) -> socket.socket | None:
    """Return the socket of a request that only reads, if gunicorn provides it."""
    client = request.META.get("gunicorn.socket")
    return (
        client if request.method in ("GET", "HEAD") and isinstance(client, socket.socket) else None
    )


def _is_admin(email: str) -> bool:
    if not settings.EDIP_ADMINS:
        return bool(settings.LOCAL and email)
    return is_listed(email, settings.EDIP_ADMINS)


def _as_user(request: HttpRequest, headers: Forwarded, deadline: Deadline) -> SignIn:
    """Sign in with the person's own token, of this request or of their session.

    The session keeps the token only with EDIP_SESSION_TOKENS (docs/decisions/0012).
    """
    name = headers.email
    if not name:  # as everywhere outside of Databricks Apps
        return SignIn(_without_token(), _no_sign_in)
    stored = vault.load(request.session)
    ended = stored is not None and stored.person != name
    if ended:
        request.session.flush()
        stored = None
    if headers.token:
        stored = _remember(request, headers, stored)
    token = headers.token or (stored.token if stored and settings.EDIP_SESSION_TOKENS else "")
    if stored is None or not token:
        return SignIn(_without_token(name), _no_token, ended)
    return SignIn(*_with_token(name, token, stored.expires_at, deadline), ended)


def _remember(
    request: HttpRequest, headers: Forwarded, stored: StoredSignIn | None
) -> StoredSignIn:
    """Return the sign-in of the request's token, and store it in the session.

    So the estimated end of a token without an expiry counts from when any process first saw it.
    """
    digest = tokens.digest(headers.token)
    kept = headers.token if settings.EDIP_SESSION_TOKENS else ""
    if stored and stored.digest == digest and (stored.token == kept or stored.is_too_long):
        return stored
    known = stored.expires_at if stored and stored.digest == digest else None
    expires_at = tokens.expiry(headers.token) if known is None else known
    found = StoredSignIn(headers.email, digest, expires_at, kept)
    vault.store(request.session, found)
    return found


def _with_token(
    name: str, token: str, expires_at: float, deadline: Deadline
) -> tuple[Person, Callable[[], Warehouse]]:
    def open_warehouse() -> Warehouse:
        if has_passed(expires_at - EXPIRY_MARGIN):
            raise SignInAgain()
        return for_user(name, token, expires_at).within(deadline)

    return Person(name, _is_admin(name), GrantedRights(open_warehouse)), open_warehouse


def _without_token(name: str = "") -> Person:
    """Return a person without a token, whose rights cannot be read."""
    open_nothing = _no_token if name else _no_sign_in
    return Person(name, _is_admin(name), GrantedRights(open_nothing))


def _no_sign_in() -> Warehouse:
    raise SignInAgain()


def _no_token() -> Warehouse:
    raise TokenNotForwarded()
