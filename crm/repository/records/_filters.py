"""The filters of a list as SQL conditions, and its facets: the values of filterable columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from crm.model.namespace import quoted
from crm.model.records import Facet, Listing
from crm.repository import _sql
from crm.repository._sql import Row

VALUES_PER_FILTER = 50


# GROUPING SETS count by each column at once. A row that the *other* filters leave out has NULL for
# a facet, and ``found`` is 1 for a row that passes all filters.
_PASSING = "(SELECT *, {condition} AS passes FROM {source}) AS f"
_COUNTS = """
  SELECT {columns}, COUNT(*) AS n
  FROM (SELECT {values} FROM {source} WHERE {search}) AS f
  GROUP BY GROUPING SETS ({sets})
"""


@dataclass(frozen=True)
class Conditions:
    """The filters of a listing, with their values bound: a JSON array for each filter.

    :param arrays: by filtered column, the array of its values as SQL.
    """

    arrays: Mapping[str, str]
    params: Mapping[str, str]
    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, listing: Listing, allowed: tuple[str, ...]) -> Conditions:
        arrays: dict[str, str] = {}
        params: dict[str, str] = {}
        chosen: dict[str, tuple[str, ...]] = {}
        for number, name in enumerate(allowed):
            if values := listing.filters.get(name, ())[:VALUES_PER_FILTER]:
                arrays[name], given = _sql.text_array(f"f{number}", values)
                params |= given
                chosen[name] = values
        return cls(arrays, params, chosen)

    def on_row(self, name: str) -> str:
        """Return a column's condition. The value ``''`` finds NULL, too."""
        return f"ARRAY_CONTAINS({self.arrays[name]}, COALESCE({quoted(name)}, ''))"

    def is_one_of(self, name: str) -> str:
        """Return a column's condition that NULL never passes; empty without a filter."""
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
    """Return the condition that a row passes all filters but that of the column ``without``."""
    parts = [
        conditions.on_row(name)
        for name in conditions.arrays
        if name != without and name not in joint.names
    ]
    if joint.condition and without not in joint.names:
        parts.append(joint.condition)
    return " AND ".join(parts) or "TRUE"


def counts_sql(
    names: tuple[str, ...], conditions: Conditions, joint: JointFilter, *, source: str, search: str
) -> str:
    """Return a SELECT of one of ``f0``, … (the facets of ``names``) or ``found``, and ``n``.

    ``source`` is the FROM item, with the joins that filters and facets need.
    """
    if joint.condition:
        # As a column: a subquery in it would run for each facet.
        source = _sql.fill(_PASSING, condition=joint.condition, source=source)
        joint = replace(joint, condition="passes")
    values = {"found": _if(condition_of(conditions, joint), "1")}
    for number, name in enumerate(names):
        # A joint facet applies its own filters itself.
        others = condition_of(conditions, joint, without=name)
        value = joint.values.get(name, quoted(name))
        values[f"f{number}"] = _if(others, f"COALESCE({value}, '')")
    return _sql.fill(
        _COUNTS,
        columns=", ".join(values),
        values=", ".join(f"{value} AS {name}" for name, value in values.items()),
        source=source,
        search=search,
        sets=", ".join(f"({name})" for name in values),
    )


def _if(condition: str, value: str) -> str:
    return value if condition == "TRUE" else f"CASE WHEN {condition} THEN {value} END"


def total_of(counts: list[Row]) -> int:
    """Return how many rows pass all filters."""
    return sum(row["n"] for row in counts if row["found"] is not None)


def by_name(
    names: tuple[str, ...], answer: Row, joint: JointFilter
) -> dict[str, tuple[Facet, ...]]:
    """Return each facet's values, the most frequent first."""
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    for row in answer["counts"]:
        for number, name in enumerate(names):
            if (value := row[f"f{number}"]) is not None:
                found[name][value] = row["n"]
    for name in joint.names:
        found[name] = joint.facets(name, found[name], answer)
    return {name: _sorted(counts) for name, counts in found.items()}


def _sorted(counts: Mapping[str, int]) -> tuple[Facet, ...]:
    facets = (Facet(value, n) for value, n in counts.items() if n)
    return tuple(sorted(facets, key=lambda facet: (-facet.count, facet.value.lower())))
