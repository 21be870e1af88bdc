"""A prepared statement that only reads."""

from __future__ import annotations

from dataclasses import dataclass

from local_warehouse.catalog.securables import Need
from local_warehouse.sql.template import Template


@dataclass(frozen=True)
class Query:
    """A prepared statement that only reads; ``is_repeatable`` as in ``result_cache``."""

    template: Template
    needs: tuple[Need, ...]
    is_repeatable: bool
