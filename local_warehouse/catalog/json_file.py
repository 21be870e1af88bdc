"""A small JSON object on disk that people edit by hand and the control endpoint changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The values of the object may have any type.
Json = dict[str, Any]


class JsonFile:
    """Reads the file again whenever it has changed, and replaces it as a whole.

    ``version`` rises whenever changed content was read.
    """

    def __init__(self, path: Path, initial: Json | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._content: Json = {}
        self.version = 0
        if initial is not None and not path.exists():
            self._write(initial)

    def read(self) -> Json:
        """Return the content, empty if there is no file. The caller must not change it."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            with self._lock:
                self._content = json.loads(self._path.read_text())
                self._seen = seen
                self.version += 1
        return self._content

    def change(self, edit: Callable[[Json], object]) -> None:
        """Let ``edit`` change the content in place, and write it."""
        with self._lock:
            content = json.loads(self._path.read_text()) if self._path.exists() else {}
            edit(content)
            self._write(content)

    def _write(self, content: Json) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(content, indent=1))
        temporary.replace(self._path)
