from __future__ import annotations

import datetime as dt

from crm.model.records import Facet, Listing
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.repository.records import accounts, platforms
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..schemas import SAMPLE_DAY
from .facets import counts
from .test_accounts import ids, make


def test_percent_and_underscore_are_plain_in_search(warehouse: Warehouse) -> None:
    teams = {"A": "100% sure", "B": "100 times", "C": "snake_case", "D": "snakeXcase"}
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": n, "team": team} for n, team in teams.items()])
    assert ids(warehouse, q="0%") == ["A"]
    assert ids(warehouse, q="E_C") == ["C"]


def test_list_is_one_statement(sample: Warehouse, statements: Statements) -> None:
    with statements() as done:
        page = accounts.search(sample, Listing(q="a", filters={"platform": ("Databricks",)}))
    assert len(done) == 1
    assert page.total == len(page.rows) == 5


def test_a_row_of_the_list_counts_what_belongs_to_the_account(sample: Warehouse) -> None:
    (row,) = accounts.search(sample, Listing(q="bsn005")).rows
    assert row.account == accounts.get(sample, "BSN005")
    assert row.statuses == {
        "Databricks": "Not Started",
        "Snowflake": "Requested",
        "Power Platform": "Completed",
    }
    assert (row.use_case_count, row.update_count) == (2, 6)
    assert row.last_update == SAMPLE_DAY - dt.timedelta(days=3)


def test_filters_and_facets(sample: Warehouse) -> None:
    listing = Listing(filters={"primary_it_partner": ("Priya Raman",), "vp": ()})
    page = accounts.search(sample, listing)
    assert {row.account.bsnid for row in page.rows} == {"BSN001", "BSN003"}
    # Its own facet still offers the others; the other facets are narrowed.
    facet = accounts.facet(sample, listing, "primary_it_partner", "", 100)
    assert [(f.value, f.count) for f in facet.values] == [
        ("Priya Raman", 2),
        ("Tomás Herrera", 2),
        ("Marcus Johansson", 1),
    ]
    assert (facet.choices, facet.total) == (3, page.total)
    assert counts(accounts, sample, listing, "vp").keys() == {"Margaret Osei", "Chloé Laurent"}


def test_several_values_of_a_filter_are_alternatives(sample: Warehouse) -> None:
    wanted = ("Margaret Osei", "Robert Nakamura", *(f"No\\b'o\"dy, {n}\n€" for n in range(48)))
    found = ids(sample, filters={"vp": wanted})
    assert set(found) == {"BSN001", "BSN004"}
    # Many values of all filters: more than a statement takes parameters.
    some = {name: tuple(f"{name} {n}" for n in range(50)) for name in accounts.FILTERS}
    assert ids(sample, filters=some) == []


def test_empty_is_a_value(warehouse: Warehouse) -> None:
    make(warehouse, "A", vp="")
    make(warehouse, "B", vp="Someone")
    listing = Listing(filters={"vp": ("",)})
    page = accounts.search(warehouse, listing)
    assert [row.account.bsnid for row in page.rows] == ["A"]
    assert counts(accounts, warehouse, listing, "vp") == {"": 1, "Someone": 1}


def test_platform_and_status_are_asked_of_the_same_row(warehouse: Warehouse) -> None:
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": bsnid, "team": "T"} for bsnid in "ABC"])
    platforms.set_status(warehouse, "A", "Databricks", "Completed", None)
    platforms.set_status(warehouse, "A", "Snowflake", "Requested", None)
    platforms.set_status(warehouse, "B", "Databricks", "Requested", None)

    def found(**filters: tuple[str, ...]) -> list[str]:
        return ids(warehouse, filters=filters)

    assert found(platform=("Databricks",)) == ["A", "B"]
    assert found(platform=("Databricks",), status=("Requested",)) == ["B"]
    assert found(status=("Requested",)) == ["A", "B"]
    # An account without a row counts as Not Started, as on the overview.
    assert found(platform=("Databricks",), status=("Not Started",)) == ["C"]
    listing = Listing(filters={"platform": ("Databricks",)})
    found_platforms = counts(accounts, warehouse, listing, "platform")
    assert found_platforms == {"Databricks": 2, "Snowflake": 1}
    assert counts(accounts, warehouse, listing, "status") == {
        "Completed": 1,
        "Requested": 1,
        "Not Started": 1,
    }


