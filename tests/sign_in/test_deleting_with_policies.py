"""Deleting records whose ``change_id`` a column mask hides from the person."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crm.model.schema import ACCOUNTS, TABLES, USE_CASES, Table
from crm.repository.records import accounts, use_cases
from crm.warehouse import Warehouse

from .conftest import BOB
from .test_hidden_keys import count, toasts
from .test_merging_with_policies import mask


@pytest.mark.parametrize(
    "masked", [[USE_CASES], [ACCOUNTS], TABLES], ids=["use case", "account", "all"]
)
def test_hidden_stamps_keep_nobody_from_deleting(
    warehouse: Warehouse, signed_in, masked: Sequence[Table]
) -> None:
    accounts.create(warehouse, {"bsnid": "A1", "team": "T"})
    for id in ("u-1", "u-2"):
        use_cases.create(warehouse, "A1", id, {"problem": "P"})
    for table in masked:
        mask(warehouse, table, "change_id")
    bob = signed_in(BOB, "SELECT", "MODIFY")
    for path, left in (("/use-cases/u-1/delete/", [1, 1]), ("/accounts/A1/delete/", [0, 0])):
        response = bob.post(path)
        assert "was deleted." in toasts(bob, response["Location"])
        assert [count(warehouse, table, "TRUE") for table in (ACCOUNTS, USE_CASES)] == left
