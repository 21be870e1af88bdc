"""The keys that an import has read, on disk, because a large file has too many for memory."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Earlier:
    """The place of the first row with a key, and whether that row had the same values."""

    place: str
    same: bool


class SeenKeys:
    """Keys, each with a digest of its row's values, and notes, in a temporary SQLite file."""

    def __init__(self) -> None:
        # An empty name means a temporary file, which SQLite removes with the connection.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute(
            "CREATE TABLE seen (key BLOB PRIMARY KEY, content BLOB, place TEXT) WITHOUT ROWID"
        )
        self._connection.execute(
            "CREATE TABLE notes (key BLOB, value TEXT, PRIMARY KEY (key, value)) WITHOUT ROWID"
        )

    def add(self, table: str, key: str, content: str, place: str) -> Earlier | None:
        """Add a row; return the earlier row with its key, or None if this is the first."""
        row = (_digest(table, key), _digest(content), place)
        sql = "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)"
        if self._connection.execute(sql, row).rowcount:
            return None
        found = "SELECT content, place FROM seen WHERE key = ?"
        content_before, place_before = self._connection.execute(found, row[:1]).fetchone()
        return Earlier(place_before, content_before == row[1])

    def has(self, table: str, key: str) -> bool:
        found = "SELECT 1 FROM seen WHERE key = ?"
        return self._connection.execute(found, (_digest(table, key),)).fetchone() is not None

    def note(self, subject: str, key: str, value: str) -> None:
        """Note a value of a key; it may have several."""
        row = (_digest(subject, key), value)
        self._connection.execute("INSERT OR IGNORE INTO notes VALUES (?, ?)", row)

    def notes(self, subject: str, key: str) -> list[str]:
        """Return the values that were noted of a key."""
        sql = "SELECT value FROM notes WHERE key = ?"
        return [value for (value,) in self._connection.execute(sql, (_digest(subject, key),))]


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
