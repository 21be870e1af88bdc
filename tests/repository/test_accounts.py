from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest

from crm.records import Account, Listing
from crm.repository import accounts, platforms, updates, use_cases
from crm.repository.errors import AlreadyExists, Missing, Stale
from crm.warehouse import Warehouse

from ..conftest import ACTOR, Statements

HOSTILE = (
    "'; DROP TABLE accounts; --",
    "100% of _everything_ :bsnid ${x} {accounts}",
    "back\\slash 'single' \"double\" `tick`",
    "emoji 🧱🔥 and combining é",
    "שלום עולם \u202emirrored",
    "line\nbreak\ttab",
    "x" * 100_000,
)


def make(wh: Warehouse, bsnid: str = "BSN100", **values: str) -> Account:
    accounts.create(wh, {"bsnid": bsnid, "team": f"Team {bsnid}", **values})
    account = accounts.get(wh, bsnid)
    assert account is not None
    return account


def ids(wh: Warehouse, **listing: object) -> list[str]:
    page = accounts.search(wh, Listing(**listing))  # type: ignore[arg-type]
    return [row.account.bsnid for row in page.rows]


def test_create_and_get(warehouse: Warehouse) -> None:
    before = dt.datetime.now(dt.UTC)
    account = make(warehouse, team="Claims", business_area="", vp="Zoë")
    assert (account.team, account.business_area, account.vp) == ("Claims", None, "Zoë")
    assert account.created_by == account.updated_by == ACTOR
    assert account.created_at == account.updated_at
    assert account.created_at is not None
    assert abs(account.created_at - before) < dt.timedelta(seconds=10)
    assert accounts.get(warehouse, "BSN999") is None
    assert accounts.get_detail(warehouse, "BSN999") is None


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_only_text(warehouse: Warehouse, text: str) -> None:
    account = make(warehouse, team=text)
    assert account.team == text
    assert ids(warehouse, q=text[:900]) == ["BSN100"]
    assert ids(warehouse, filters={"business_area": (text[:900],)}) == []
    assert ids(warehouse, filters={text[:50]: ("x",)}, sort=text[:50]) == ["BSN100"]
    accounts.update(warehouse, "BSN100", {"vp": text}, account.updated_at)
    assert accounts.get(warehouse, "BSN100").vp == text  # type: ignore[union-attr]
    assert accounts.get(warehouse, text[:900]) is None


@pytest.mark.parametrize("key", HOSTILE[:5])
def test_any_text_can_be_the_key(warehouse: Warehouse, key: str) -> None:
    make(warehouse, "other")
    make(warehouse, key)
    accounts.delete(warehouse, key)
    assert ids(warehouse) == ["other"]


def test_percent_and_underscore_are_plain_in_search(warehouse: Warehouse) -> None:
    make(warehouse, "A", team="100% sure")
    make(warehouse, "B", team="100 times")
    make(warehouse, "C", team="snake_case")
    make(warehouse, "D", team="snakeXcase")
    assert ids(warehouse, q="0%") == ["A"]
    assert ids(warehouse, q="E_C") == ["C"]


def test_create_twice(warehouse: Warehouse, statements: Statements) -> None:
    make(warehouse, team="First")
    with statements() as done, pytest.raises(AlreadyExists) as caught:
        accounts.create(warehouse, {"bsnid": "BSN100", "team": "Second"})
    assert caught.value.key == "BSN100"
    assert len(done) == 1
    assert accounts.get(warehouse, "BSN100").team == "First"  # type: ignore[union-attr]


def test_create_at_once_makes_one(warehouse: Warehouse) -> None:
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        try:
            accounts.create(warehouse, {"bsnid": "BSN100", "team": f"Team {number}"})
            outcomes.append("created")
        except AlreadyExists:
            outcomes.append("there")

    _at_once(attempt)
    assert sorted(outcomes) == ["created"] + ["there"] * 5
    assert ids(warehouse) == ["BSN100"]


