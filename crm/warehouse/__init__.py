"""The layer between the repository and the connector: sign-in, connections, statements, errors.

It knows nothing about accounts, and no code outside it imports the connector.
"""

from __future__ import annotations

from importlib import import_module

from crm.model.namespace import Namespace

from . import credentials
from .config import WarehouseConfig
from .pool import Pools
from .sign_in import service_principal
from .statements import Warehouse
from .transport import has_passed, now

__all__ = [
    "Warehouse",
    "dispose_all",
    "gauges",
    "has_passed",
    "load_connector",
    "load_sign_in",
    "now",
    "open_shared",
    "open_user",
]

# A registry, not a cache: it owns open connections. A process has one configuration.
_pools: dict[WarehouseConfig, Pools] = {}


def load_sign_in(config: WarehouseConfig) -> None:
    """Import the modules of the sign-in when a process starts, so that no request waits for
    that."""
    if config.client_secret:
        service_principal.load_sdk()


def load_connector() -> None:
    """Import the modules that the connector imports at its first connection: 0.1 s of CPU."""
    import_module("databricks.sql.backend.thrift_backend")


def open_shared(config: WarehouseConfig, namespace: Namespace, email: str) -> Warehouse:
    """Return the warehouse for ``email``, with the app's own rights.

    Raises SignInAgain if each person needs their own token (EDIP_AUTH=user).
    """
    return Warehouse(_pools_for(config), credentials.shared(config), namespace, actor=email)


def open_user(
    config: WarehouseConfig, namespace: Namespace, email: str, token: str, expires_at: float
) -> Warehouse:
    """Return the warehouse with the rights of the person whose token this is.

    ``expires_at`` is in seconds since 1970.
    """
    identity, app = credentials.UserToken(email, token, expires_at), credentials.app(config)
    return Warehouse(_pools_for(config), identity, namespace, actor=email, app=app)


def dispose_all() -> None:
    """Close this process's idle connections and forget their pools."""
    while _pools:
        _, pools = _pools.popitem()
        pools.dispose()


def gauges() -> dict[str, float]:
    """Return the state of this process's pools, for /metrics."""
    pools = [each for pools in list(_pools.values()) for each in pools.with_bulk()]
    return {
        "edip_connections_open": sum(each.open for each in pools),
        "edip_breaker_open": float(any(each.breaker.is_open for each in pools)),
    }


def _pools_for(config: WarehouseConfig) -> Pools:
    # setdefault is atomic. A lock could be copied by a fork while another thread holds it.
    return _pools.get(config) or _pools.setdefault(config, Pools(config))
