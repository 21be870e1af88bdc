"""The parts of a source: what can be imported, or left out, for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crm.model.schema import Table

from .raw_rows import Sheet
from .readers import file_kind
from .readers.encoding import Encoding


@dataclass(frozen=True)
class Part:
    """A file, a sheet, or a table within a JSON file, whether or not it is imported.

    ``name``: of the sheet or table; empty for a whole file. ``kind``: one of file_kind.
    ``as_table``: returns the rows, read as a table. ``table``: what it is read as, or None.
    ``guess``: what it looks like. ``is_fixed``: the file says which table it is. ``encoding``: of
    a text file; ``delimiter`` returns that of a CSV file.
    """

    file: str
    name: str
    kind: str
    as_table: Callable[[Table], Sheet]
    table: Table | None = None
    guess: Table | None = None
    is_fixed: bool = False
    encoding: Encoding | None = None
    delimiter: Callable[[], str] = lambda: ","

    @property
    def is_json(self) -> bool:
        return self.kind == file_kind.JSON
