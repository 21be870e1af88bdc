"""A small JSON object on disk that people edit by hand and the control endpoint changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path


class JsonFile:
    """Read again whenever the file has changed; written whole, so that nobody reads half."""

    def __init__(self, path: Path, initial: dict | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._content: dict = {}
        self.changes = 0
        if initial is not None and not path.exists():
            self._write(initial)

    def read(self) -> dict:
        """The content; empty, as long as there is no file. Not to be changed in place."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            with self._lock:
                self._content = json.loads(self._path.read_text())
                self._seen = seen
                self.changes += 1
        return self._content

    def change(self, edit: Callable[[dict], object]) -> None:
        with self._lock:
            content = json.loads(self._path.read_text()) if self._path.exists() else {}
            edit(content)
            self._write(content)

    def _write(self, content: dict) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(content, indent=1))
        temporary.replace(self._path)
