"""The keys that an import has met, kept on disk: a large file has too many for memory."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Earlier:
    """Where a key stood before, and whether it said the same there."""

    place: str
    same: bool


class SeenKeys:
    """A set of keys with their contents' digests, in a temporary SQLite file of its own."""

    def __init__(self) -> None:
        # An empty name is a temporary file, which goes with the connection.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, content BLOB, place TEXT) WITHOUT ROWID"
        )

    def add(self, table: str, key: str, content: str, place: str) -> Earlier | None:
        """None the first time that a table's key comes; then what came before."""
        row = (_digest(table, key), _digest(content), place)
        sql = "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)"
        if self._connection.execute(sql, row).rowcount:
            return None
        found = "SELECT content, place FROM seen WHERE key = ?"
        content_before, place_before = self._connection.execute(found, row[:1]).fetchone()
        return Earlier(place_before, content_before == row[1])


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
