"""The data folder: one server holds it, under a path that the engine can read."""

from __future__ import annotations

import fcntl
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The library deltalake misreads these in a path: as ``/``, and as the encoded character.
_MISREAD = re.compile(r"\\|%[0-9A-Fa-f]{2}")


class UnusableDataFolder(Exception):
    """No local warehouse can serve this folder now; the message says why."""


@contextmanager
def hold(folder: Path, patience: float = 3.0) -> Iterator[None]:
    """Hold the folder until the block ends or the process dies. Raises UnusableDataFolder.

    Two servers could not put their writes in one order. ``patience`` is how many seconds to wait
    for an earlier server that is stopping.
    """
    with (folder / "server.lock").open("w") as file:
        for _ in range(round(patience / 0.1)):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.1)
        else:
            raise UnusableDataFolder(f"another local warehouse serves {folder}")
        yield


@contextmanager
def plain_path(folder: Path) -> Iterator[Path]:
    """Give the block a path of the folder without characters that the engine percent-encodes.

    The engine (0.7.2) creates ``a%20b`` for ``a b``; a symbolic link has a name without spaces.
    Raises UnusableDataFolder where a link does not help, since deltalake follows it.
    """
    if found := _MISREAD.search(str(folder)):
        raise UnusableDataFolder(f"the path {folder} cannot be used, because of {found[0]} in it")
    if re.fullmatch(r"[\w./-]+", str(folder), re.ASCII):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="local-warehouse-") as temporary:
        link = Path(temporary) / "data"
        link.symlink_to(folder, target_is_directory=True)
        yield link
