"""Memory, open files and threads of processes, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Use:
    """What some processes use together.

    ``memory``: MB; processes share what they have in common. ``handles``: files and sockets.
    """

    memory: float = 0.0
    handles: int = 0
    threads: int = 0


def family(pid: int) -> list[int]:
    """Return a process with its children and theirs."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def use(pids: Iterable[int]) -> Use:
    """Return what these processes use; one that has ended uses nothing."""
    memory, handles, threads = 0.0, 0, 0
    for pid in pids:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            sizes = dict(line.split(maxsplit=1) for line in lines[1:])
            memory += int(sizes["Pss:"].removesuffix(" kB")) / 1024
            handles += len(os.listdir(f"/proc/{pid}/fd"))
            threads += len(os.listdir(f"/proc/{pid}/task"))
    return Use(memory, handles, threads)
