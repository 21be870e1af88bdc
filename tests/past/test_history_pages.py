"""The pages of an account's history, and of the activity in all accounts."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from django.test import Client

from crm.model.schema import PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository.records import accounts, platforms, use_cases
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..pages.html import HTMX, parsed, text, texts
from .conftest import ANA, BOB, GetPage, edit, summaries


def test_changes_are_sentences(sample_history: None, get_page: GetPage, settings: Any) -> None:
    page = get_page("/accounts/B1/history/")
    assert texts(page, ".moment-head b") == [BOB, ANA]
    assert summaries(page) == [
        "Deleted the update “Kick-off <b>”",
        "Changed Team and VP of the account Claims & more",
        "Moved the use case “Too slow” from Planning to Active",
        "Moved Databricks from Requested to In Progress",
        "Wrote the update “Kick-off <b>”",
        "Created the use case “Too slow”",
        "Set Databricks to Requested",
        "Created the account Claims",
    ]
    change = page.select(".change")[1]
    assert texts(change, "dt") == ["Team", "VP"]
    assert texts(change, "del span[dir]") == ["Claims", "—"]
    assert texts(change, "ins span[dir]") == ["Claims & more", "Vera"]
    assert page.select("a[href*='/put-back/']")
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    page = get_page("/accounts/B1/history/")
    assert not page.select("a[href*='/put-back/']"), "readers are offered no revert"


def test_a_record_has_a_history_of_its_own(
    sample_history: None, client: Client, get_page: GetPage
) -> None:
    page = get_page("/accounts/B1/")
    link = page.select_one(".use-case [href*='record=u-1']")
    assert link.find_parent(attrs={"hx-target": True})["hx-target"] == "#dialog"
    panel = client.get(link["href"], HTTP_HX_TARGET="dialog", **HTMX)
    dialog = parsed(panel).select_one("dialog")
    assert summaries(dialog) == [
        "Moved the use case “Too slow” from Planning to Active",
        "Created the use case “Too slow”",
    ]
    assert summaries(get_page(link["href"])) == summaries(dialog)


def test_activity_is_of_all_accounts(sample_history: None, get_page: GetPage) -> None:
    page = get_page("/activity/")
    assert len(summaries(page)) == 9
    links = [a["href"] for a in page.select(".moment-head a[href^='/accounts/']")]
    assert {"/accounts/B1/history/", "/accounts/B2/history/"} <= set(links)


# What the filters leave of the nine changes.
FILTERS = [
    (f"person={BOB}", 4),
    (f"person={ANA}", 5),
    ("person=nobody", 0),
    ("kind=deleted", 1),
    ("kind=created", 5),
    ("table=use_cases", 2),
    ("field=team", 3),
    ("field=vp", 1),
    (f"person={BOB}&kind=changed&table=accounts&field=vp", 1),
    ("since=2001-01-01&until=2001-02-01", 0),
    ("since=2001-01-01", 9),
    ("record=u-1", 2),
    # An invalid filter is ignored; of a day, the page says so.
    ("kind=renamed&table=secrets&field=password&since=yesterday&page=x", 9),
    ("until=31.12.2026", 9),
    ("since=0001-01-01", 9),
    ("until=9999-12-31", 9),
    ("page=0", 9),
    ("person='; DROP TABLE accounts --", 0),
]


# After these, nothing offers to show all.
NO_FILTERS = {
    "kind=renamed&table=secrets&field=password&since=yesterday&page=x",
    "until=31.12.2026",
    "until=9999-12-31",
    "page=0",
}


def test_filters_leave_only_the_changes_that_match(
    sample_history: None, get_page: GetPage
) -> None:
    for query, found in FILTERS:
        page = get_page(f"/activity/?{query}")
        assert len(summaries(page)) == found, query
        counted = text(page, ".count-line p[role=status]")
        assert counted.startswith(f"{found} change"), query
        no_day = next((day for day in ("yesterday", "31.12.2026") if day in query), "")
        said = f"“{no_day}” is no day that this page can filter by, so it was left out."
        assert texts(page, "#history .banner") == ([said] if no_day else []), query
        assert (found == 0) is bool(page.select(".empty")), query
        is_narrowed = query not in NO_FILTERS
        assert bool(page.select(".count-line [role=status] a")) is is_narrowed, query
    # The filters of accounts are none of an account's own history.
    page = get_page("/accounts/B1/history/?vp=Vera&mine=on")
    assert not page.select(".count-line [role=status] a")


def test_older_changes_are_on_the_next_page(
    ana: Warehouse, get_page: GetPage, client: Client
) -> None:
    accounts.create(ana, {"bsnid": "B1", "team": "0"})
    notes = [f"Note {n:02}" for n in range(51)]
    rows = ({"id": note, "account_bsnid": "B1", "description": note} for note in notes)
    insert_missing(ana, UPDATES, rows)
    for n in range(1, 9):
        edit(ana, "B1", team=str(n))
    first = get_page("/accounts/B1/history/")
    assert "page 1 of 2" in text(first, ".count-line p[role=status]")
    older = first.select_one(".pagination [rel=next]")
    second = parsed(client.get(older["hx-get"], **HTMX))
    assert (len(summaries(first)), len(summaries(second))) == (50, 10)
    shown = texts(first, ".change ins span[dir]") + texts(second, ".change ins span[dir]")
    assert shown[:8] == [str(n) for n in range(8, 0, -1)]
    assert sorted(shown[8:-1]) == notes
    assert shown[-1] == "0"
    assert second.select_one("[rel=prev]")
    assert not second.select("[rel=next]")
    beyond = get_page("/accounts/B1/history/?page=99")
    assert "page 2 of 2" in text(beyond, ".count-line p[role=status]")


def test_what_happened_outside_shows_as_well(
    sample_history: None, warehouse: Warehouse, get_page: GetPage, statements: Statements
) -> None:
    table = warehouse.namespace.table(USE_CASES)
    warehouse.execute(f"UPDATE {table} SET leader = 'Someone' WHERE id = 'u-1'", repeatable=True)
    warehouse.execute(f"DELETE FROM {table} WHERE id = 'u-1'", repeatable=True)
    page = get_page("/accounts/B1/history/?person=(outside)")
    assert summaries(page) == [
        "Deleted the use case “Too slow”",
        "Changed Leader of the use case “Too slow”",
    ]
    head = text(page, ".moment-head p")
    assert head.startswith("Outside EDIP CRM as ")
    # Delta's history is read once, for the user's name.
    with statements() as done:
        get_page("/accounts/B1/history/?person=(outside)")
    assert len(done) == 1


def test_a_deleted_account_still_has_its_history(
    sample_history: None, bob: Warehouse, get_page: GetPage, client: Client
) -> None:
    time.sleep(0.1)
    accounts.delete(bob, "B1")
    page = get_page("/accounts/B1/history/")
    assert summaries(page)[0] == "Deleted the account Claims & more"
    assert texts(page, ".moment-head b")[0] == BOB
    link = page.select_one(".moment-when a")
    assert link.get_text() == "see it before"
    assert "Claims & more" in parsed(client.get(link["href"])).get_text()
    # A child's own history tells who deleted it with its account.
    page = get_page("/accounts/B1/history/?record=u-1")
    assert summaries(page)[0] == "Deleted the use case “Too slow”"
    assert texts(page, ".moment-head b")[0] == BOB
    assert client.get("/accounts/NEVER/history/").status_code == 404
    again = replace(bob, actor=ANA)
    accounts.create(again, {"bsnid": "B1", "team": "New"})
    assert summaries(get_page("/accounts/B1/history/"))[0] == "Created the account New"


def test_a_deletion_names_who_deleted_not_who_changed_last(
    sample_history: None, ana: Warehouse, bob: Warehouse, get_page: GetPage
) -> None:
    """Saving unchanged values writes no stamp, which could be taken for the stamp of a delete."""
    account, case = accounts.get(bob, "B1"), use_cases.get(bob, "u-1")
    accounts.update(bob, "B1", {"vp": account.vp}, account.updated_at)
    use_cases.update(bob, "u-1", {"status": case.status}, case.updated_at)
    for table in (USE_CASES, PLATFORMS_STATUS):
        sql = f"DELETE FROM {ana.namespace.table(table)} WHERE account_bsnid = 'B1'"
        ana.execute(sql, repeatable=True)
    page = get_page("/accounts/B1/history/?kind=deleted&person=(outside)")
    assert summaries(page) == [
        "Removed Databricks, which was In Progress",
        "Deleted the use case “Too slow”",
    ]


def test_one_persons_changes_of_an_account_stay_together(
    ana: Warehouse, bob: Warehouse, get_page: GetPage
) -> None:
    """Though other accounts' changes lie between them; somebody else's change of it parts them."""
    for n in (1, 2):
        accounts.create(ana, {"bsnid": f"B{n}", "team": f"Team {n}"})
    for n, wh in ((1, ana), (2, ana), (1, bob), (2, ana), (1, ana)):
        platform = f"P{len(platforms.list_for(ana, f'B{n}'))}"
        platforms.set_status(wh, f"B{n}", platform, "Requested", None)
    page = get_page("/activity/")
    heads = [
        (text(m, "b"), text(m, "p > a"), len(m.select(".change"))) for m in page.select(".moment")
    ]
    assert heads == [
        (ANA, "Team 1", 1),
        (ANA, "Team 2", 3),
        (BOB, "Team 1", 1),
        (ANA, "Team 1", 2),
    ]


def test_it_says_whose_history_it_is_whatever_the_filter(
    sample_history: None, get_page: GetPage, client: Client
) -> None:
    page = get_page("/accounts/B1/history/?person=nobody@example.com")
    assert "Claims & more" in text(page, ".lead")
    assert text(page, ".empty h2") == "No change matches"
    for query in ("kind=deleted", "until=2026-12-31", "after=1-0-0--"):
        assert client.get(f"/accounts/NEVER/history/?{query}").status_code == 404, query


def test_an_account_without_changes_in_a_time_is_not_called_missing(
    sample_history: None, get_page: GetPage
) -> None:
    page = get_page("/accounts/B1/history/?until=2001-01-01&page=" + "9" * 5_000)
    assert text(page, ".empty h2") == "No change matches"
    page = get_page("/accounts/B1/history/?after=1-0-0--")
    assert text(page, ".empty h2") == "No older change"
    assert text(page, ".empty a") == "Show the newest"
    page = get_page("/activity/?person=nobody@example.com")
    assert text(page, "select[name=person] option[selected]") == "nobody@example.com"
