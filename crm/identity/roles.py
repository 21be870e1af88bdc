"""Texts for the status page: who may open the app, write and administer, by the settings."""

from __future__ import annotations

from django.conf import settings

from crm.warehouse.config import USER


def openers() -> str:
    if not settings.IN_DATABRICKS_APPS:
        return "whoever uses this machine"
    if settings.EDIP_OPEN_TO:
        # Somebody may have changed it in Databricks since.
        return f"members of the group {settings.EDIP_OPEN_TO}, as the bundle was deployed"
    return "whoever has CAN USE on the app"


def writers() -> str:
    if settings.WAREHOUSE.auth == USER:
        return "everybody with MODIFY on the tables"
    if settings.EDIP_EDITORS:
        return ", ".join(settings.EDIP_EDITORS)
    return "everybody who can open the app, since EDIP_EDITORS names nobody"


def administrators() -> str:
    if settings.EDIP_ADMINS:
        return ", ".join(settings.EDIP_ADMINS)
    return "everybody, since this is local mode" if settings.LOCAL else "nobody"


def everybody_may_write() -> bool:
    """Return whether other people use the app, and no setting says who may write."""
    return (
        settings.IN_DATABRICKS_APPS
        and settings.WAREHOUSE.auth != USER
        and not settings.EDIP_EDITORS
    )
