"""The person who sends a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from crm.model.schema import Table


class Rights(Protocol):
    """The rights of a person. Each method may run a statement, so it may raise WarehouseError."""

    def may_write(self) -> bool: ...

    def may_follow(self) -> bool: ...

    def masks(self) -> Mapping[str, frozenset[str]]:
        """Return the columns that a policy masks, by table name."""

    def filters(self) -> frozenset[str]:
        """Return the names of the tables that have a row filter."""


@dataclass(frozen=True)
class FixedRights:
    """Rights that the settings give."""

    writes: bool

    def may_write(self) -> bool:
        return self.writes

    def may_follow(self) -> bool:
        return True

    def masks(self) -> Mapping[str, frozenset[str]]:
        return {}

    def filters(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class PastRights:
    """Rights on pages of the past: the person may read what they may read today."""

    today: Rights

    def may_write(self) -> bool:
        return False

    def may_follow(self) -> bool:
        return False

    def masks(self) -> Mapping[str, frozenset[str]]:
        return self.today.masks()

    def filters(self) -> frozenset[str]:
        return self.today.filters()


@dataclass(frozen=True)
class Person:
    """A person. ``email`` is empty where nobody is signed in; ``str()`` returns the e-mail."""

    email: str = ""
    is_admin: bool = False
    rights: Rights = field(default=FixedRights(writes=False), repr=False, compare=False)

    def __str__(self) -> str:
        return self.email

    @property
    def name(self) -> str:
        """Return the person's name as the e-mail spells it: ``Dana Smith`` of ``dana.smith@…``."""
        words = re.split(r"[._+]+", self.email.partition("@")[0])
        return " ".join(word[:1].upper() + word[1:] for word in words if word)

    @property
    def may_write(self) -> bool:
        return self.rights.may_write()

    @property
    def may_follow(self) -> bool:
        """Return whether the person may follow accounts, which does not change an account."""
        return self.rights.may_follow()

    def masked(self, table: Table) -> frozenset[str]:
        """Return the table's columns that a policy may mask for this person."""
        return self.rights.masks().get(table.name, frozenset())

    def is_filtered(self, table: Table) -> bool:
        """Return whether a row filter may hide rows of the table from this person."""
        return table.name in self.rights.filters()
