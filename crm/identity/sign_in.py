"""From a request to its person, and to the warehouse with the rights that are theirs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from crm.warehouse import Warehouse
from crm.warehouse.config import USER
from crm.warehouse.credentials import TOO_LATE
from crm.warehouse.errors import SignInAgain

from . import forwarded, tokens, vault
from .forwarded import Forwarded
from .person import Fixed, Person
from .rights import Granted, is_among
from .vault import Kept
from .warehouses import for_person, for_user


@dataclass(frozen=True)
class SignIn:
    """``open_warehouse`` raises SignInAgain where the person's token is missing or over.

    ``ended`` says that another person's session was ended by this request.
    """

    person: Person
    open_warehouse: Callable[[], Warehouse]
    ended: bool = False


def sign_in(request: HttpRequest) -> SignIn:
    said = forwarded.take(request)
    if settings.WAREHOUSE.auth == USER:
        return _own(request, said)
    email = said.name if settings.IN_DATABRICKS_APPS else settings.EDIP_USER
    among = not settings.EDIP_EDITORS or is_among(email, settings.EDIP_EDITORS)
    person = Person(email, _is_admin(email), Fixed(writes=bool(email) and among))
    return SignIn(person, lambda: for_person(email))


def _is_admin(email: str) -> bool:
    if not settings.EDIP_ADMINS:
        return settings.LOCAL and bool(email)
    return is_among(email, settings.EDIP_ADMINS)


def _own(request: HttpRequest, said: Forwarded) -> SignIn:
    """The person's own token: this request's, or the one that their session keeps."""
    if not settings.IN_DATABRICKS_APPS:
        return SignIn(_unknown(), _nobody)
    kept = vault.kept(request.session)
    name = said.name or tokens.subject(said.token)
    ended = kept is not None and bool(name) and kept.person != name
    if ended:
        request.session.flush()
        kept = None
    if said.token and name and (kept is None or kept.digest != tokens.digest(said.token)):
        kept = Kept(name, tokens.digest(said.token), tokens.expiry(said.token), said.token)
        vault.keep(request.session, kept)
    if kept is None:
        return SignIn(_unknown(name), _nobody, ended)
    return _with_token(kept.person, said.token or kept.token, kept.expires_at, ended)


def _with_token(name: str, token: str, expires_at: float, ended: bool) -> SignIn:
    def open_warehouse() -> Warehouse:
        if not token or time.time() >= expires_at - TOO_LATE:
            raise SignInAgain()
        return for_user(name, token, expires_at)

    person = Person(name, _is_admin(name), Granted(open_warehouse))
    return SignIn(person, open_warehouse, ended)


def _unknown(name: str = "") -> Person:
    """Whoever it is has to sign in before anything can be said of their rights."""
    return Person(name, rights=Granted(_nobody))


def _nobody() -> Warehouse:
    raise SignInAgain()
