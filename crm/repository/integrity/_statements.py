"""The statements of checks and repairs, and the functions that make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from crm.model.namespace import Namespace, quoted
from crm.model.schema import Column, Table
from crm.repository import _sql


@dataclass(frozen=True)
class Statement:
    """A statement about one table. All checks run as one statement, so a parameter's name must
    have the same value wherever it is used.

    ``is_stamp``: it only stamps rows that the next statement deletes. ``writes``: the columns
    whose values the repair copies or corrects. ``reads``: further columns, by their table, whose
    values decide what it changes; for example, the keys of rows that it deletes. It does not run
    if one of these columns is masked. ``words`` turns the query's detail into the texts (detail,
    repair).
    """

    table: Table
    sql: str
    params: dict[str, str] = field(default_factory=dict)
    is_stamp: bool = False
    writes: tuple[str, ...] = ()
    reads: tuple[tuple[Table, str], ...] = ()
    words: Callable[[str], tuple[str, str]] | None = None

    def is_masked(self, masks: Mapping[str, frozenset[str]]) -> bool:
        """Return whether one of these masks, by table name, hides what the repair needs."""
        needed = [*((self.table, name) for name in self.writes), *self.reads]
        return any(name in masks.get(table.name, ()) for table, name in needed)


# Result rows have a key, a detail and a repair (NULL if there is none).
Find = Callable[[Namespace], Iterator[Statement]]
# A repair. Statements that write rows use :actor and :change_id.
Fix = Callable[[Namespace], Iterator[Statement]]


def render(namespace: Namespace, table: Table, template: str, **parts: str) -> str:
    return _sql.render(namespace, template, table=namespace.table(table), **parts)


def on_column(
    namespace: Namespace, table: Table, column: Column, template: str, **parts: str
) -> str:
    """Render a template that has the table's key and one column."""
    names = {"key": quoted(table.key), "column": quoted(column.name)}
    return render(namespace, table, template, **names, **parts)
