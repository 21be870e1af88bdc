"""Who a connection belongs to. The one place that knows how to sign in.

Today that is a personal access token, shared by everybody who uses the app. A service
principal (``credentials_provider=``) and the signed-in person's own token (on-behalf-of) are
further subclasses of Identity and a branch in ``for_person``; nothing else has to change,
since the pool keeps connections apart by identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .config import WarehouseConfig


@dataclass(frozen=True)
class Identity:
    """Whose rights a connection has. Hashable: the pool's key; two never share a connection.

    :param name: who, in words that may be logged.
    """

    name: str

    def connect_arguments(self) -> dict[str, Any]:
        """The keywords for ``databricks.sql.connect`` that sign this identity in."""
        raise NotImplementedError


@dataclass(frozen=True)
class AccessToken(Identity):
    """A personal access token. It takes part in equality, so a new token is a new pool."""

    token: str = field(repr=False)

    def connect_arguments(self) -> dict[str, Any]:
        return {"access_token": self.token}


def for_person(config: WarehouseConfig, email: str) -> Identity:
    """The identity whose rights ``email``'s requests use: for now the app's own token."""
    return AccessToken("access token", config.token)
