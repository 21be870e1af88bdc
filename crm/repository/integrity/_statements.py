"""The statements of checks and repairs, and the functions that make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from crm.model.namespace import Namespace, quoted
from crm.model.schema import Column, Table
from crm.repository import _sql


@dataclass(frozen=True)
class Statement:
    """A statement about one table. All checks run as one statement, so a parameter's name must
    have the same value wherever it is used.

    ``is_stamp``: it only stamps rows that the next statement deletes. ``writes``: the columns that
    a repair writes again as it reads or finds them; it does not run if one of them is masked.
    ``words`` returns detail and repair for what the query returns as detail.
    """

    table: Table
    sql: str
    params: dict[str, str] = field(default_factory=dict)
    is_stamp: bool = False
    writes: tuple[str, ...] = ()
    words: Callable[[str], tuple[str, str]] | None = None


# Rows of what is found have a key, a detail and, where there is one, a repair (else NULL).
Find = Callable[[Namespace], Iterator[Statement]]
# A repair. Its statements use :actor and :change_id where they write rows.
Fix = Callable[[Namespace], Iterator[Statement]]


def render(namespace: Namespace, table: Table, template: str, **parts: str) -> str:
    return _sql.render(namespace, template, table=namespace.table(table), **parts)


def on_column(
    namespace: Namespace, table: Table, column: Column, template: str, **parts: str
) -> str:
    """Render a template that has the table's key and one column."""
    names = {"key": quoted(table.key), "column": quoted(column.name)}
    return render(namespace, table, template, **names, **parts)
