"""Removes old jobs, with their files, whether or not requests come."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress

from . import folders, lock

KEPT_SECONDS = 60 * 60
SWEEP_EVERY_SECONDS = 60

# Acquired, and never released, by the one thread of this process that removes old jobs.
_sweeper = threading.Lock()


def start_sweeper() -> None:
    """Remove old jobs from now on."""
    if _sweeper.acquire(blocking=False):
        threading.Thread(target=_sweep_forever, daemon=True, name="old imports").start()


def remove_old_jobs() -> None:
    for folder in folders.home().iterdir():
        with suppress(OSError):
            is_old = time.time() - folder.stat().st_mtime > KEPT_SECONDS
            if is_old and not lock.is_held(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _sweep_forever() -> None:
    while True:
        with suppress(OSError):
            remove_old_jobs()
        time.sleep(SWEEP_EVERY_SECONDS)
