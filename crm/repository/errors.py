"""What the repository refuses. Problems of the warehouse itself are crm.warehouse.errors.

::

    RepositoryError
      AlreadyExists   the key is taken
      Missing         the row, or the account that it belongs to, is gone
      Stale           somebody else changed the row since it was read

    WarehouseError
      NewerSchema     a later version of the CRM has changed the tables
      NoSuchMoment    the tables cannot be read as of a moment
        BeforeTheTables, BeyondRetention, NotYet, Protected
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from crm.warehouse.errors import WarehouseError


class RepositoryError(Exception):
    pass


class AlreadyExists(RepositoryError):
    def __init__(self, key: str) -> None:
        super().__init__(f"{key!r} exists already")
        self.key = key


class Missing(RepositoryError):
    def __init__(self, key: str) -> None:
        super().__init__(f"{key!r} does not exist")
        self.key = key


class Stale(RepositoryError):
    """``current`` is the row as it is now, for showing beside what was to be saved."""

    def __init__(self, current: Any) -> None:
        super().__init__("somebody else changed this in the meantime")
        self.current = current


class NewerSchema(WarehouseError):
    summary = "The tables are of a later version than this CRM knows; nothing was written"


class NoSuchMoment(WarehouseError):
    """``earliest`` is the first moment as of which everything can be read, where it is known."""

    def __init__(self, earliest: dt.datetime | None = None) -> None:
        super().__init__(f"readable from {earliest:%Y-%m-%d %H:%M:%S} UTC" if earliest else "")
        self.earliest = earliest


class BeforeTheTables(NoSuchMoment):
    summary = "The tables did not exist yet"


class BeyondRetention(NoSuchMoment):
    summary = "The warehouse does not keep versions that old"


class NotYet(NoSuchMoment):
    summary = "This moment has not come yet"


class Protected(NoSuchMoment):
    summary = "Tables with row filters or column masks cannot be read as of the past"
