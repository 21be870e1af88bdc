"""The history reads the newest rows only, and shows the same as if it had read all of them.

The feeds are made up, except in the last two tests.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from crm.model.changes import DELETED, Change
from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, TABLES, USE_CASES
from crm.repository import operations, versions
from crm.repository.past import _history_sql, _window, history, restore_tables
from crm.repository.past._history_sql import Note
from crm.repository.past.cursor import Cursor
from crm.repository.past.history import OUTSIDE, History, Wanted
from crm.repository.records import accounts
from crm.repository.records.account_filter import AccountFilter
from crm.warehouse import Warehouse

from ..pages.html import text, texts
from ..sizes import size, soak
from .conftest import GetPage, summaries, write_import
from .feeds import Feeds, filled

STARTS = {table.name: 0 for table in TABLES}
FEEDS = size(3, 200)


def loaded(feeds: Feeds, wanted: Wanted) -> History:
    wh: Any = SimpleNamespace(cache_key=feeds.seed, namespace=Namespace(), at=lambda _: None)
    return history._load(wh, wanted, STARTS, True)


def pages(load: Callable[[Wanted], History], wanted: Wanted) -> Iterator[list[Change]]:
    found = load(wanted)
    while True:
        yield found.changes
        if found.older:
            found = load(replace(wanted, after=Cursor.read(str(found.older))))
        elif found.page < found.last:
            found = load(replace(wanted, page=found.page + 1))
        else:
            return


def uncounted(changes: list[Change]) -> list[Change]:
    """Leave out how many changes an import made, which a window does not know."""
    return [replace(change, changes=None) for change in changes]


@pytest.fixture
def windows_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set how many rows a part may have."""

    def windows_of(most: int, commits: int = 4) -> None:
        monkeypatch.setattr(_window, "MOST", most)
        monkeypatch.setattr(_window, "MOST_OF_PAGE", 5 * most)
        monkeypatch.setattr(_window, "COMMITS", commits)
        _window._large.clear()
        _window._small.clear()

    return windows_of


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[[Feeds], None]:
    def made_up(feeds: Feeds) -> None:
        monkeypatch.setattr(_history_sql, "read", feeds.read)
        monkeypatch.setattr(_history_sql, "read_records", feeds.read_records)
        monkeypatch.setattr(_history_sql, "read_notes", feeds.read_notes)
        monkeypatch.setattr(versions, "timelines_until", feeds.timelines)

    return made_up


SOME_ACCOUNTS = AccountFilter(values={"vp": ("Vera",)})
WANTED = [
    Wanted(),
    Wanted(is_gathered=True),
    Wanted(kind="deleted"),
    Wanted(person=OUTSIDE, is_gathered=True),
    Wanted(person="ana"),
    Wanted(field="team"),
    Wanted(bsnid="a1"),
    Wanted(bsnid="a2", table="use_cases"),
    Wanted(accounts=SOME_ACCOUNTS),
    Wanted(accounts=SOME_ACCOUNTS, kind="created", is_gathered=True),
]


@soak
@pytest.mark.parametrize("seed", range(FEEDS))
def test_pages_of_windows_show_what_one_reading_of_all_shows(
    windows_of: Any, made_up: Any, seed: int
) -> None:
    feeds = filled(seed, 120)
    made_up(feeds)
    load = partial(loaded, feeds)
    for wanted in WANTED:
        windows_of(10**6)
        _window._small[seed] = True
        everything = load(replace(wanted, size=10**6))
        assert everything.total == len(everything.changes)
        windows_of(60)
        found = [change for page in pages(load, replace(wanted, size=7)) for change in page]
        assert uncounted(found) == uncounted(everything.changes), wanted