def test_every_sort_pages_through_all_once(sample: Warehouse) -> None:
    for sort in (*accounts.SORTS, *(f"-{key}" for key in accounts.SORTS)):
        seen = [id for page in (1, 2) for id in ids(sample, sort=sort, page=page, size=3)]
        assert sorted(seen) == ["BSN001", "BSN002", "BSN003", "BSN004", "BSN005"], sort


def test_a_facet_counts_an_account_once(warehouse: Warehouse) -> None:
    make(warehouse, "1")
    for platform in ("Databricks", "Snowflake"):
        platforms.set_status(warehouse, "1", platform, "Requested", None)
    assert counts(accounts, warehouse, Listing(), "status") == {"Requested": 1}
    found = accounts.facet(warehouse, Listing(), "platform", "", 100)
    assert found.values == (Facet("Databricks", 1), Facet("Snowflake", 1))
    assert found.total == 1


def test_sorting_ignores_case_and_puts_empty_values_last(warehouse: Warehouse) -> None:
    rows = [("beta", "Y"), ("Alpha", ""), ("ALPHA", "X"), ("Éclair", "")]
    insert_missing(
        warehouse,
        ACCOUNTS,
        [{"bsnid": str(n), "team": team, "vp": vp} for n, (team, vp) in enumerate(rows, 1)],
    )
    assert ids(warehouse) == ["2", "3", "1", "4"]
    assert ids(warehouse, sort="-team") == ["4", "1", "2", "3"]
    assert ids(warehouse, sort="vp") == ["3", "1", "2", "4"]
    assert ids(warehouse, sort="-vp") == ["1", "3", "2", "4"]
    assert ids(warehouse, sort="no such") == ids(warehouse, sort="team")


def test_sorting_by_what_belongs_to_the_account(warehouse: Warehouse) -> None:
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": bsnid, "team": "T"} for bsnid in "123"])
    cases = [{"id": n, "account_bsnid": bsnid} for n, bsnid in enumerate("2212")]
    insert_missing(warehouse, USE_CASES, cases)
    days = {"1": dt.date(2026, 1, 1), "3": dt.date(2026, 2, 1)}
    rows = [{"id": bsnid, "account_bsnid": bsnid, "date": day} for bsnid, day in days.items()]
    insert_missing(warehouse, UPDATES, rows)
    assert ids(warehouse, sort="-use_cases") == ["2", "1", "3"]
    assert ids(warehouse, sort="use_cases") == ["3", "1", "2"]
    assert ids(warehouse, sort="-last_update") == ["3", "1", "2"]
    # Accounts that were never updated come first if the list is sorted by the oldest update.
    assert ids(warehouse, sort="last_update") == ["2", "1", "3"]


def test_page_beyond_the_end_is_the_last(sample: Warehouse) -> None:
    page = accounts.search(sample, Listing(page=99, size=2))
    assert (page.listing.page, page.last, page.total) == (3, 3, 5)
    assert len(page.rows) == 1
    assert (page.first_row, page.last_row) == (5, 5)
    assert accounts.search(sample, Listing(page=-4)).listing.page == 1


def test_a_list_without_accounts_has_one_empty_page(warehouse: Warehouse) -> None:
    page = accounts.search(warehouse, Listing(q="nothing", page=7))
    assert (page.rows, page.total, page.listing.page, page.last) == ((), 0, 1, 1)
    for name in ("vp", "platform"):
        assert accounts.facet(warehouse, page.listing, name, "", 9).values == ()
