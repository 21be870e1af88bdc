from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest

from crm.model.records import Account, Listing
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository import versions
from crm.repository.errors import AlreadyExists, ChangedMeanwhile, Missing, Stale
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.repository.steps import Earlier
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..schemas import ACTOR
from ..sizes import IS_SOAK, soak

HOSTILE = (
    "'; DROP TABLE accounts; --",
    "100% of _everything_ :bsnid ${x} {accounts}",
    "back\\slash 'single' \"double\" `tick`",
    "emoji 🧱🔥 and combining é",
    "שלום עולם \u202emirrored",
    "line\nbreak\ttab",
    "x" * 100_000,
)
# All in one text, or each of them.
HOSTILE_TEXTS = HOSTILE if IS_SOAK else (" ".join(HOSTILE[:-1]), HOSTILE[-1])


def make(wh: Warehouse, bsnid: str = "BSN100", **values: str) -> Account:
    accounts.create(wh, {"bsnid": bsnid, "team": f"Team {bsnid}", **values})
    account = accounts.get(wh, bsnid)
    assert account is not None
    return account


def version_of(wh: Warehouse) -> int:
    """Return the Delta version of the accounts table, which grows with each commit."""
    return versions.load(wh).commits[ACCOUNTS][-1].version


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


@soak
@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_any_text_is_only_text(warehouse: Warehouse, text: str) -> None:
    account = make(warehouse, team=text)
    assert account.team == text
    assert ids(warehouse, q=text[:900]) == ["BSN100"]
    assert ids(warehouse, filters={"business_area": (text[:900],)}) == []
    assert ids(warehouse, filters={text[:50]: ("x",)}, sort=text[:50]) == ["BSN100"]
    accounts.update(warehouse, "BSN100", {"vp": text}, account.updated_at)
    assert accounts.get(warehouse, "BSN100").vp == text  # type: ignore[union-attr]
    assert accounts.get(warehouse, text[:900]) is None


@soak
@pytest.mark.parametrize("key", HOSTILE[:5] if IS_SOAK else [" ".join(HOSTILE[:5])])
def test_any_text_can_be_the_key(warehouse: Warehouse, key: str) -> None:
    make(warehouse, "other")
    make(warehouse, key)
    accounts.delete(warehouse, key)
    assert ids(warehouse) == ["other"]


def test_creating_an_account_twice_is_refused(
    warehouse: Warehouse, statements: Statements
) -> None:
    make(warehouse, team="First")
    with statements() as done, pytest.raises(AlreadyExists) as caught:
        accounts.create(warehouse, {"bsnid": "BSN100", "team": "Second"})
    assert caught.value.key == "BSN100"
    assert len(done) == 2
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


def test_an_update_changes_only_the_given_fields_and_the_stamp(
    warehouse: Warehouse, someone_else: Warehouse, statements: Statements
) -> None:
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


def test_saving_what_it_says_already_leaves_no_trace(
    warehouse: Warehouse, someone_else: Warehouse
) -> None:
    account = make(warehouse, vp="Stays")
    version = version_of(warehouse)
    values: list[dict[str, str]] = [{}, {"vp": "Stays"}, {"vp": "Stays", "admin": ""}]
    for same in values:
        accounts.update(someone_else, "BSN100", same, account.updated_at)
        assert accounts.get(warehouse, "BSN100") == account, same
    assert version_of(warehouse) == version


def test_an_empty_field_alone_is_filled_and_emptied_again(warehouse: Warehouse) -> None:
    account = make(warehouse)
    for value in ("V", None):
        accounts.update(warehouse, "BSN100", {"vp": value or ""}, account.updated_at)
        account = accounts.get(warehouse, "BSN100") or account
        assert account.vp == value


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
    saved, version = accounts.get(warehouse, "BSN100"), version_of(warehouse)
    assert saved is not None
    assert saved.updated_at > seen  # type: ignore[operator]
    accounts.update(warehouse, "BSN100", {"team": "Same", "vp": ""}, seen)
    assert accounts.get(warehouse, "BSN100") == saved
    assert version_of(warehouse) == version


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
    both = ("BSN100", "BSN200")
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": bsnid} for bsnid in both])
    for table, start in ((PLATFORMS_STATUS, "s"), (USE_CASES, "u"), (UPDATES, "d")):
        rows = [{"id": f"{start}-{bsnid}", "account_bsnid": bsnid} for bsnid in both]
        insert_missing(warehouse, table, rows)
    # An attempt stamped the account and deleted its statuses; then somebody else changed it. Or
    # an attempt deleted it, and then somebody brought it back.
    for done in (2, 5):
        with pytest.raises(ChangedMeanwhile):
            accounts.delete(warehouse, "BSN100", Earlier("of the attempt", done=done))
    accounts.delete(warehouse, "BSN100")
    with pytest.raises(Missing):
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


def test_microseconds_of_updated_at_survive(warehouse: Warehouse) -> None:
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