def test_a_page_of_some_accounts_reads_so_many_parts(windows_of: Any, made_up: Any) -> None:
    """The number of parts is limited, even if few changes concern these accounts."""
    feeds = filled(3, 300)
    made_up(feeds)
    windows_of(1_000)
    load, wanted, pages = partial(loaded, feeds), Wanted(accounts=SOME_ACCOUNTS, size=10**6), 0
    found: list[Change] = []
    while True:
        before = len(feeds.reads)
        page = load(wanted)
        assert len(feeds.reads) - before <= _window.PARTS_OF_ACCOUNTS
        found, pages = found + page.changes, pages + 1
        if page.older is None:
            break
        assert page.read_to is not None
        wanted = replace(wanted, after=Cursor.read(str(page.older)))
    assert pages > 2
    _window._small[feeds.seed] = True
    assert uncounted(found) == uncounted(load(replace(wanted, after=None)).changes)


def import_of_two_commits(feeds: Feeds) -> None:
    """Import 30 accounts."""
    id, began = feeds.id(), feeds.now
    stamp = {"updated_by": "ana", "change_id": id}
    for part in range(2):
        keys = (f"a{part}{n:02}" for n in range(15))
        feeds.commit(ACCOUNTS, {key: feeds.row(ACCOUNTS, key, key, **stamp) for key in keys})
    feeds.notes[id] = Note(operations.IMPORT, "ana", "imported rows", began, feeds.now)


def test_an_import_with_others_changes_between_is_one_entry_on_all_pages(
    windows_of: Any, made_up: Any
) -> None:
    windows_of(3)
    feeds = Feeds(0)
    made_up(feeds)
    id, began = feeds.id(), feeds.now
    feeds.commit(ACCOUNTS, {"a": feeds.row(ACCOUNTS, "a", "a", updated_by="ana", change_id=id)})
    for key in "bcdef":
        own = {"updated_by": "bob", "change_id": feeds.id()}
        feeds.commit(ACCOUNTS, {key: feeds.row(ACCOUNTS, key, key, **own)})
    feeds.commit(ACCOUNTS, {"g": feeds.row(ACCOUNTS, "g", "g", updated_by="ana", change_id=id)})
    feeds.notes[id] = Note(operations.IMPORT, "ana", "imported rows", began, feeds.now)
    found = list(pages(partial(loaded, feeds), Wanted(is_gathered=True, size=1)))
    assert [[change.key for change in page] for page in found] == [[key] for key in "gfedcb"]


@pytest.mark.parametrize("most", [1_000, 20])
def test_an_old_import_deleted_nothing(windows_of: Any, made_up: Any, most: int) -> None:
    """Though it wrote the account as it was, as the CRM does before it deletes a child."""
    feeds = Feeds(0)
    made_up(feeds)
    windows_of(most)
    id, began = feeds.id(), feeds.now
    for table, key in ((ACCOUNTS, "a1"), (ACCOUNTS, "a2"), (USE_CASES, "u1")):
        feeds.commit(table, {key: feeds.row(table, key, "a2" if key == "a2" else "a1")})
    written = feeds.tables[ACCOUNTS]["a1"] | {"updated_by": "ana", "change_id": id}
    feeds.commit(ACCOUNTS, {"a1": written | {"updated_at": feeds.now}})
    feeds.notes[id] = Note(operations.IMPORT, "ana", "imported rows", began, feeds.now)
    feeds.now += dt.timedelta(days=1)
    for _ in range(20):
        feeds.commit(ACCOUNTS, {"a2": feeds.row(ACCOUNTS, "a2", "a2")})
    feeds.commit(USE_CASES, {"u1": None})
    [deletion] = loaded(feeds, Wanted(size=1)).changes
    assert (deletion.kind, deletion.outside, deletion.summary) == (DELETED, True, "")


def test_an_import_has_its_number_of_changes_only_if_all_were_read(
    windows_of: Any, made_up: Any
) -> None:
    feeds = Feeds(0)
    made_up(feeds)
    import_of_two_commits(feeds)
    counts = {}
    for most in (1_000, 20):
        windows_of(most)
        [change] = loaded(feeds, Wanted(is_gathered=True)).changes
        counts[most] = change.changes
    assert counts == {1_000: 30, 20: None}


