"""A list that was downloaded comes back whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from crm.importing.findings import REFUSED
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS
from crm.repository.transfer import read_all
from crm.warehouse import Warehouse

from ..importing.test_round_trip import empty
from ..importing.using import run


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_list_of_accounts_comes_back_whole(
    client: Client, sample: Warehouse, tmp_path: Path, form: str
) -> None:
    response = client.get("/accounts/", {"format": form})
    name = response["Content-Disposition"].split('"')[1]
    path = tmp_path / name
    path.write_bytes(b"".join(response.streaming_content))
    before = {table: list(read_all.rows(sample, table)) for table in (ACCOUNTS, PLATFORMS_STATUS)}
    run(sample, path)
    empty(sample)
    outcomes, findings = run(sample, path)
    assert findings.count(REFUSED) == 0
    assert not findings.lost
    assert list(read_all.rows(sample, ACCOUNTS)) == before[ACCOUNTS]
    statuses = [
        {(row["account_bsnid"], row["platform"], row["status"]) for row in rows}
        for rows in (before[PLATFORMS_STATUS], read_all.rows(sample, PLATFORMS_STATUS))
    ]
    # An account without a status is Not Started in the list.
    started = [{each for each in found if each[2] != "Not Started"} for found in statuses]
    assert started[0] == started[1]
    assert statuses[1] <= statuses[0]
