"""Calls in a loop do not take memory from the system again and again."""

from __future__ import annotations

import resource
from collections.abc import Callable

import pytest

from crm.middleware.stack import with_room

CALLS = 100


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_THREAD"), reason="only Linux counts by thread")
def test_loops_take_no_memory_for_each_call_however_deep_they_are() -> None:
    """One of 200 depths begins a chunk of CPython's frames, of 16 kB."""
    taken = {depth: with_room(faults_of_loop, depth) for depth in range(200)}
    assert max(taken.values()) < CALLS, taken


def faults_of_loop(depth: int) -> int:
    """Return how many pages of memory a loop of calls has taken, so many frames deep."""
    if depth:
        return faults_of_loop(depth - 1)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(CALLS):
        nothing(depth)
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before


def nothing(value: object) -> Callable[[], object]:
    """Use a frame of its own."""
    return lambda: value
