"""Which rows a commit took away, and which it put there.

Computed from the data files that it removed and added: rows that stand in both were only moved. A
commit never changes, so what is small is remembered: concurrent writers and the change data feed
ask for the same commits.
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

from .row_images import difference

_REMEMBERED = 512
_ROWS = 2000  # of one commit; more are read again


@dataclass(frozen=True)
class Difference:
    """What one commit did; ``info`` is its commitInfo."""

    gone: pa.Table
    come: pa.Table
    info: dict

    @property
    def is_unseen(self) -> bool:
        """Whether writers that came before it need not mind it."""
        return bool(self.info.get("isBlindAppend")) or self.info.get("operation") == "OPTIMIZE"


class Differences:
    """Of all tables. Safe to use from many threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, Difference] = OrderedDict()
        self._schemas: dict[str, tuple[Hashable, pa.Schema]] = {}

    def of(self, table: Table, version: int) -> Difference:
        """Raises FileNotFoundError where the commit, or a file that it names, is gone."""
        key = (table.id, version, described(table))
        with self._lock:
            if (known := self._known.get(key)) is not None:
                return known
        found = self._compute(table, version)
        if found.gone.num_rows + found.come.num_rows <= _ROWS:
            with self._lock:
                self._known[key] = found
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return found

    def between(self, table: Table, seen: int, now: int) -> pa.Table:
        """The rows that are in only one of two versions; none, if all that came in between is what
        a writer who saw the first need not mind. Raises FileNotFoundError."""
        steps = [self.of(table, version) for version in range(seen + 1, now + 1)]
        if all(step.is_unseen for step in steps):
            return self.schema(table).empty_table()
        gone = pa.concat_tables([step.gone for step in steps])
        come = pa.concat_tables([step.come for step in steps])
        return pa.concat_tables(difference(gone, come))

    def schema(self, table: Table) -> pa.Schema:
        """The table's columns, all nullable, as the engine writes them."""
        key = described(table)
        known = self._schemas.get(table.id)
        if known is None or known[0] != key:
            delta = DeltaTable(self._catalog.location(table))
            fields = [_plain(field) for field in pa.schema(delta.schema().to_arrow())]
            known = self._schemas[table.id] = (key, pa.schema(fields))
        return known[1]

    def _compute(self, table: Table, version: int) -> Difference:
        location, schema = self._catalog.location(table), self.schema(table)
        files = log.files_of_commit(location, version)
        before, after = (_rows(location, paths, schema) for paths in (files.removed, files.added))
        return Difference(*difference(before, after), files.info)


def described(table: Table) -> Hashable:
    """What the rows of a table look like: other columns, other rows."""
    return table.schema_since, tuple((column.name, column.type) for column in table.columns)


def _rows(location: Path, paths: list[str], schema: pa.Schema) -> pa.Table:
    """The rows of data files, by name; columns that came later are empty in older files."""
    tables = [schema.empty_table()]
    for path in paths:
        with pq.ParquetFile(location / path) as source:
            file = source.read()
        there = {name.lower(): name for name in file.column_names}
        columns = [
            file.column(there[field.name.lower()]).cast(field.type)
            if field.name.lower() in there
            else pa.nulls(file.num_rows, field.type)
            for field in schema
        ]
        tables.append(pa.table(columns, schema=schema))
    return pa.concat_tables(tables)


def _plain(field: pa.Field) -> pa.Field:
    """As the engine writes it: neither views nor dictionaries."""
    if pa.types.is_string_view(field.type) or pa.types.is_large_string(field.type):
        field = field.with_type(pa.string())
    return field.with_nullable(True)
