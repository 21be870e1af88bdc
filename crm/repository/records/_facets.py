"""Count a list and its facets in one pass over the table.

GROUPING SETS count by each column at once. A row that the *other* filters leave out has NULL for
a facet, and ``found`` is 1 for a row that passes all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from crm.model.namespace import quoted
from crm.model.records import Facet
from crm.repository import _sql
from crm.repository._sql import Row

from ._filters import Conditions, JointFilter, condition_of

_COUNTS = """
  SELECT {columns}, COUNT(*) AS n
  FROM (SELECT {values} FROM {source} WHERE {search}) AS f
  GROUP BY GROUPING SETS ({sets})
"""


def counts_sql(
    names: tuple[str, ...], conditions: Conditions, joint: JointFilter, *, source: str, search: str
) -> str:
    """Return a SELECT of one of ``f0``, … (the facets of ``names``) or ``found``, and ``n``.

    ``source`` is the FROM item, with the joins that filters and facets need.
    """
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
