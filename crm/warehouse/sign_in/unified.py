"""Sign in like the Databricks CLI, for commands and jobs. databricks-sdk chooses the method.

It may be a profile, the OAuth login of the CLI, the Azure CLI, or the rights of the running job
(https://docs.databricks.com/dev-tools/auth/unified-auth).
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from crm.warehouse.config import WarehouseConfig
from crm.warehouse.deadline import limit, run_within
from crm.warehouse.errors import SignInFailed, Unavailable, WarehouseError

from .service_principal import load_sdk

if TYPE_CHECKING:
    from databricks.sdk.core import Config

# Seconds for which a command waits for a token, since the SDK may have to start another CLI.
DEADLINE = 30.0


class UnifiedSignIn:
    """The SDK's configuration of one sign-in. Threads share it."""

    def __init__(self, config: WarehouseConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._sdk: Config | None = None

    def headers(self) -> dict[str, str]:
        """Return the current Authorization header. Raises SignInFailed or Unavailable."""
        try:
            return run_within(limit(DEADLINE), lambda: self._ready().authenticate(), "unified")
        except WarehouseError:
            raise
        except TimeoutError:
            raise Unavailable("the sign-in of the Databricks CLI does not answer") from None
        except Exception as error:  # noqa: BLE001 - of the SDK, the CLIs and requests
            # The SDK's messages quote its configuration.
            raise SignInFailed(
                f"no sign-in of the Databricks CLI was found ({type(error).__name__}): "
                "run “databricks auth login”, or name a profile with DATABRICKS_CONFIG_PROFILE"
            ) from None

    def forget(self) -> None:
        """Sign in again at the next call, because the warehouse refused this token."""
        with self._lock:
            self._sdk = None

    def _ready(self) -> Config:
        with self._lock:
            if self._sdk is None:
                self._sdk = load_sdk()(
                    host=self._config.workspace_url,
                    profile=self._config.profile or None,
                    retry_timeout_seconds=5,
                    http_timeout_seconds=10,
                )
            return self._sdk


_sign_ins: dict[WarehouseConfig, UnifiedSignIn] = {}


def sign_in(config: WarehouseConfig) -> UnifiedSignIn:
    """Return this process's sign-in."""
    return _sign_ins.get(config) or _sign_ins.setdefault(config, UnifiedSignIn(config))


# A forked child lacks the SDK's threads, and may inherit locks that nobody will release.
os.register_at_fork(after_in_child=_sign_ins.clear)
