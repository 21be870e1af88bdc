"""The mapping step of an import: a panel for each file or sheet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from crm.forms import import_mapping as form
from crm.importing.dates import DAY_FIRST, MONTH_FIRST, YEAR_FIRST
from crm.importing.headings import LEFT_OUT
from crm.importing.jobs import mapping_step
from crm.importing.mapping.chosen import SheetMapping, SourceMapping, sheet_name
from crm.importing.mapping.survey import Heading, PartSurvey
from crm.model.schema import TABLE_BY_NAME

from ._wording import counted

Choices = list[tuple[str, str]]

_ORDERS = {
    DAY_FIRST: "Day first: 7/8/2026 is 7 August",
    MONTH_FIRST: "Month first: 7/8/2026 is 8 July",
    YEAR_FIRST: "Year first: 26/7/8 is 8 July 2026",
    LEFT_OUT: "Leave unclear dates empty",
}


@dataclass(frozen=True)
class Row:
    """A heading. ``id`` is part of its fields' names; ``note`` says which values the shown choice
    loses."""

    id: str
    heading: Heading
    column: str
    note: str


@dataclass(frozen=True)
class Panel:
    """A file or sheet. A question without ``choices`` needs no answer."""

    number: int
    title: str
    mapping: SheetMapping
    summary: str
    is_open: bool
    tables: Choices
    columns: Choices
    rows: list[Row] = field(default_factory=list)
    dates: Choices = field(default_factory=list)
    zones: Choices = field(default_factory=list)
    encodings: Choices = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReadAsKept:
    """A file or sheet that is read by the choices that ``who`` made earlier."""

    name: str
    who: str
    at: dt.datetime


def read_as_kept(parts: list[PartSurvey], actor: str) -> list[ReadAsKept]:
    return [
        ReadAsKept(
            sheet_name(part.file, part.sheet),
            "you" if part.kept_by == actor else part.kept_by or "somebody",
            dt.datetime.fromisoformat(part.kept_at),
        )
        for part in parts
        if part.kept_at
    ]


def panels(
    parts: list[PartSurvey], mapping: SourceMapping, opened: Mapping[str, bool], *, checked: bool
) -> list[Panel]:
    """Return the panels, with ``checked`` also their problems. ``opened`` says by part name
    whether the person left its panel open."""
    complete = [mapping_step.complete(part, mapping) for part in parts]
    some_known = any(each.table in TABLE_BY_NAME for each in complete)
    found = []
    for number, (part, each) in enumerate(zip(parts, complete, strict=True)):
        # Among recognized files, an unrecognized one may not belong to the import.
        shown = replace(each, table=LEFT_OUT) if some_known and not each.table else each
        panel = _panel(number, part, shown, checked)
        is_open = part.is_asked or len(parts) == 1
        is_open = bool(panel.problems) or opened.get(panel.title, is_open)
        found.append(replace(panel, is_open=is_open))
    return found


def _panel(number: int, part: PartSurvey, mapping: SheetMapping, checked: bool) -> Panel:
    table = TABLE_BY_NAME.get(mapping.table)
    rows = [
        _row(f"{number}-{place}", each, part, mapping) for place, each in enumerate(part.headings)
    ]
    problems = form.problems(part, mapping) if checked else []
    names = [part.guess] if part.is_fixed else list(TABLE_BY_NAME)
    return Panel(
        number,
        sheet_name(part.file, part.sheet),
        mapping,
        _summary(part, mapping, rows),
        is_open=False,
        tables=[
            *([] if mapping.table else [("", "Choose a table")]),
            *((name, TABLE_BY_NAME[name].plural.capitalize()) for name in names),
            (LEFT_OUT, "Leave out"),
        ],
        columns=form.column_choices(table) if table else [],
        rows=rows,
        dates=_date_choices(part, mapping) if table else [],
        zones=[(zone, zone) for zone in form.zones()] if part.needs_zone(mapping) else [],
        encodings=_encoding_choices(part, mapping),
        problems=problems,
    )


def _row(id: str, heading: Heading, part: PartSurvey, mapping: SheetMapping) -> Row:
    column = mapping.columns.get(heading.word, "")
    table = TABLE_BY_NAME.get(mapping.table)
    lost = heading.lost(table, column, mapping.date_order) if table else 0
    note = ""
    if lost:
        note = f"{lost:,} of {counted(heading.filled, 'value')} would be lost"
        if lost == heading.filled:
            note = f"{counted(lost, 'value')} would be lost"
    if note and not column:
        note = f"Not known: {note}"
    return Row(id, heading, column or LEFT_OUT, note)


def _summary(part: PartSurvey, mapping: SheetMapping, rows: list[Row]) -> str:
    size = counted(part.rows, "row")
    if mapping.table == LEFT_OUT:
        return f"{size}, left out"
    if mapping.table not in TABLE_BY_NAME:
        return f"{size}; no heading shows which table it is"
    left = sum(row.column == LEFT_OUT for row in rows)
    but = f", {counted(left, 'heading')} left out" if left else ""
    return f"{size}, read as {TABLE_BY_NAME[mapping.table].plural}{but}"


def _date_choices(part: PartSurvey, mapping: SheetMapping) -> Choices:
    """Return the possible orders of day, month and year; none if no date raises the question."""
    table = TABLE_BY_NAME[mapping.table]
    names = {column.name for column in table.columns if column.type != "STRING"}
    of_dates = [each for each in part.headings if mapping.columns.get(each.word) in names]
    if part.needs_order(mapping):
        first = ("", "Choose the order") if not mapping.date_order else None
    elif any(each.unclear or each.orders for each in of_dates):
        first = ("", _shown_order(of_dates))
    else:
        return []
    return [*([first] if first else []), *_ORDERS.items()]


def _shown_order(of_dates: list[Heading]) -> str:
    orders = {order for each in of_dates for order in each.orders}
    if len(orders) > 1:
        return "As the other dates of each column show"
    words = {DAY_FIRST: "day", MONTH_FIRST: "month", YEAR_FIRST: "year"}
    return f"As the other dates show: {words[orders.pop()]} first"


def _encoding_choices(part: PartSurvey, mapping: SheetMapping) -> Choices:
    # The survey has the encoding with which the file was read: the chosen one, if any.
    if not (part.encoding or mapping.encoding) or mapping.table == LEFT_OUT:
        return []
    own = {part.encoding: part.encoding.upper()} if part.encoding else {}
    known = own | form.ENCODINGS
    labels = {name: _with_words(part, name, label) for name, label in known.items()}
    if mapping.encoding:
        return [("", "As the file suggests"), *labels.items()]
    labels.pop(part.encoding)
    found = "as it seems" if part.is_unsure else "as the file suggests"
    found = _with_words(part, part.encoding, f"{known[part.encoding]}, {found}")
    return [("", found), *labels.items()]


def _with_words(part: PartSurvey, encoding: str, label: str) -> str:
    """Put some words of the file, decoded with this encoding, before the label if that works."""
    try:
        words = [word.encode("latin-1").decode(encoding) for word in part.words]
    except UnicodeError:
        return label
    return f"{', '.join(words)} — {label}" if words else label
