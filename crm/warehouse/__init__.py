"""The way to the warehouse: sign-in, connections, statements, errors.

It knows nothing of accounts, and nothing beyond it knows the connector.
"""

from __future__ import annotations

from django.conf import settings

from . import credentials
from .config import WarehouseConfig
from .pool import Pools
from .statements import Warehouse

__all__ = ["Warehouse", "dispose_all", "for_person", "for_user", "ping"]

_pools: dict[WarehouseConfig, Pools] = {}


def for_person(email: str) -> Warehouse:
    """The warehouse with the app's own rights, as settings WAREHOUSE and NAMESPACE say.

    Raises SignInAgain where each person has to bring a token (EDIP_AUTH=user).
    """
    return _warehouse(credentials.shared(settings.WAREHOUSE), email)


def for_user(email: str, token: str, expires_at: float) -> Warehouse:
    """The warehouse with the rights of the person whose token this is."""
    return _warehouse(credentials.UserToken(email, token, expires_at), email)


def _warehouse(identity: credentials.Identity, actor: str) -> Warehouse:
    return Warehouse(_pools_for(settings.WAREHOUSE), identity, settings.NAMESPACE, actor=actor)


def ping(warehouse: Warehouse) -> None:
    """One cheap statement: raises what keeps the warehouse from answering."""
    warehouse.query("SELECT 1 AS one")


def dispose_all() -> None:
    """Close this process's idle connections and forget their pools."""
    while _pools:
        _, pools = _pools.popitem()
        pools.dispose()


def _pools_for(config: WarehouseConfig) -> Pools:
    # setdefault is atomic, so no lock is needed that a fork could copy while it is held.
    return _pools.get(config) or _pools.setdefault(config, Pools(config))
