"""Use cases by when their status was set, which only the change feed tells."""

from __future__ import annotations

import datetime as dt

from crm.model.records import Listing
from crm.model.schema import USE_CASES
from crm.repository import versions
from crm.repository.bulk import selection
from crm.repository.bulk.selection import Selection
from crm.repository.past import restore_tables, revert_record
from crm.repository.records import accounts, use_cases
from crm.warehouse import Warehouse
from tests.conftest import Statements


def create(wh: Warehouse, *keys: str) -> None:
    for key in keys:
        use_cases.create(wh, "B1", key, {"problem": key, "status": "Planning"})


def edit(wh: Warehouse, key: str, **values: str) -> None:
    use_cases.update(wh, key, values, use_cases.get(wh, key).updated_at)


def moment_after(wh: Warehouse, key: str) -> dt.datetime:
    """Return a moment after the last change, which was that of this use case."""
    return use_cases.get(wh, key).updated_at + dt.timedelta(microseconds=1)


def found(wh: Warehouse, moment: dt.datetime, **filters: tuple[str, ...]) -> str:
    """Return the keys in the list; require that its facet, its files and a bulk change have the
    same."""
    listing = Listing(filters=filters, dates={"in-status-since": moment}, sort="leader")
    page = use_cases.search(wh, listing)
    assert page.is_complete
    keys = sorted(row.id for row in page.rows)
    assert page.total == len(keys)
    assert sorted(row.id for row in use_cases.find_all(wh, listing)) == keys
    assert use_cases.facet(wh, listing, "platform", "", 10).total == len(keys)
    chosen = Selection(listing, table=USE_CASES)
    assert [row["key"] for row in selection.load(wh, chosen, "a.status").rows] == keys
    return " ".join(keys)


def test_what_was_changed_since_keeps_the_time_of_its_status(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B1"})
    create(warehouse, "back", "edited", "gone", "later", "untouched")
    then = moment_after(warehouse, "untouched")
    edit(warehouse, "edited", leader="Lena")
    edit(warehouse, "edited", leader="Lea")
    edit(warehouse, "later", status="Active")
    edit(warehouse, "later", leader="Lena")
    edit(warehouse, "back", status="Active")
    edit(warehouse, "back", status="Planning")
    edit(warehouse, "gone", leader="Lena")
    use_cases.delete(warehouse, "gone")
    create(warehouse, "new")
    edit(warehouse, "new", leader="Lena")
    assert found(warehouse, then) == "edited untouched"
    assert found(warehouse, then, leader=("Lea",)) == "edited"
    now = moment_after(warehouse, "new")
    assert found(warehouse, now) == "back edited later new untouched"
    assert found(warehouse, now, status=("Active",)) == "later"
    assert found(warehouse, now - dt.timedelta(days=9)) == ""
    version = revert_record.latest_deletion(warehouse, USE_CASES, "gone")
    deleted = revert_record.load(warehouse, USE_CASES, "gone", version)
    revert_record.revert_deletion(warehouse, deleted)
    assert found(warehouse, then) == "edited untouched"


def test_restored_tables_have_the_earlier_times_again(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B1"})
    create(warehouse, "a", "b")
    then = moment_after(warehouse, "b")
    edit(warehouse, "a", leader="Lena")
    version = restore_tables.latest_versions(warehouse)[USE_CASES]
    edit(warehouse, "a", status="Active")
    edit(warehouse, "b", status="Active")
    assert found(warehouse, then) == ""
    restore_tables.restore_version(warehouse, USE_CASES, version)
    assert found(warehouse, then) == "a b"


def test_a_page_of_the_past_reads_the_feed_up_to_its_moment(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B1"})
    create(warehouse, "a", "b")
    then = moment_after(warehouse, "b")
    edit(warehouse, "a", leader="Lena")
    lines = versions.load(warehouse)
    past = versions.as_of(warehouse, lines.commits[USE_CASES][-1].moment)
    edit(warehouse, "a", status="Active")
    assert found(warehouse, then) == "b"
    listing = Listing(dates={"in-status-since": then})
    assert sorted(row.id for row in use_cases.search(past, listing).rows) == ["a", "b"]
    later = Listing(dates={"in-status-since": dt.datetime.now(dt.UTC) + dt.timedelta(days=1)})
    assert use_cases.search(past, later).total == 2


def test_the_filter_costs_one_statement(warehouse: Warehouse, statements: Statements) -> None:
    accounts.create(warehouse, {"bsnid": "B1"})
    create(warehouse, "a")
    then = moment_after(warehouse, "a")
    versions.load(warehouse)
    with statements() as done:
        assert use_cases.search(warehouse, Listing(dates={"in-status-since": then})).total == 1
    assert len(done) == 1


def test_what_the_feed_lacks_is_left_out_and_the_page_says_so(
    warehouse: Warehouse,
) -> None:
    accounts.create(warehouse, {"bsnid": "B1"})
    create(warehouse, "a", "b")
    then = moment_after(warehouse, "b")
    edit(warehouse, "a", leader="Lena")
    name = warehouse.namespace.table(USE_CASES)
    function = warehouse.namespace.place("all_rows")
    sql = f"CREATE FUNCTION {function}(id STRING) RETURNS BOOLEAN RETURN TRUE"
    warehouse.execute(sql, repeatable=True)
    warehouse.execute(f"ALTER TABLE {name} SET ROW FILTER {function} ON (id)", repeatable=True)
    page = use_cases.search(warehouse, Listing(dates={"in-status-since": then}))
    assert [row.id for row in page.rows] == ["b"]
    assert not page.is_complete
