"""The result cache: the results of earlier queries whose tables have not changed since.

As on Databricks, a session can switch it off with ``SET use_cached_result = false``.
https://docs.databricks.com/sql/user/queries/query-caching
"""

from __future__ import annotations

import hashlib
import re
import threading
from contextlib import suppress

import pyarrow as pa
from cachetools import LRUCache

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table
from local_warehouse.delta.commits import Commits
from local_warehouse.errors import SqlError
from local_warehouse.sql.template import TABLE_ID, Template

_BYTES = 32_000_000
_LARGEST_RESULT = 1_000_000
# What Python needs for a result's key and entry.
_BYTES_OF_ENTRY = 1_000
# A text or name with such a word only keeps a statement out of the cache.
_CHANGES_BY_ITSELF = re.compile(
    r"\b(CURRENT_DATE|CURDATE|CURRENT_TIMESTAMP|CURRENT_TIME|LOCALTIMESTAMP|NOW|UNIX_TIMESTAMP"
    r"|RAND|RANDN|RANDOM|RANDSTR|UNIFORM|UUID|SHUFFLE|TABLESAMPLE|MONOTONICALLY_INCREASING_ID"
    r"|SPARK_PARTITION_ID|INPUT_FILE\w*)\b",
    re.IGNORECASE,
)

# The digest of engine SQL, and the ids and latest versions of the tables that it names.
Key = tuple[bytes, tuple[tuple[str, int], ...]]


def is_repeatable(template: Template) -> bool:
    """Whether a query's rows depend on nothing but its tables and parameters."""
    return not any(
        piece.kind == "system" if not isinstance(piece, str) else _CHANGES_BY_ITSELF.search(piece)
        for piece in template.pieces
    )


class ResultCache:
    """The results of queries; the least recently used ones are dropped.

    Each is kept as the bytes of an Arrow stream: a table of 20 columns and a few rows takes 21 kB
    beside its values.

    ``is_on``: switched off for measurements of queries.
    """

    def __init__(self, catalog: Catalog, commits: Commits) -> None:
        self.is_on = True
        self._catalog = catalog
        self._commits = commits
        self._lock = threading.Lock()
        self._results: LRUCache[Key, pa.Buffer] = LRUCache(
            _BYTES, lambda stream: stream.size + _BYTES_OF_ENTRY
        )

    def key(self, sql: str) -> Key:
        """Return the key of engine SQL, to be made before it runs."""
        ids = sorted(set(TABLE_ID.findall(sql)))
        digest = hashlib.sha256(sql.encode()).digest()
        versions = (self._commits.version(self._catalog.by_id(each)) for each in ids)
        return digest, tuple(zip(ids, versions, strict=True))

    def get(self, key: Key) -> pa.Table | None:
        with self._lock:
            stream: pa.Buffer | None = self._results.get(key)
        return None if stream is None else pa.ipc.open_stream(stream).read_all()

    def put(self, sql: str, key: Key, result: pa.Table) -> None:
        """Keep a result, unless a table that it names was changed or dropped meanwhile."""
        if result.nbytes > _LARGEST_RESULT:
            return
        with suppress(SqlError):
            if self.key(sql) == key:
                stream = _stream(result)
                with self._lock:
                    self._results[key] = stream

    def forget(self, table: Table, after: int) -> None:
        """Discard the results of queries that read a version of the table after ``after``."""
        with self._lock:
            for key in [key for key in self._results if dict(key[1]).get(table.id, -1) > after]:
                del self._results[key]


def _stream(table: pa.Table) -> pa.Buffer:
    """Return the table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
