"""The person of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from crm.model.schema import Table


class Rights(Protocol):
    """What a person may do. May ask the warehouse, and so raise its errors."""

    def may_write(self) -> bool: ...

    def masks(self) -> Mapping[str, frozenset[str]]:
        """Columns that a policy masks, by table name."""


@dataclass(frozen=True)
class Fixed:
    """Rights that settings give."""

    writes: bool

    def may_write(self) -> bool:
        return self.writes

    def masks(self) -> Mapping[str, frozenset[str]]:
        return {}


@dataclass(frozen=True)
class InThePast:
    """A person's rights on pages that show the past: to read what they may read today."""

    today: Rights

    def may_write(self) -> bool:
        return False

    def masks(self) -> Mapping[str, frozenset[str]]:
        return self.today.masks()


@dataclass(frozen=True)
class Person:
    """Who acts. ``email`` is empty where nobody is signed in; ``str()`` is the e-mail."""

    email: str = ""
    is_admin: bool = False
    rights: Rights = field(default=Fixed(writes=False), repr=False, compare=False)

    def __str__(self) -> str:
        return self.email

    @property
    def may_write(self) -> bool:
        return self.rights.may_write()

    def masked(self, table: Table) -> frozenset[str]:
        """The table's columns whose values this person sees masked, or may."""
        return self.rights.masks().get(table.name, frozenset())
