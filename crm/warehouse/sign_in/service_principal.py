"""The service principal's tokens: databricks-sdk's own OAuth, one Config per process.

databricks-sdk 0.156 (``oauth.py``) refreshes a token in the background from the middle of its
lifetime on (at most 20 minutes before it expires). In the last 40 s it refreshes while the
caller waits. Its requests have no time limit that suits a page, hence DEADLINE.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from crm.warehouse.config import WarehouseConfig
from crm.warehouse.deadline import limit, run_within
from crm.warehouse.errors import SignInFailed, Unavailable, WarehouseError

if TYPE_CHECKING:
    from databricks.sdk.core import Config
    from databricks.sdk.oauth import Token

Result = TypeVar("Result")

# Seconds for which a request waits for a token.
DEADLINE = 15.0
# The SDK treats a token as expired this many seconds before it is.
SDK_MARGIN = 40.0
# Errors of an authorization server after which another attempt is useless (RFC 6749, 5.2).
_REFUSALS = (
    "invalid_client",
    "unauthorized_client",
    "access_denied",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "unsupported_grant_type",
)


def load_sdk() -> type[Config]:
    """Import databricks-sdk only when needed, because the import takes more than a second."""
    from databricks.sdk.core import Config

    return Config


class TokenSource:
    """One service principal's tokens. Threads share it."""

    def __init__(self, config: WarehouseConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._sdk: Config | None = None
        self._secret = ""

    def headers(self) -> dict[str, str]:
        """Return the current Authorization header. Raises SignInFailed or Unavailable."""
        token = self._token()
        return {"Authorization": f"{token.token_type} {token.access_token}"}

    def fresh_until(self) -> float | None:
        """Return when the current token becomes unusable (``time.time()``)."""
        expiry = self._token().expiry
        return expiry.timestamp() - SDK_MARGIN if expiry else None

    def forget(self) -> None:
        """Fetch a new token at the next call, because the warehouse refused this one."""
        with self._lock:
            self._sdk = None

    def _token(self) -> Token:
        try:
            return _within(limit(DEADLINE), self._fetch)
        except SignInFailed:
            if self._current_secret() == self._secret:
                raise
        # The secret was rotated, and its file has a new one.
        self.forget()
        return _within(limit(DEADLINE), self._fetch)

    def _fetch(self) -> Token:
        return self._ready().oauth_token()

    def _ready(self) -> Config:
        with self._lock:
            if self._sdk is None:
                self._secret = self._current_secret()
                self._sdk = load_sdk()(
                    host=self._config.workspace_url,
                    client_id=self._config.client_id,
                    client_secret=self._secret,
                    auth_type="oauth-m2m",
                    # Otherwise the SDK looks the address up, with retries for five minutes.
                    discovery_url=f"{self._config.workspace_url}/oidc/.well-known/"
                    "oauth-authorization-server",
                    retry_timeout_seconds=5,
                    http_timeout_seconds=10,
                )
            return self._sdk

    def _current_secret(self) -> str:
        if not self._config.client_secret_file:
            return self._config.client_secret
        try:
            return Path(self._config.client_secret_file).read_text().strip()
        except OSError:
            return self._config.client_secret


def _within(seconds: float, call: Callable[[], Result]) -> Result:
    """Return the call's result or raise one of our errors in time; the SDK may take minutes."""
    try:
        return run_within(seconds, call, "service-principal-token")
    except WarehouseError:
        raise
    except Exception as error:  # noqa: BLE001 - of requests, of the SDK, ValueError, TimeoutError
        raise _explained(error) from None


def _explained(error: Exception) -> WarehouseError:
    """Return our error, to be raised ``from None``, as the SDK's messages quote its
    configuration."""
    text = str(error)
    refusal = next((word for word in _REFUSALS if word in text), None)
    if refusal:
        return SignInFailed(f"the service principal was refused: {refusal}")
    return Unavailable(f"no token for the service principal ({type(error).__name__})")


# A registry, not a cache: one source per configuration, and a process has one configuration.
_sources: dict[WarehouseConfig, TokenSource] = {}


def source(config: WarehouseConfig) -> TokenSource:
    """Return this process's source of tokens. setdefault is atomic: no lock to copy in a fork."""
    return _sources.get(config) or _sources.setdefault(config, TokenSource(config))


# A forked child lacks the SDK's threads, and may inherit locks that nobody will release.
os.register_at_fork(after_in_child=_sources.clear)
