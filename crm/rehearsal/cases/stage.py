"""The scratch schema that the cases share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from crm.model.namespace import Namespace
from crm.rehearsal.observed import Observed
from crm.warehouse import Warehouse


@dataclass
class Stage:
    """``facts`` are what a case keeps for later ones, such as versions."""

    wh: Observed
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def namespace(self) -> Namespace:
        return self.wh.namespace

    @property
    def old(self) -> Warehouse:
        """The same schema with tables of the first version."""
        return self.wh.at(replace(self.namespace, prefix="old_"))

    @property
    def backups(self) -> Namespace:
        return Namespace(self.namespace.catalog, f"{self.namespace.schema}_backups")

    def unobserved(self) -> Warehouse:
        """Return the warehouse for what runs at the same moment as something else: the order of
        such statements is not the same each time."""
        return replace(self.wh, answers=[])


@dataclass(frozen=True)
class Case:
    """``run`` returns what came of it, in words that are the same each time.

    ``is_needed``: later cases cannot run without it. ``is_optional``: the CRM works without what
    it tries. ``varying``: the reads, by table and place as in a report, of which nobody can tell
    whether they run and how many rows they have; ``run`` compares what the CRM makes of them.
    """

    name: str
    run: Callable[[Stage], str]
    is_needed: bool = False
    is_optional: bool = False
    varying: Collection[str] = ()


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
