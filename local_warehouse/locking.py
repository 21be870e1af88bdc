"""One server per data folder: two would not see each other's writes being ordered."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DataFolderInUse(Exception):
    """Another local warehouse already serves this folder."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the folder until the block ends or the process dies. Raises DataFolderInUse."""
    with (folder / "server.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderInUse(f"another local warehouse serves {folder}") from None
        yield
