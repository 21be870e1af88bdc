"""The filters of a list as SQL conditions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crm.model.namespace import quoted
from crm.model.records import NEVER, Listing
from crm.repository import _sql
from crm.repository._sql import Row

VALUES_PER_FILTER = 50


@dataclass(frozen=True)
class DateFilter:
    """A filter by a day or a moment.

    :param condition: the template of the condition with ``{limit}``; empty if a joint filter makes
        the condition.
    :param type: the SQL type of the limit.
    :param never: the condition for ``NEVER``; without one, NEVER filters nothing.
    """

    condition: str = ""
    type: str = "DATE"
    never: str = ""

    def limit(self, parameter: str) -> str:
        return f"CAST(:{parameter} AS {self.type})"


CREATED = {
    "created-since": DateFilter("f.created_at >= {limit}", "TIMESTAMP"),
    "created-before": DateFilter("f.created_at < {limit}", "TIMESTAMP"),
}
# The last change of a row.
CHANGED = {
    "changed-since": DateFilter("f.updated_at >= {limit}", "TIMESTAMP"),
    "changed-before": DateFilter("f.updated_at < {limit}", "TIMESTAMP"),
}


@dataclass(frozen=True)
class Conditions:
    """The filters of a listing, with their values bound: a JSON array for each filter.

    :param arrays: by filtered column, the array of its values as SQL.
    :param limits: by date filter, its limit as SQL.
    :param dates: by date filter, its condition; those of joint filters are empty.
    """

    arrays: Mapping[str, str]
    params: Mapping[str, str | dt.date]
    values: Mapping[str, tuple[str, ...]]
    limits: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        listing: Listing,
        allowed: tuple[str, ...],
        dates: Mapping[str, DateFilter],
        prefix: str = "",
    ) -> Conditions:
        """Return the filters' conditions; the names of their parameters begin with ``prefix``."""
        arrays: dict[str, str] = {}
        params: dict[str, str | dt.date] = {}
        chosen: dict[str, tuple[str, ...]] = {}
        for number, name in enumerate(allowed):
            if values := listing.filters.get(name, ())[:VALUES_PER_FILTER]:
                arrays[name], given = _sql.text_array(f"{prefix}f{number}", values)
                params |= given
                chosen[name] = values
        limits: dict[str, str] = {}
        conditions: dict[str, str] = {}
        for number, (name, by) in enumerate(dates.items()):
            day = listing.dates.get(name)
            if day == NEVER and by.never:
                conditions[name] = by.never
            elif day is not None and day != NEVER:
                params[f"{prefix}d{number}"] = day
                limits[name] = by.limit(f"{prefix}d{number}")
                conditions[name] = _sql.fill(by.condition, limit=limits[name])
        return cls(arrays, params, chosen, limits, conditions)

    def on_row(self, name: str) -> str:
        """Return a column's condition. The value ``''`` also finds NULL."""
        return f"ARRAY_CONTAINS({self.arrays[name]}, COALESCE({quoted(name)}, ''))"

    def is_one_of(self, name: str) -> str:
        """Return a column's condition, which NULL never passes; empty without a filter."""
        if name not in self.arrays:
            return ""
        return f"ARRAY_CONTAINS({self.arrays[name]}, {quoted(name)})"


@dataclass(frozen=True)
class JointFilter:
    """The filters of several columns as one condition that is not on the row itself.

    :param condition: the condition, on a row with ``filter_join``; empty if none of them applies.
    :param values: by column, the SQL of a row's value for its facet, on a row with ``facet_join``.
        Rows with equal values are counted together.
    :param facets: returns a facet's counts by value: of its column, how many rows have each of
        ``values``, and the statement's answer, which has the columns of ``more``.
    """

    names: tuple[str, ...] = ()
    condition: str = ""
    filter_join: str = ""
    facet_join: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    more: str = ""
    facets: Callable[[str, Mapping[str, int], Row], dict[str, int]] = lambda name, found, row: {}


def condition_of(conditions: Conditions, joint: JointFilter, without: str = "") -> str:
    """Return the condition that a row passes all filters except that of the column ``without``."""
    parts = [
        conditions.on_row(name)
        for name in conditions.arrays
        if name != without and name not in joint.names
    ]
    parts += filter(None, conditions.dates.values())
    if joint.condition and without not in joint.names:
        parts.append(joint.condition)
    return " AND ".join(parts) or "TRUE"
