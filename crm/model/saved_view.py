"""A list's settings under a name."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class SavedView:
    """A saved view.

    :param person: its owner, by e-mail.
    :param list_name: the name of the table that it lists.
    :param query: the settings as the query of the list's URL; readers must validate them.
    :param is_default: whether it is the reading person's default view.
    """

    id: str
    person: str
    list_name: str
    name: str
    query: str = ""
    is_shared: bool = False
    updated_at: dt.datetime | None = None
    updated_by: str = ""
    is_default: bool = False

    def is_visible_to(self, person: str) -> bool:
        return self.is_shared or self.person == person
