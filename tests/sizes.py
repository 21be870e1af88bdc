"""The sizes of repetitive tests: small in ``make test``, large in ``make soak``."""

from __future__ import annotations

import os

import pytest

IS_SOAK = os.environ.get("EDIP_TEST_SOAK") == "1"

# The marker of tests with a large size, which ``make soak`` runs; ``make test`` runs them, too.
soak = pytest.mark.soak
# The marker of those that have no small size, which only ``make soak`` runs (see conftest.py).
only_soak = pytest.mark.only_soak


def size(small: int, large: int) -> int:
    return large if IS_SOAK else small
