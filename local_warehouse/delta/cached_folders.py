"""Folders that statements read; a discarded folder is deleted once no statement reads it."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from pathlib import Path


class CachedFolders:
    """Counts the readers of each folder. Safe to use from many threads.

    Callers find and acquire a folder under one lock of their own, and discard it under the same
    lock: so no folder is deleted between being found and being acquired.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: Counter[Path] = Counter()
        self._discarded: set[Path] = set()

    def acquire(self, folder: Path) -> None:
        """Keep the folder until ``release``; this takes back an earlier ``discard``."""
        with self._lock:
            self._readers[folder] += 1
            self._discarded.discard(folder)

    def release(self, folder: Path) -> None:
        """Count one reader less; delete a discarded folder after its last one."""
        with self._lock:
            self._readers[folder] -= 1
            if self._readers[folder]:
                return
            del self._readers[folder]
            if folder in self._discarded:
                self._discarded.discard(folder)
                shutil.rmtree(folder, ignore_errors=True)

    def discard(self, folder: Path) -> None:
        """Delete the folder now, or when its last reader releases it."""
        with self._lock:
            if self._readers[folder]:
                self._discarded.add(folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)