def test_unknown_column_is_refused(warehouse: Warehouse) -> None:
    make(warehouse)
    for values in ({"created_by": "eve"}, {"team` = 'x' --": "y"}, {"bsnid": "other"}):
        with pytest.raises(ValueError, match="has no column"):
            accounts.update(warehouse, "BSN100", values, None)


def test_update(warehouse: Warehouse, someone_else: Warehouse, statements: Statements) -> None:
    account = make(warehouse, vp="Old", admin="Stays")
    with statements() as done:
        accounts.update(someone_else, "BSN100", {"vp": "", "team": "New"}, account.updated_at)
    now = accounts.get(warehouse, "BSN100")
    assert now is not None
    assert (now.team, now.vp, now.admin) == ("New", None, "Stays")
    assert (now.created_by, now.updated_by) == (ACTOR, "bob@example.com")
    assert now.created_at == account.created_at
    assert now.updated_at > account.updated_at  # type: ignore[operator]
    assert len(done) == 1


def test_update_of_what_changed_is_stale(
    warehouse: Warehouse, someone_else: Warehouse, statements: Statements
) -> None:
    seen = make(warehouse).updated_at
    accounts.update(someone_else, "BSN100", {"team": "Bob's"}, seen)
    with statements() as done, pytest.raises(Stale) as caught:
        accounts.update(warehouse, "BSN100", {"team": "Alice's"}, seen)
    assert caught.value.current == accounts.get(warehouse, "BSN100")
    assert caught.value.current.team == "Bob's"
    assert len(done) == 2


def test_update_to_what_it_says_already_is_no_conflict(warehouse: Warehouse) -> None:
    seen = make(warehouse).updated_at
    accounts.update(warehouse, "BSN100", {"team": "Same", "vp": ""}, seen)
    accounts.update(warehouse, "BSN100", {"team": "Same", "vp": ""}, seen)


def test_update_of_what_is_gone(warehouse: Warehouse) -> None:
    with pytest.raises(Missing):
        accounts.update(warehouse, "BSN100", {"team": "x"}, dt.datetime.now(dt.UTC))


def test_of_concurrent_edits_one_wins(warehouse: Warehouse) -> None:
    seen = make(warehouse).updated_at
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        try:
            accounts.update(warehouse, "BSN100", {"team": f"Team {number}"}, seen)
            outcomes.append(f"Team {number}")
        except Stale:
            outcomes.append("stale")

    _at_once(attempt)
    assert outcomes.count("stale") == 5
    (winner,) = set(outcomes) - {"stale"}
    assert accounts.get(warehouse, "BSN100").team == winner  # type: ignore[union-attr]


def test_row_without_timestamp_can_be_edited(warehouse: Warehouse) -> None:
    make(warehouse)
    table = f"{warehouse.namespace.quoted_schema}.`accounts`"
    warehouse.execute(f"UPDATE {table} SET updated_at = NULL", repeatable=True)
    accounts.update(warehouse, "BSN100", {"team": "New"}, None)
    assert accounts.get(warehouse, "BSN100").team == "New"  # type: ignore[union-attr]


def test_delete_takes_the_children_along(warehouse: Warehouse) -> None:
    for bsnid in ("BSN100", "BSN200"):
        make(warehouse, bsnid)
        platforms.set_status(warehouse, bsnid, "Databricks", "Completed", None)
        use_cases.create(warehouse, bsnid, f"u-{bsnid}", {"problem": "p"})
        updates.create(warehouse, bsnid, f"d-{bsnid}", {"description": "d"})
    accounts.delete(warehouse, "BSN100")
    accounts.delete(warehouse, "BSN100")
    assert ids(warehouse) == ["BSN200"]
    assert platforms.list_for(warehouse, "BSN100") == ()
    assert use_cases.get(warehouse, "u-BSN100") is None
    assert updates.get(warehouse, "d-BSN100") is None
    detail = accounts.get_detail(warehouse, "BSN200")
    assert detail is not None
    assert [len(detail.platforms), len(detail.use_cases), len(detail.updates)] == [1, 1, 1]


