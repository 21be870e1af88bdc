"""Use cases and updates: tests of both, then of each."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from types import ModuleType
from typing import Any

import pytest

from crm.model.records import Listing
from crm.repository import versions
from crm.repository.errors import AlreadyExists, Missing, Stale
from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..schemas import ACTOR, SAMPLE_DAY
from ..sizes import soak
from .facets import counts
from .test_accounts import HOSTILE_TEXTS

BOTH = pytest.mark.parametrize(
    ("rows", "text"),
    [(use_cases, "problem"), (updates, "description")],
    ids=["use_case", "update"],
)


@pytest.fixture
def account(warehouse: Warehouse) -> str:
    accounts.create(warehouse, {"bsnid": "BSN100", "team": "Claims", "business_area": "Insurance"})
    return "BSN100"


def make(wh: Warehouse, rows: ModuleType, bsnid: str = "BSN100", **values: Any) -> Any:
    id = str(uuid.uuid4())
    rows.create(wh, bsnid, id, values)
    return rows.get(wh, id)


@BOTH
def test_create_and_get(
    warehouse: Warehouse, account: str, rows: ModuleType, text: str, statements: Statements
) -> None:
    with statements() as done:
        rows.create(warehouse, account, "id-1", {text: "words", "platform": ""})
    assert len(done) == 2
    row = rows.get(warehouse, "id-1")
    assert (row.id, row.account_bsnid, row.team) == ("id-1", account, "Claims")
    assert (getattr(row, text), row.platform) == ("words", None)
    assert (row.created_by, row.updated_by) == (ACTOR, ACTOR)
    assert row.created_at == row.updated_at
    assert rows.get(warehouse, "id-2") is None


@BOTH
def test_the_same_form_again_makes_no_second_row(
    warehouse: Warehouse, account: str, rows: ModuleType, text: str, statements: Statements
) -> None:
    rows.create(warehouse, account, "id-1", {text: "first"})
    before = rows.get(warehouse, "id-1")
    with statements() as done:
        assert rows.create(warehouse, account, "id-1", {text: "first"})
    assert len(done) == 2
    assert rows.get(warehouse, "id-1") == before
    rows.create(warehouse, account, "id-1", {text: "second"})
    changed = rows.get(warehouse, "id-1")
    assert (getattr(changed, text), changed.created_at) == ("second", before.created_at)
    # The row is no longer as the form saved it.
    with pytest.raises(AlreadyExists):
        rows.create(warehouse, account, "id-1", {text: "third"})
    assert rows.get(warehouse, "id-1") == changed


@BOTH
def test_no_child_without_its_account_and_no_unknown_column(
    warehouse: Warehouse, account: str, rows: ModuleType, text: str, statements: Statements
) -> None:
    with statements() as done, pytest.raises(Missing) as caught:
        rows.create(warehouse, "BSN999", "id-1", {text: "words"})
    assert caught.value.key == "BSN999"
    assert len(done) == 2
    with pytest.raises(ValueError, match="has no column"):
        rows.create(warehouse, account, "id-1", {text: "x", "account_bsnid": "BSN999"})
    assert rows.search(warehouse, Listing()).total == 0


@BOTH
def test_an_update_changes_only_the_given_fields_and_the_stamp(
    warehouse: Warehouse,
    someone_else: Warehouse,
    account: str,
    rows: ModuleType,
    text: str,
    statements: Statements,
) -> None:
    row = make(warehouse, rows, **{text: "old", "platform": "Snowflake"})
    with statements() as done:
        rows.update(someone_else, row.id, {text: "new", "platform": ""}, row.updated_at)
    now = rows.get(warehouse, row.id)
    assert len(done) == 1
    assert (getattr(now, text), now.platform) == ("new", None)
    assert (now.created_by, now.updated_by) == (ACTOR, "bob@example.com")
    assert now.updated_at > row.updated_at
    with statements() as done, pytest.raises(Stale) as caught:
        rows.update(warehouse, row.id, {text: "late"}, row.updated_at)
    assert caught.value.current == now
    assert len(done) == 2
    with pytest.raises(Missing):
        rows.update(warehouse, "id-9", {text: "x"}, row.updated_at)


@BOTH
def test_saving_what_it_says_already_leaves_no_trace(
    warehouse: Warehouse, someone_else: Warehouse, account: str, rows: ModuleType, text: str
) -> None:
    row = make(warehouse, rows, **{text: "stays"})
    before = versions.load(warehouse).commits
    rows.update(someone_else, row.id, {text: "stays", "platform": ""}, row.updated_at)
    rows.update(someone_else, row.id, {text: "stays"}, None)
    assert rows.get(warehouse, row.id) == row
    assert versions.load(warehouse).commits == before


@BOTH
def test_of_concurrent_edits_one_wins(
    warehouse: Warehouse, account: str, rows: ModuleType, text: str
) -> None:
    row = make(warehouse, rows, **{text: "old"})
    stale: list[Stale] = []

    def edit(number: int) -> None:
        try:
            rows.update(warehouse, row.id, {text: f"new {number}"}, row.updated_at)
        except Stale as error:
            stale.append(error)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stale) == 3
    now = rows.get(warehouse, row.id)
    assert all(error.current == now for error in stale)


@BOTH
def test_delete_removes_only_that_row_and_can_be_repeated(
    warehouse: Warehouse, account: str, rows: ModuleType, text: str
) -> None:
    row = make(warehouse, rows, **{text: "words"})
    other = make(warehouse, rows, **{text: "others"})
    rows.delete(warehouse, row.id)
    with pytest.raises(Missing):
        rows.delete(warehouse, row.id)
    assert [item.id for item in rows.search(warehouse, Listing()).rows] == [other.id]


@soak
@BOTH
@pytest.mark.parametrize("value", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_any_text_is_only_text(
    warehouse: Warehouse, account: str, rows: ModuleType, text: str, value: str
) -> None:
    row = make(warehouse, rows, **{text: value})
    assert getattr(row, text) == value
    assert rows.search(warehouse, Listing(q=value[:900])).total == 1
    assert rows.search(warehouse, Listing(filters={"platform": (value[:900],)})).total == 0


@BOTH
def test_every_sort_pages_through_all_once(sample: Warehouse, rows: ModuleType, text: str) -> None:
    total = rows.search(sample, Listing()).total
    half = -(-total // 2)
    for key in rows.SORTS:
        for sort in (key, f"-{key}"):
            pages = [
                rows.search(sample, Listing(sort=sort, page=page, size=half)).rows
                for page in (1, 2)
            ]
            ids = [row.id for page in pages for row in page]
            assert len(ids) == len(set(ids)) == total, sort


@BOTH
def test_list_is_one_statement(
    sample: Warehouse, rows: ModuleType, text: str, statements: Statements
) -> None:
    with statements() as done:
        page = rows.search(sample, Listing(q="CLAIMS", filters={"platform": ("Databricks",)}))
    assert len(done) == 1
    assert page.total == len(page.rows) == (2 if rows is use_cases else 5)
    assert {row.team for row in page.rows} == {"Claims Analytics"}


def test_use_case_filters(sample: Warehouse) -> None:
    listing = Listing(
        filters={"status": ("Active", "In Progress"), "business_area": ("Finance", "")}
    )
    assert use_cases.search(sample, listing).total == 0
    found = counts(use_cases, sample, listing, "status")
    assert found.keys() == {"Completed", "Not Started"}
    page = use_cases.search(sample, Listing(filters={"enablement_tier": ("Self-Service",)}))
    assert {row.enablement_tier for row in page.rows} == {"Self-Service"}
    assert {row.team for row in page.rows} == {
        "Claims Analytics",
        "Marketing Attribution",
        "Field Service Operations",
    }


@BOTH
def test_a_search_finds_the_teams_rows(
    warehouse: Warehouse, account: str, rows: ModuleType, text: str
) -> None:
    row = make(warehouse, rows, **{text: "words"})
    accounts.create(warehouse, {"bsnid": "BSN200", "team": "Other"})
    rows.create(warehouse, "BSN200", "other", {text: "words"})
    found = rows.search(warehouse, Listing(q="cLAIMs")).rows
    assert [each.id for each in found] == [row.id]


def test_use_cases_come_by_team(warehouse: Warehouse) -> None:
    for bsnid, team in (("1", "beta"), ("2", "Alpha")):
        accounts.create(warehouse, {"bsnid": bsnid, "team": team})
        make(warehouse, use_cases, bsnid, problem="p")
    rows = use_cases.search(warehouse, Listing()).rows
    assert [row.team for row in rows] == ["Alpha", "beta"]


def test_updates_come_newest_first(sample: Warehouse) -> None:
    page = updates.search(sample, Listing(size=100))
    dates = [row.date for row in page.rows]
    assert dates == sorted(dates, reverse=True)  # type: ignore[type-var]
    assert dates[0] == SAMPLE_DAY
    facet = updates.facet(sample, Listing(), "platform", "", 100)
    assert facet.values[-1].value == ""
    assert facet.total == sum(each.count for each in facet.values) == page.total


def test_update_of_the_same_day_written_later_comes_first(
    warehouse: Warehouse, account: str
) -> None:
    day = dt.date(2026, 2, 28)
    ids = [make(warehouse, updates, date=day, description=word).id for word in "abc"]
    assert [row.id for row in updates.search(warehouse, Listing()).rows] == ids[::-1]
    detail = accounts.get_detail(warehouse, account)
    assert detail is not None
    assert [row.id for row in detail.updates] == ids[::-1]
    assert detail.updates[0].date == day


def test_a_list_reads_updates_from_the_day_at_which_it_ended_last_time(
    warehouse: Warehouse, account: str, statements: Statements
) -> None:
    ids = [
        make(warehouse, updates, date=day, description="x").id
        for day in (None, *(dt.date(2026, 2, day) for day in (1, 2, 3)))
    ]

    def listed() -> tuple[list[int], int, int]:
        with statements() as done:
            page = updates.search(warehouse, Listing(size=2))
        since = sum("page_since" in statement for statement in done)
        return [ids.index(row.id) for row in page.rows], len(done), since

    assert listed() == ([3, 2], 1, 0)
    assert listed() == ([3, 2], 1, 1)
    ids.append(make(warehouse, updates, date=dt.date(2026, 2, 4), description="x").id)
    assert listed() == ([4, 3], 1, 1)
    # Of rows that were deleted since, it learns from an answer that lacks some.
    updates.delete(warehouse, ids[4])
    updates.delete(warehouse, ids[2])
    assert listed() == ([3, 1], 2, 1)
    assert listed() == ([3, 1], 1, 1)
    updates.delete(warehouse, ids[3])
    assert listed() == ([1, 0], 2, 1)
    assert listed() == ([1, 0], 1, 0)


def test_orphans_are_listed(warehouse: Warehouse, account: str) -> None:
    """Legacy data may have orphans; an interrupted deletion of an account leaves none."""
    row = make(warehouse, updates, description="left behind")
    table = f"{warehouse.namespace.quoted_schema}.`accounts`"
    warehouse.execute(f"DELETE FROM {table}", repeatable=True)
    (found,) = updates.search(warehouse, Listing()).rows
    assert (found.id, found.team) == (row.id, None)
