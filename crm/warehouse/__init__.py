"""The way to the warehouse: sign-in, connections, statements, errors.

This package knows nothing of accounts, and nothing outside it knows the connector.
"""

from __future__ import annotations

from crm.model.namespace import Namespace

from . import credentials
from .config import WarehouseConfig
from .pool import Pools
from .statements import Warehouse

__all__ = ["Warehouse", "dispose_all", "open_shared", "open_user"]

_pools: dict[WarehouseConfig, Pools] = {}


def open_shared(config: WarehouseConfig, namespace: Namespace, email: str) -> Warehouse:
    """Return the warehouse as ``email`` uses it, with the app's own rights.

    Raises SignInAgain where each person has to bring a token (EDIP_AUTH=user).
    """
    return Warehouse(_pools_for(config), credentials.shared(config), namespace, actor=email)


def open_user(
    config: WarehouseConfig, namespace: Namespace, email: str, token: str, expires_at: float
) -> Warehouse:
    """Return the warehouse with the rights of the person whose token this is.

    ``expires_at`` is in seconds since 1970.
    """
    identity = credentials.UserToken(email, token, expires_at)
    return Warehouse(_pools_for(config), identity, namespace, actor=email)


def dispose_all() -> None:
    """Close this process's idle connections and forget their pools."""
    while _pools:
        _, pools = _pools.popitem()
        pools.dispose()


def _pools_for(config: WarehouseConfig) -> Pools:
    # setdefault is atomic, so no lock is needed that a fork could copy while it is held.
    return _pools.get(config) or _pools.setdefault(config, Pools(config))
