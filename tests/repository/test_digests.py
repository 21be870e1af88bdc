"""Claims of digests: of two runs only one sends."""

from __future__ import annotations

from crm.repository.records import digests
from crm.repository.records.digests import DAILY
from crm.warehouse import Warehouse


def test_of_two_runs_that_read_the_same_row_one_claims(warehouse: Warehouse) -> None:
    digests.choose(warehouse, "ana@example.com", DAILY)
    (seen,) = digests.recipients(warehouse)
    assert seen.period == ""
    claims = [digests.claim(warehouse, seen.name, "2026-11-27", run) for run in ("one", "two")]
    assert claims == [True, False]
    (now,) = digests.recipients(warehouse)
    assert (now.run, now.state) == ("one", digests.SENDING)
