"""Open the warehouse that the settings name, as one person uses it."""

from __future__ import annotations

from django.conf import settings

from crm import warehouse
from crm.warehouse import Warehouse


def for_person(email: str) -> Warehouse:
    """Return the warehouse with the app's own rights.

    Raises SignInAgain where each person brings a token of their own (EDIP_AUTH=user).
    """
    return warehouse.open_shared(settings.WAREHOUSE, settings.NAMESPACE, email)


def for_user(email: str, token: str, expires_at: float) -> Warehouse:
    """Return the warehouse with the rights of the person who has this token."""
    return warehouse.open_user(settings.WAREHOUSE, settings.NAMESPACE, email, token, expires_at)
