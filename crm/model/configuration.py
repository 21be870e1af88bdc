"""The settings that the model and the repository read.

Neither imports Django; ``crm/apps.py`` passes them Django's settings when the application starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast


class Configuration(Protocol):
    """Settings with their names in ``edip/settings.py``.

    ``EDIP_HISTORY_DAYS`` is how many days Delta keeps the tables' history.
    """

    EDIP_PLATFORMS: Sequence[str]
    EDIP_ONBOARDING_STATUSES: Sequence[str]
    EDIP_USE_CASE_STATUSES: Sequence[str]
    EDIP_ENABLEMENT_TIERS: Sequence[str]
    EDIP_HISTORY_DAYS: int


_configuration: Configuration | None = None


def use(configuration: object) -> None:
    """Read the settings from this object's attributes from now on; each use reads them again."""
    global _configuration
    _configuration = cast(Configuration, configuration)


def current() -> Configuration:
    """Return the settings. Raises RuntimeError if ``use`` was not called yet."""
    if _configuration is None:
        raise RuntimeError("crm.model.configuration.use() was not called yet.")
    return _configuration
