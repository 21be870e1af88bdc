"""The filters of a list as SQL conditions, and its facets: the values of filterable columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from crm.model.namespace import Namespace, quoted
from crm.model.records import Listing
from crm.repository import _sql

VALUES_PER_FILTER = 50

# One pass counts the values of several columns.
_FACETS = """
  SELECT name, COALESCE(value, '') AS value, COUNT(*) AS n
  FROM (SELECT STACK({columns}) AS (name, value) FROM found WHERE {others}) AS s
  GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Conditions:
    """The filters of a listing, with their values bound: a JSON array for each filter.

    :param arrays: by filtered column, the array of its values as SQL.
    """

    arrays: Mapping[str, str]
    params: Mapping[str, str]

    @classmethod
    def of(cls, listing: Listing, allowed: tuple[str, ...]) -> Conditions:
        arrays: dict[str, str] = {}
        params: dict[str, str] = {}
        for number, name in enumerate(allowed):
            if values := listing.filters.get(name, ())[:VALUES_PER_FILTER]:
                arrays[name], given = _sql.text_array(f"f{number}", values)
                params |= given
        return cls(arrays, params)

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

    :param facets: returns a SELECT of name, value and n, given the conditions on the row.
    """

    names: tuple[str, ...] = ()
    condition: str = ""
    facets: Callable[[str], str] = lambda others: ""


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


def facets_sql(
    namespace: Namespace, names: Iterable[str], conditions: Conditions, joint: JointFilter
) -> str:
    """Return a SELECT of name, value and n: how often each value of these columns is found.

    Columns without a filter share one pass; each column with a filter has its own.
    """
    by_condition: dict[str, list[str]] = {}
    for name in names:
        if name not in joint.names:
            others = condition_of(conditions, joint, without=name)
            by_condition.setdefault(others, []).append(name)
    selects = [
        _sql.render(namespace, _FACETS, columns=_stacked(names), others=others)
        for others, names in by_condition.items()
    ]
    selects.append(joint.facets(condition_of(conditions, JointFilter(joint.names))))
    return "UNION ALL".join(filter(None, selects))


def _stacked(names: list[str]) -> str:
    pairs = (f"{_sql.literal(name)}, {quoted(name)}" for name in names)
    return ", ".join([str(len(names)), *pairs])
