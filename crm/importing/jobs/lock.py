"""Who is at work in a folder: a lock that the system itself lets go when its process ends, however
it ends, so that nobody has to guess from silence."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

_FILE = "lock"
# Whoever only looks holds the lock for a moment.
_TRIES, _PAUSE = 20, 0.01


class Hold:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)


def take(folder: Path) -> Hold | None:
    """None where somebody has it, or there is no such folder."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)
        if descriptor := _locked(folder, fcntl.LOCK_EX):
            return Hold(descriptor)
    return None


def is_held(folder: Path) -> bool:
    if descriptor := _locked(folder, fcntl.LOCK_SH):
        os.close(descriptor)
    return not descriptor and folder.exists()


def _locked(folder: Path, how: int) -> int | None:
    with suppress(FileNotFoundError):
        descriptor = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor
    return None