def test_a_commit_at_the_first_moment_is_read_whole(windows_of: Any, made_up: Any) -> None:
    feeds = Feeds(0)
    made_up(feeds)
    import_of_two_commits(feeds)
    windows_of(10)
    assert len(loaded(feeds, Wanted(since=feeds.now, size=50)).changes) == 15


def test_a_page_reads_no_more_rows_of_a_longer_history(windows_of: Any, made_up: Any) -> None:
    windows_of(100, commits=30)
    costs = []
    for steps in (200, 1000):
        feeds = filled(1, steps)
        made_up(feeds)
        loaded(feeds, Wanted(size=7))  # learns that there are many rows
        feeds.reads.clear()
        found = loaded(feeds, Wanted(size=7))
        assert (len(found.changes), found.total) == (7, None)
        costs.append(sum(feeds.reads))
        assert len(feeds.reads) == 1, "one statement reads the page"
    assert max(costs) < 200


def test_a_page_does_not_read_what_lies_before_many_changes(windows_of: Any, made_up: Any) -> None:
    windows_of(20, commits=30)
    feeds = Feeds(0)
    made_up(feeds)
    keys = [f"a{number}" for number in range(130)]
    for _ in range(5):
        feeds.now += dt.timedelta(hours=1)
        feeds.commit(ACCOUNTS, {key: feeds.row(ACCOUNTS, key, key) for key in keys})
    loaded(feeds, Wanted(size=7))  # learns that there are many rows
    feeds.reads.clear()
    assert len(loaded(feeds, Wanted(size=7)).changes) == 7
    assert feeds.reads == [2 * len(keys)], "the last commit only"


def test_windows_of_a_warehouse_show_the_same(
    windows_of: Any, sample_history: None, warehouse: Warehouse, ana: Warehouse, bob: Warehouse
) -> None:
    write_import(warehouse)
    accounts.delete(bob, "B1")
    assert versions.load(warehouse).commits[ACCOUNTS][-1].changed == 1
    version = restore_tables.latest_versions(ana)[ACCOUNTS]
    accounts.delete(ana, "B2")
    restore_tables.restore_version(ana, ACCOUNTS, version)
    load = partial(history.load, warehouse)
    for wanted in (Wanted(), Wanted(is_gathered=True), Wanted(bsnid="B1")):
        windows_of(2_000)
        everything = load(wanted)
        windows_of(9)
        found = [change for page in pages(load, replace(wanted, size=3)) for change in page]
        assert everything.total == len(found)
        assert uncounted(found) == uncounted(everything.changes)


def test_the_page_says_that_there_may_be_older_changes(
    windows_of: Any,
    monkeypatch: pytest.MonkeyPatch,
    sample_history: None,
    get_page: GetPage,
    client: Client,
) -> None:
    def csv() -> list[bytes]:
        return b"".join(client.get("/activity/?format=csv").streaming_content).splitlines()

    page, whole = get_page("/activity/"), csv()
    everything, people = summaries(page), texts(page, "#filter-person option")
    windows_of(8)
    monkeypatch.setattr(_window, "MOST_OF_PAGE", 1)
    page = get_page("/activity/")
    assert "there may be older ones" in text(page, ".count-line p[role=status]")
    who = page.select_one("#filter-person")
    assert set(texts(who, "option")) < set(people), "the page has read some only"
    assert texts(get_page(who["hx-get"]), "option") == people
    found = summaries(page)
    while link := page.select_one("a[rel=next]"):
        page = get_page(link["href"])
        found += summaries(page)
        assert texts(page, ".pagination a")[0] == "Newest"
    count = text(page, ".count-line p[role=status]")
    assert "older change" in count
    assert "there are no more" in count
    assert found == everything
    assert csv() == whole
    page = get_page("/activity/?person=nobody")
    assert text(page, ".empty h2") == "No change matches so far"
    while link := page.select_one("a[rel=next]"):
        page = get_page(link["href"])
    assert text(page, ".empty h2") == "No older change matches"
