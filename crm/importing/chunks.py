"""Groups of rows, each as large as one statement takes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from crm.model.schema import AUDIT_NAMES, Table
from crm.repository.transfer import upsert

from .findings import Place
from .rows import CleanRow


@dataclass
class Chunk:
    """Parallel lists: each row's place, values, filled columns, and JSON text.

    ``filled`` are the columns that the file has a value for, even an empty one. ``size`` is the
    length of all texts in bytes. ``unclear`` are the numbers of rows that may mean stored rows or
    be new; see matching. ``similar`` are those of new accounts whose keys nearly equal others.
    """

    places: list[Place] = field(default_factory=list)
    rows: list[CleanRow] = field(default_factory=list)
    filled: list[frozenset[str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    size: int = 0
    unclear: set[int] = field(default_factory=set)
    similar: set[int] = field(default_factory=set)

    def set_values(self, table: Table, n: int, values: Mapping[str, str | None]) -> None:
        """Give row ``n`` other values in these columns."""
        self.rows[n].update(values)
        cells = json.loads(self.texts[n])
        for name, value in values.items():
            cells[table.names.index(name)] = value
        self.texts[n] = _compact(cells)

    def leave_out(self, table: Table, n: int, names: Collection[str]) -> None:
        """Treat these columns as if the file had no value for them in row ``n``."""
        self.filled[n] -= set(names)
        cells = json.loads(self.texts[n])
        marks = zip(table.names, cells[-1], strict=True)
        cells[-1] = "".join("0" if name in names else mark for name, mark in marks)
        self.texts[n] = _compact(cells)

    def seen(self, n: int, version: str) -> str:
        """Return the text of row ``n`` with the version that it was compared with, if any."""
        return f"{self.texts[n][:-1]},{json.dumps(version or None)}]"


def chunks(
    table: Table,
    rows: Iterable[tuple[Place, CleanRow, frozenset[str]]],
    *,
    max_rows: int,
    max_bytes: int,
    keep_audit: bool,
) -> Iterator[Chunk]:
    """Group rows. With ``keep_audit`` the audit columns keep the file's values, nulls included.
    Without it, a missing time becomes now, and a missing author the person who imports."""
    chunk = Chunk()
    for place, row, filled in rows:
        text = _json_text(table, row, filled if keep_audit else filled - AUDIT_NAMES)
        length = len(text.encode()) + 1
        if chunk.rows and (chunk.size + length > max_bytes or len(chunk.rows) == max_rows):
            yield chunk
            chunk = Chunk()
        chunk.places.append(place)
        chunk.rows.append(row)
        chunk.filled.append(filled)
        chunk.texts.append(text)
        chunk.size += length
    if chunk.rows:
        yield chunk


def read_ahead(
    chunks: Iterator[tuple[Table, Chunk]], most: int
) -> tuple[list[tuple[Table, Chunk]], bool]:
    """Read chunks until they have more than ``most`` bytes.

    Returns them, and whether they are all there are.
    """
    found: list[tuple[Table, Chunk]] = []
    size = 0
    for table, chunk in chunks:
        found.append((table, chunk))
        size += chunk.size
        if size > most:
            return found, False
    return found, True


def json_array(texts: Iterable[str]) -> str:
    return f"[{','.join(texts)}]"


def _json_text(table: Table, row: CleanRow, filled: Collection[str]) -> str:
    """The row's values in the order of the table's columns, then the names of those filled."""
    values = [row[name] for name in table.names]
    cells = [*values, upsert.presence(table, filled)]
    return _compact(cells)


def _compact(cells: list[str | None]) -> str:
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