def test_detail_is_one_statement(sample: Warehouse, statements: Statements) -> None:
    with statements() as done:
        detail = accounts.get_detail(sample, "BSN002")
    assert len(done) == 1
    assert detail is not None
    assert detail.account.team == "Supply Chain Forecasting"
    assert [item.platform for item in detail.platforms] == [
        "Databricks",
        "Snowflake",
        "Power Platform",
    ]
    assert [item.status for item in detail.use_cases] == ["Active", "In Progress"]
    dates = [item.date for item in detail.updates]
    assert dates == sorted(dates, reverse=True)  # type: ignore[type-var]
    assert {item.team for item in detail.use_cases + detail.updates} == {detail.account.team}


def test_list_is_one_statement(sample: Warehouse, statements: Statements) -> None:
    with statements() as done:
        page = accounts.search(sample, Listing(q="a", filters={"platform": ("Databricks",)}))
    assert len(done) == 1
    assert page.total == len(page.rows) == 5


def test_list_row(sample: Warehouse) -> None:
    (row,) = accounts.search(sample, Listing(q="bsn005")).rows
    assert row.account == accounts.get(sample, "BSN005")
    assert row.statuses == {
        "Databricks": "Not Started",
        "Snowflake": "Requested",
        "Power Platform": "Completed",
    }
    assert (row.use_case_count, row.update_count) == (2, 6)
    assert row.last_update == dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)


def test_filters_and_facets(sample: Warehouse) -> None:
    listing = Listing(filters={"primary_it_partner": ("Priya Raman",), "vp": ()})
    page = accounts.search(sample, listing)
    assert {row.account.bsnid for row in page.rows} == {"BSN001", "BSN003"}
    # Its own facet still offers the others; the other facets are narrowed.
    assert [(f.value, f.count) for f in page.facets["primary_it_partner"]] == [
        ("Priya Raman", 2),
        ("Tomás Herrera", 2),
        ("Marcus Johansson", 1),
    ]
    assert {f.value for f in page.facets["vp"]} == {"Margaret Osei", "Chloé Laurent"}
    assert set(page.facets) == set(accounts.FILTERS)


def test_several_values_of_a_filter_are_alternatives(sample: Warehouse) -> None:
    found = ids(sample, filters={"vp": ("Margaret Osei", "Robert Nakamura", "Nobody")})
    assert set(found) == {"BSN001", "BSN004"}


def test_empty_is_a_value(warehouse: Warehouse) -> None:
    make(warehouse, "A", vp="")
    make(warehouse, "B", vp="Someone")
    page = accounts.search(warehouse, Listing(filters={"vp": ("",)}))
    assert [row.account.bsnid for row in page.rows] == ["A"]
    assert {f.value: f.count for f in page.facets["vp"]} == {"": 1, "Someone": 1}


def test_platform_and_status_are_asked_of_the_same_row(warehouse: Warehouse) -> None:
    make(warehouse, "A")
    make(warehouse, "B")
    make(warehouse, "C")
    platforms.set_status(warehouse, "A", "Databricks", "Completed", None)
    platforms.set_status(warehouse, "A", "Snowflake", "Requested", None)
    platforms.set_status(warehouse, "B", "Databricks", "Requested", None)

    def found(**filters: tuple[str, ...]) -> list[str]:
        return ids(warehouse, filters=filters)

    assert found(platform=("Databricks",)) == ["A", "B"]
    assert found(platform=("Databricks",), status=("Requested",)) == ["B"]
    assert found(status=("Requested",)) == ["A", "B"]
    # Without a row it stands at Not Started, as the overview counts it.
    assert found(platform=("Databricks",), status=("Not Started",)) == ["C"]
    page = accounts.search(warehouse, Listing(filters={"platform": ("Databricks",)}))
    assert {f.value: f.count for f in page.facets["platform"]} == {"Databricks": 2, "Snowflake": 1}
    assert {f.value: f.count for f in page.facets["status"]} == {
        "Completed": 1,
        "Requested": 1,
        "Not Started": 1,
    }


