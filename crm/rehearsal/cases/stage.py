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
    """The schema and its warehouse. ``facts`` has results for later cases, such as versions."""

    wh: Observed
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def namespace(self) -> Namespace:
        return self.wh.namespace

    @property
    def old(self) -> Warehouse:
        """The warehouse with the tables of the first version, in the same schema."""
        return self.wh.at(replace(self.namespace, prefix="old_"))

    @property
    def backups(self) -> Namespace:
        return Namespace(self.namespace.catalog, f"{self.namespace.schema}_backups")

    def unobserved(self) -> Warehouse:
        """Return a warehouse without recording, for simultaneous statements, whose order
        varies."""
        return replace(self.wh, answers=[])


@dataclass(frozen=True)
class Case:
    """A case. ``run`` returns its result as a text that is the same each time.

    ``is_needed``: later cases cannot run without it. ``is_optional``: the CRM works without the
    tried feature. ``varying``: reads, by table and place as in a report, for which it varies
    whether they run and how many rows they return; ``run`` compares the CRM's result instead.
    """

    name: str
    run: Callable[[Stage], str]
    is_needed: bool = False
    is_optional: bool = False
    varying: Collection[str] = ()


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
