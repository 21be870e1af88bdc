"""The identities with which connections sign in. Only this module knows how to sign in.

EDIP_AUTH chooses one of four: a personal access token, a service principal or the sign-in of the
Databricks CLI, which all people share; or the signed-in person's own token. The pool separates the
connections of different identities.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

from .config import SERVICE_PRINCIPAL, UNIFIED, USER, WarehouseConfig
from .errors import NotAdmitted, SignInAgain, SignInFailed, WarehouseError
from .sign_in import service_principal, unified
from .transport import now

# Databricks refuses a token in its last half minute
# (https://github.com/databricks/databricks-vscode/issues/583).
EXPIRY_MARGIN = 30.0


@dataclass(frozen=True)
class Identity:
    """The owner of a connection's rights. It is the pool's key: two never share a connection.

    :param name: the e-mail or the kind of sign-in; safe to log.
    """

    name: str

    @property
    def fingerprint(self) -> str:
        """A digest of the identity for keys of caches, which must not contain the token."""
        raise NotImplementedError

    def connect_arguments(self) -> dict[str, Any]:
        """Return the keywords for ``databricks.sql.connect`` that sign this identity in."""
        raise NotImplementedError

    def good_until(self) -> float | None:
        """Return when a connection opened now becomes unusable (``time.time()``).

        None: it is usable for as long as the pool keeps it.
        """
        return None

    @property
    def ends_at(self) -> float | None:
        """Return when the identity itself expires, by the warehouse's clock; None: never."""
        return None

    def replaces(self, other: Identity) -> bool:
        """Return whether ``other`` is the same person with an older token."""
        return False

    def renew(self) -> bool:
        """Prepare for new credentials after the warehouse refused these. Return whether that is
        possible."""
        return False

    def explain(self, error: WarehouseError) -> WarehouseError:
        """Return the error with a message that suits this identity."""
        return error


@dataclass(frozen=True)
class AccessToken(Identity):
    """A personal access token. Each token is a separate identity, so a new one gets a new pool."""

    token: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        return _digest("access token", self.name, self.token)

    def connect_arguments(self) -> dict[str, Any]:
        return {"access_token": self.token}


@dataclass(frozen=True)
class UserToken(Identity):
    """The signed-in person's own token, as Databricks Apps forwards it.

    :param name: the person's e-mail.
    :param expires_at: when the token expires, by the warehouse's clock. Not part of equality,
        since it is an estimate for an opaque token.
    """

    token: str = field(repr=False)
    expires_at: float = field(compare=False)

    @property
    def fingerprint(self) -> str:
        return _digest("user", self.name, self.token)

    def connect_arguments(self) -> dict[str, Any]:
        return {"access_token": self.token}

    def good_until(self) -> float:
        return time.time() + self.ends_at - now().timestamp()

    @property
    def ends_at(self) -> float:
        return self.expires_at - EXPIRY_MARGIN

    def replaces(self, other: Identity) -> bool:
        """Return whether ``other`` is the person's older token. A token that expires later stays,
        because the person uses it in another browser.
        """
        return (
            isinstance(other, UserToken)
            and other.name == self.name
            and other.expires_at <= self.expires_at
        )

    def explain(self, error: WarehouseError) -> WarehouseError:
        if isinstance(error, SignInFailed) and not isinstance(error, (NotAdmitted, SignInAgain)):
            return SignInAgain(query_id=error.query_id)
        return error


@dataclass(frozen=True)
class ServicePrincipal(Identity):
    """The app itself. databricks-sdk fetches and refreshes its tokens."""

    config: WarehouseConfig = field(repr=False)

    @property
    def fingerprint(self) -> str:
        return _digest("service principal", self.name, self.config.workspace_url)

    def connect_arguments(self) -> dict[str, Any]:
        source = service_principal.source(self.config)
        # Fetch the token here: the connector would wrap the error beyond recognition.
        source.headers()
        return {"credentials_provider": lambda: source.headers}

    def good_until(self) -> float | None:
        """Return when the token expires: the connector would use an opaque token for an hour."""
        return service_principal.source(self.config).fresh_until()

    def renew(self) -> bool:
        service_principal.source(self.config).forget()
        return True


@dataclass(frozen=True)
class Unified(Identity):
    """The person who is signed in with the Databricks CLI, or the running job."""

    config: WarehouseConfig = field(repr=False)

    @property
    def fingerprint(self) -> str:
        return _digest("unified", self.config.profile, self.config.workspace_url)

    def connect_arguments(self) -> dict[str, Any]:
        source = unified.sign_in(self.config)
        # Sign in here: the connector would wrap the error beyond recognition.
        source.headers()
        return {"credentials_provider": lambda: source.headers}

    def renew(self) -> bool:
        unified.sign_in(self.config).forget()
        return True


def shared(config: WarehouseConfig) -> Identity:
    """Return the app's own identity. Raises SignInAgain if each person needs their own token."""
    if config.auth == UNIFIED:
        return Unified("sign-in of the Databricks CLI", config)
    if config.auth == SERVICE_PRINCIPAL:
        return _service_principal(config)
    if config.auth == USER:
        raise SignInAgain("nobody is signed in, and EDIP_AUTH=user uses no other rights")
    return AccessToken("access token", config.token)


def app(config: WarehouseConfig) -> Identity | None:
    """Return the app's service principal, if there is one, with EDIP_AUTH=user; else None."""
    return _service_principal(config) if config.auth == USER and config.client_id else None


def _service_principal(config: WarehouseConfig) -> Identity:
    return ServicePrincipal(f"service principal {config.client_id}", config)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
