"""What lies at a path, and the parts of it that can be imported or left out for themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from crm.model.schema import Table

from .raw_rows import Remark, Sheet
from .readers import file_kind
from .readers.encoding import Encoding


@dataclass(frozen=True)
class Part:
    """A file, a sheet, or a table within a JSON file, whether or not it is imported.

    ``name``: of the sheet or table; empty for a whole file. ``kind``: one of file_kind.
    ``as_table``: returns the rows, read as a table. ``table``: what it is read as, or None.
    ``guess``: what it looks like. ``is_fixed``: the file says which table it is. ``is_own``: this
    app exported it. ``encoding``: of a text file; ``delimiter`` returns that of a CSV file.
    ``headings``: as far as they are known.
    """

    file: str
    name: str
    kind: str
    as_table: Callable[[Table], Sheet]
    table: Table | None = None
    guess: Table | None = None
    is_fixed: bool = False
    is_own: bool = False
    encoding: Encoding | None = None
    delimiter: Callable[[], str] = lambda: ","
    headings: tuple[str, ...] = ()

    @property
    def is_json(self) -> bool:
        return self.kind == file_kind.JSON


@dataclass
class Source:
    """Everything at a path that can be imported.

    ``it_partners`` maps business area to IT partner; ``ignored`` lists (file, reason) of what is
    not imported; ``remarks`` are (file, remark) about files as a whole; ``parts`` are all places
    with rows; ``lost`` are those that hold none of our tables (see Findings).
    """

    sheets: list[Sheet] = field(default_factory=list)
    it_partners: dict[str, str] = field(default_factory=dict)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[tuple[str, Remark]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    lost: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, table: Table) -> list[Sheet]:
        """Return the sheets of a table, those last that only add to what others have."""
        found = [sheet for sheet in self.sheets if sheet.table is table]
        return sorted(found, key=lambda sheet: sheet.is_derived or sheet.is_partners)
