"""Functions that render a chart's columns, one for each week: see crm/fragments.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Protocol

from django.utils.safestring import SafeString, mark_safe

from crm.fragments import day, day_of_month, filled

_UNKNOWN = (
    '<rect class="column-unknown" x="{}" y="0" width="8" height="100">'
    "<title>{}: not known</title></rect>\n"
)
_COLUMN = (
    '<rect class="bar-plain" x="{}" y="{}" width="8" height="{}"><title>{}: {}</title></rect>\n'
)
_ROW = '<tr><th scope="row">{}</th><td class="number">{}</td></tr>\n'


class Column(Protocol):
    """A week's figure (crm/views/_charts.py)."""

    @property
    def week(self) -> dt.date: ...

    @property
    def count(self) -> int | None: ...

    @property
    def height(self) -> float: ...

    @property
    def left(self) -> int: ...

    @property
    def top(self) -> float: ...

    @property
    def url(self) -> str: ...


def week_columns(columns: Iterable[Column]) -> SafeString:
    """Return the columns of the chart; a week without anything has none."""
    return mark_safe("".join(map(_column, columns)))


def _column(column: Column) -> str:
    name = day_of_month(column.week)
    if column.count is None:
        return filled(_UNKNOWN, column.left, name)
    if not column.count:
        return ""
    return filled(_COLUMN, column.left, column.top, column.height, name, column.count)


def week_rows(columns: Iterable[Column]) -> SafeString:
    """Return the rows of the table that has the same numbers."""
    return mark_safe("".join(filled(_ROW, day(each.week), _number(each)) for each in columns))


def _number(column: Column) -> str | int:
    if column.url:
        return filled('<a href="{}">{}</a>', column.url, column.count)
    return "not known" if column.count is None else column.count


TAGS = (week_columns, week_rows)
