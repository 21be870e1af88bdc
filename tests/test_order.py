"""Each of several workers begins with what takes long."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from .conftest import BASE_DIR
from .order import FIRST, shares_in_order


@dataclass(frozen=True)
class Item:
    nodeid: str


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 5])
def test_shares_begin_with_what_takes_long(workers: int) -> None:
    named = [f"tests/{name}" for names in FIRST for name in names]
    items = [Item(f"tests/pages/{n}") for n in range(30)] + list(map(Item, named))
    found = [each.nodeid for each in shares_in_order(items, workers)]
    assert sorted(found) == sorted(each.nodeid for each in items)
    if workers == 1:
        return
    for number in range(workers):
        share = len(found) // (workers - number)  # as xdist counts it
        own = [f"tests/{name}" for names in FIRST[number::workers] for name in names]
        assert found[: len(own)] == own
        assert not set(found[len(own) : share]) & set(named)
        del found[:share]
    assert found == []


def test_what_comes_first_exists() -> None:
    for name in (name for names in FIRST for name in names):
        assert list((BASE_DIR / "tests").glob(f"{name}*")), name
