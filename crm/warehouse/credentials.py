"""Who a connection belongs to. The one place that knows how to sign in.

Three ways, chosen by EDIP_AUTH: a personal access token or a service principal, shared by
everybody who uses the app, or the signed-in person's own token (on behalf of the user). The
pool keeps connections apart by identity.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from . import config as ways
from . import service_principal
from .config import WarehouseConfig
from .errors import NotAdmitted, SignInAgain, SignInFailed, WarehouseError

# Databricks turns a token away in its last half minute
# (https://github.com/databricks/databricks-vscode/issues/583).
TOO_LATE = 30.0


@dataclass(frozen=True)
class Identity:
    """Whose rights a connection has. Hashable: the pool's key; two never share a connection.

    :param name: who, in words that may be logged.
    """

    name: str

    def connect_arguments(self) -> dict[str, Any]:
        """The keywords for ``databricks.sql.connect`` that sign this identity in."""
        raise NotImplementedError

    def good_until(self) -> float | None:
        """The time (``time.time()``) from which a connection opened now is of no more use."""
        return None

    @property
    def ends_at(self) -> float | None:
        """The time from which this identity is of no more use, whatever the connection."""
        return None

    def replaces(self, other: Identity) -> bool:
        """Whether ``other`` is the same person with an older token."""
        return False

    def was_refused(self) -> bool:
        """Told after a refused sign-in. Whether trying once more makes sense."""
        return False

    def explain(self, error: WarehouseError) -> WarehouseError:
        """The error as this identity's people should understand it."""
        return error


@dataclass(frozen=True)
class AccessToken(Identity):
    """A personal access token. It takes part in equality, so a new token is a new pool."""

    token: str = field(repr=False)

    def connect_arguments(self) -> dict[str, Any]:
        return {"access_token": self.token}


@dataclass(frozen=True)
class UserToken(Identity):
    """The token of the person who asks, as Databricks Apps hands it on.

    :param name: the person's e-mail.
    :param expires_at: when it ends, ``time.time()``. No part of equality: of an opaque token
        it is an estimate.
    """

    token: str = field(repr=False)
    expires_at: float = field(compare=False)

    def connect_arguments(self) -> dict[str, Any]:
        return {"access_token": self.token}

    def good_until(self) -> float:
        return self.ends_at

    @property
    def ends_at(self) -> float:
        return self.expires_at - TOO_LATE

    @property
    def has_ended(self) -> bool:
        return time.time() >= self.ends_at

    def replaces(self, other: Identity) -> bool:
        """Not one that lives longer: that is another browser's of the same person."""
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
    """The app itself. databricks-sdk fetches its tokens and refreshes them."""

    config: WarehouseConfig = field(repr=False)

    def connect_arguments(self) -> dict[str, Any]:
        source = service_principal.source(self.config)
        # Fetched here and now, or the connector would wrap the error beyond recognition.
        source.headers()
        return {"credentials_provider": lambda: source.headers}

    def good_until(self) -> float | None:
        """Until the token ends: the connector keeps an opaque one for an hour, come what may."""
        return service_principal.source(self.config).fresh_until()

    def was_refused(self) -> bool:
        service_principal.source(self.config).forget()
        return True


def shared(config: WarehouseConfig) -> Identity:
    """The app's own identity. Raises SignInAgain where each person has to bring a token."""
    if config.auth == ways.SERVICE_PRINCIPAL:
        return ServicePrincipal(f"service principal {config.client_id}", config)
    if config.auth == ways.USER:
        raise SignInAgain("nobody is signed in, and EDIP_AUTH=user uses no other rights")
    return AccessToken("access token", config.token)
