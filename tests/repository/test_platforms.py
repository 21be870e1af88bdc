from __future__ import annotations

import datetime as dt
import threading

import pytest

from crm.model.records import PlatformStatus
from crm.model.schema import PLATFORMS_STATUS
from crm.repository.errors import Missing, Stale
from crm.repository.records import accounts, platforms
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..schemas import ACTOR


@pytest.fixture(autouse=True)
def _account(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "BSN100", "team": "Claims"})


def only(wh: Warehouse) -> PlatformStatus:
    (row,) = platforms.list_for(wh, "BSN100")
    return row


def test_first_status_makes_the_row(warehouse: Warehouse, statements: Statements) -> None:
    with statements() as done:
        platforms.set_status(warehouse, "BSN100", "Databricks", "Requested", None)
    assert len(done) == 2
    row = only(warehouse)
    assert (row.platform, row.status) == ("Databricks", "Requested")
    assert (row.created_by, row.updated_by) == (ACTOR, ACTOR)


def test_a_status_is_changed_by_who_asks_and_when(
    warehouse: Warehouse, someone_else: Warehouse, statements: Statements
) -> None:
    platforms.set_status(warehouse, "BSN100", "Databricks", "Requested", None)
    before = only(warehouse)
    with statements() as done:
        platforms.set_status(someone_else, "BSN100", "Databricks", "Completed", before.updated_at)
    assert len(done) == 2
    after = only(warehouse)
    assert (after.id, after.status, after.updated_by) == (
        before.id,
        "Completed",
        "bob@example.com",
    )
    assert after.created_at == before.created_at


def test_a_status_that_changed_since_it_was_seen_is_stale(
    warehouse: Warehouse, someone_else: Warehouse, statements: Statements
) -> None:
    platforms.set_status(warehouse, "BSN100", "Databricks", "Requested", None)
    seen = only(warehouse).updated_at
    platforms.set_status(someone_else, "BSN100", "Databricks", "Completed", seen)
    for old in (seen, None, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)):
        with statements() as done, pytest.raises(Stale) as caught:
            platforms.set_status(warehouse, "BSN100", "Databricks", "In Progress", old)
        assert len(done) == 2
        assert caught.value.current == only(warehouse)
    assert only(warehouse).status == "Completed"


def test_setting_what_is_so_is_no_conflict(warehouse: Warehouse, someone_else: Warehouse) -> None:
    platforms.set_status(warehouse, "BSN100", "Databricks", "Requested", None)
    platforms.set_status(someone_else, "BSN100", "Databricks", "Requested", None)
    assert only(warehouse).updated_by == ACTOR


def test_a_row_with_another_id_is_changed_and_no_second_one_is_added(
    warehouse: Warehouse,
) -> None:
    row = {"id": "imported", "account_bsnid": "BSN100", "platform": "Snowflake", "status": "?"}
    insert_missing(warehouse, PLATFORMS_STATUS, [row])
    seen = only(warehouse).updated_at
    platforms.set_status(warehouse, "BSN100", "Snowflake", "Completed", seen)
    assert (only(warehouse).id, only(warehouse).status) == ("imported", "Completed")


def test_of_several_rows_for_a_platform_the_newest_is_current(warehouse: Warehouse) -> None:
    common = {"account_bsnid": "BSN100", "platform": "Snowflake", "status": "Requested"}
    for day in (2, 3, 1):
        moment = dt.datetime(2026, 1, day, tzinfo=dt.UTC)
        row = common | {"id": f"day {day}", "updated_at": moment}
        insert_missing(warehouse, PLATFORMS_STATUS, [row])
    with pytest.raises(Stale) as caught:
        platforms.set_status(warehouse, "BSN100", "Snowflake", "Completed", None)
    assert caught.value.current.value("id") == "day 3"


def test_a_missing_account_gets_no_status(warehouse: Warehouse, statements: Statements) -> None:
    with statements() as done, pytest.raises(Missing) as caught:
        platforms.set_status(warehouse, "BSN999", "Databricks", "Requested", None)
    assert caught.value.key == "BSN999"
    assert len(done) == 2
    assert platforms.list_for(warehouse, "BSN999") == ()


def test_at_once_one_row(warehouse: Warehouse) -> None:
    def set_it(status: str) -> None:
        try:
            platforms.set_status(warehouse, "BSN100", "Snowflake", status, None)
        except Stale:
            stale.append(status)

    stale: list[str] = []
    statuses = ["Requested", "In Progress", "Completed"]
    threads = [threading.Thread(target=set_it, args=(status,)) for status in statuses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stale) == 2
    assert only(warehouse).status not in stale


def test_words_that_nobody_listed_are_kept(warehouse: Warehouse) -> None:
    platforms.set_status(warehouse, "BSN100", "Fabric'; --", "Half-way 50%", None)
    assert (only(warehouse).platform, only(warehouse).status) == ("Fabric'; --", "Half-way 50%")
