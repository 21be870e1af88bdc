"""A lock on a job's folder, held by the process that works on it.

The operating system releases the lock when that process ends, however it ends, so nobody has to
guess from silence whether the process is still alive.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

_FILE = "lock"
# ``is_held`` takes a shared lock for a moment, which must not make ``acquire`` give up.
_TRIES, _PAUSE = 20, 0.01


class Lock:
    """An acquired lock."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)


def acquire(folder: Path) -> Lock | None:
    """Return the folder's lock, or None if it is held or the folder does not exist."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)
        if descriptor := _lock(folder, fcntl.LOCK_EX):
            return Lock(descriptor)
    return None


def is_held(folder: Path) -> bool:
    """Return whether a process works on this folder."""
    if descriptor := _lock(folder, fcntl.LOCK_SH):
        os.close(descriptor)
    return not descriptor and folder.exists()


def _lock(folder: Path, mode: int) -> int | None:
    with suppress(FileNotFoundError):
        descriptor = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor
    return None
