"""The rows that a commit removed, and those that it added.

They come from the data files that the commit removed and added: a row in both was only moved. A
commit never changes, so small results are kept: concurrent writers and the change data feed ask
for the same commits.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table
from local_warehouse.delta import log
from local_warehouse.delta.log import CommitInfo

from .row_images import difference

_KEPT = 512  # commits
_ROWS = 2000  # results with more rows are not kept


@dataclass(frozen=True)
class RowDifference:
    """The rows that one commit removed and added; ``info`` is its ``commitInfo``."""

    removed: pa.Table
    added: pa.Table
    info: CommitInfo

    @property
    def cannot_conflict(self) -> bool:
        """Whether the commit conflicts with no write that began before it."""
        return bool(self.info.get("isBlindAppend")) or self.info.get("operation") == "OPTIMIZE"


class RowDifferences:
    """The row differences of all tables' commits. Safe to use from many threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int, Hashable], RowDifference] = OrderedDict()
        self._schemas: dict[str, tuple[Hashable, pa.Schema]] = {}

    def of(self, table: Table, version: int) -> RowDifference:
        """Return the rows that one commit removed and added.

        Raises FileNotFoundError if the commit, or a file that it names, is gone.
        """
        key = (table.id, version, row_shape(table))
        with self._lock:
            if (known := self._known.get(key)) is not None:
                return known
        found = self._compute(table, version)
        if found.removed.num_rows + found.added.num_rows <= _ROWS:
            with self._lock:
                self._known[key] = found
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return found

    def between(self, table: Table, seen: int, now: int) -> pa.Table:
        """Return the rows that are in only one of two versions.

        Returns none if no commit in between can conflict with a write that saw the first version.
        Raises FileNotFoundError if files that this needs are gone.
        """
        steps = [self.of(table, version) for version in range(seen + 1, now + 1)]
        if all(step.cannot_conflict for step in steps):
            return self.schema(table).empty_table()
        removed = pa.concat_tables([step.removed for step in steps])
        added = pa.concat_tables([step.added for step in steps])
        return pa.concat_tables(difference(removed, added))

    def forget(self, table: Table, after: int) -> None:
        """Forget the rows of the table's commits after version ``after``."""
        with self._lock:
            for key in [key for key in self._known if key[0] == table.id and key[1] > after]:
                del self._known[key]

    def schema(self, table: Table) -> pa.Schema:
        """Return the table's columns, all nullable, in the types that the engine writes."""
        key = row_shape(table)
        known = self._schemas.get(table.id)
        if known is None or known[0] != key:
            delta = DeltaTable(self._catalog.location(table))
            fields = [_plain(field) for field in pa.schema(delta.schema().to_arrow())]
            known = self._schemas[table.id] = (key, pa.schema(fields))
        return known[1]

    def _compute(self, table: Table, version: int) -> RowDifference:
        location, schema = self._catalog.location(table), self.schema(table)
        files = log.files_of_commit(location, version)
        before, after = (_rows(location, paths, schema) for paths in (files.removed, files.added))
        return RowDifference(*difference(before, after), files.info)


def row_shape(table: Table) -> Hashable:
    """Return a key of the table's columns: rows of tables with equal keys can be compared."""
    return table.schema_since, tuple((column.name, column.type) for column in table.columns)


def _rows(location: Path, paths: list[str], schema: pa.Schema) -> pa.Table:
    """Return the rows of data files; columns that a file lacks are NULL."""
    tables = [schema.empty_table()]
    for path in paths:
        with pq.ParquetFile(location / path) as source:
            file = source.read()
        names = {name.lower(): name for name in file.column_names}
        columns = [
            file.column(names[field.name.lower()]).cast(field.type)
            if field.name.lower() in names
            else pa.nulls(file.num_rows, field.type)
            for field in schema
        ]
        tables.append(pa.table(columns, schema=schema))
    return pa.concat_tables(tables)


def _plain(field: pa.Field) -> pa.Field:
    """Return the field as the engine writes it: nullable, and a plain string for a view."""
    if pa.types.is_string_view(field.type) or pa.types.is_large_string(field.type):
        field = field.with_type(pa.string())
    return field.with_nullable(True)
