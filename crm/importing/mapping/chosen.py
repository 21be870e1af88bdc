"""A mapping: what a person chose about how to read a source; the rules decide the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

from crm.importing.cleaning import Conventions
from crm.importing.headings import LEFT_OUT


@dataclass(frozen=True)
class SheetMapping:
    """How one file or sheet is read.

    ``table``: a table's name, or LEFT_OUT. ``columns``: normal heading → column, LEFT_OUT, or
    what it means of another table (see headings). ``date_order``: one of dates.ORDERS, or
    LEFT_OUT to leave dates empty that allow several. ``zone``: of times that name none.
    ``encoding``: of a text file, as Python names it.
    """

    table: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    date_order: str = ""
    zone: str = ""
    encoding: str = ""

    @property
    def conventions(self) -> Conventions:
        order = "" if self.date_order == LEFT_OUT else self.date_order
        return Conventions(date_order=order, zone=ZoneInfo(self.zone or "UTC"))


@dataclass(frozen=True)
class SourceMapping:
    """How a source is read: ``everywhere``, and in single files and sheets (``sheets``).

    The keys of ``sheets`` are names as ``sheet_name`` makes them, or the name of a file or sheet
    alone.
    """

    everywhere: SheetMapping = SheetMapping()
    sheets: dict[str, SheetMapping] = field(default_factory=dict)

    def of(self, file: str, sheet: str = "") -> SheetMapping:
        """Return how a sheet is read: its own choices first, then those for everything."""
        name = self.key(file, sheet)
        own, all_ = self.sheets.get(name, SheetMapping()), self.everywhere
        return replace(
            own,
            columns=all_.columns | own.columns,
            date_order=own.date_order or all_.date_order,
            zone=own.zone or all_.zone,
            encoding=own.encoding or all_.encoding,
        )

    def key(self, file: str, sheet: str = "") -> str:
        """Return the key of ``sheets`` that names this sheet, or an empty text."""
        names = (sheet_name(file, sheet), file, sheet, PurePath(file).name)
        return next((name for name in names if name and name in self.sheets), "")

    def of_no_part(self, parts: Iterable[tuple[str, str]]) -> list[str]:
        """Return the keys of ``sheets`` that name none of the parts (file, sheet)."""
        used = {self.key(file, sheet) for file, sheet in parts}
        return [name for name in self.sheets if name not in used]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SourceMapping:
        """Return the mapping that ``dataclasses.asdict`` turned into ``values``."""
        sheets = {name: SheetMapping(**each) for name, each in values["sheets"].items()}
        return cls(SheetMapping(**values["everywhere"]), sheets)


def sheet_name(file: str, sheet: str) -> str:
    return f"{file}/{sheet}" if sheet else file


AS_GUESSED = SourceMapping()
