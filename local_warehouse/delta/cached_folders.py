"""Folders that statements read from: what nobody wants any more goes once nobody reads it."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from pathlib import Path


class Shelf:
    """Counts who reads which folder. Safe to use from many threads.

    Whoever hands out folders and throws them away does both under a lock of its own, so that
    nothing is thrown away between being found and being taken.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: Counter[Path] = Counter()
        self._unwanted: set[Path] = set()

    def take(self, folder: Path) -> None:
        """Keep the folder until it is given back; wanted again, if it was not."""
        with self._lock:
            self._readers[folder] += 1
            self._unwanted.discard(folder)

    def give_back(self, folder: Path) -> None:
        with self._lock:
            self._readers[folder] -= 1
            if self._readers[folder]:
                return
            del self._readers[folder]
            if folder in self._unwanted:
                self._unwanted.discard(folder)
                shutil.rmtree(folder, ignore_errors=True)

    def discard(self, folder: Path) -> None:
        """Remove the folder: now, or when its last reader is done."""
        with self._lock:
            if self._readers[folder]:
                self._unwanted.add(folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)