@pytest.mark.parametrize("sort", [*accounts.SORTS, *(f"-{key}" for key in accounts.SORTS)])
def test_every_sort_pages_through_all_once(sample: Warehouse, sort: str) -> None:
    seen = [id for page in (1, 2, 3) for id in ids(sample, sort=sort, page=page, size=2)]
    assert sorted(seen) == ["BSN001", "BSN002", "BSN003", "BSN004", "BSN005"]


def test_sorting(warehouse: Warehouse) -> None:
    make(warehouse, "1", team="beta", vp="Y")
    make(warehouse, "2", team="Alpha", vp="")
    make(warehouse, "3", team="ALPHA", vp="X")
    make(warehouse, "4", team="Éclair", vp="")
    assert ids(warehouse) == ["2", "3", "1", "4"]
    assert ids(warehouse, sort="-team") == ["4", "1", "2", "3"]
    assert ids(warehouse, sort="vp") == ["3", "1", "2", "4"]
    assert ids(warehouse, sort="-vp") == ["1", "3", "2", "4"]
    assert ids(warehouse, sort="no such") == ids(warehouse, sort="team")


def test_sorting_by_what_belongs_to_the_account(warehouse: Warehouse) -> None:
    for bsnid in "123":
        make(warehouse, bsnid)
    for number, bsnid in enumerate("2212"):
        use_cases.create(warehouse, bsnid, str(number), {"problem": "p"})
    updates.create(warehouse, "1", "a", {"date": dt.date(2026, 1, 1)})
    updates.create(warehouse, "3", "b", {"date": dt.date(2026, 2, 1)})
    assert ids(warehouse, sort="-use_cases") == ["2", "1", "3"]
    assert ids(warehouse, sort="use_cases") == ["3", "1", "2"]
    assert ids(warehouse, sort="-last_update") == ["3", "1", "2"]
    assert ids(warehouse, sort="last_update") == ["1", "3", "2"]


def test_page_beyond_the_end_is_the_last(sample: Warehouse) -> None:
    page = accounts.search(sample, Listing(page=99, size=2))
    assert (page.listing.page, page.last, page.total) == (3, 3, 5)
    assert len(page.rows) == 1
    assert (page.first_row, page.last_row) == (5, 5)
    assert accounts.search(sample, Listing(page=-4)).listing.page == 1


def test_empty_list(warehouse: Warehouse) -> None:
    page = accounts.search(warehouse, Listing(q="nothing", page=7))
    assert (page.rows, page.total, page.listing.page, page.last) == ((), 0, 1, 1)
    assert all(facets == () for facets in page.facets.values())


def test_microseconds_survive(warehouse: Warehouse) -> None:
    make(warehouse)
    table = f"{warehouse.namespace.quoted_schema}.`accounts`"
    for moment in (
        dt.datetime(2026, 1, 2, 3, 4, 5, 1, dt.UTC),
        dt.datetime(2026, 3, 29, 1, 59, 59, 999_999, dt.UTC),
        dt.datetime(2026, 1, 2, 3, 4, 5, 0, dt.UTC),
        dt.datetime(2026, 1, 2, 3, 4, 5, 120_000, dt.timezone(dt.timedelta(hours=5, minutes=30))),
    ):
        warehouse.execute(f"UPDATE {table} SET updated_at = :t", {"t": moment}, repeatable=True)
        account = accounts.get(warehouse, "BSN100")
        assert account is not None
        assert account.updated_at == moment
        accounts.update(warehouse, "BSN100", {"team": str(moment)}, account.updated_at)
        changed = accounts.get(warehouse, "BSN100")
        assert changed == replace(
            account,
            team=str(moment),
            updated_at=changed.updated_at,  # type: ignore[union-attr]
        )


def _at_once(attempt: object, threads: int = 6) -> None:
    barrier = threading.Barrier(threads)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            attempt(number)  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not failures, failures
