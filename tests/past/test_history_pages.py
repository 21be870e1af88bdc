"""Who changed what, when, as people read it: an account's history, and the activity of all."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import time
from collections.abc import Callable
from dataclasses import replace

import openpyxl
import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.as_of_address import address, format_moment
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, USE_CASES
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..pages.html import HTMX, parsed, text, texts

ANA, BOB = "ana@example.com", "bob@example.com"
See = Callable[[str], BeautifulSoup]


@pytest.fixture
def see(client: Client) -> See:
    def see(path: str) -> BeautifulSoup:
        response = client.get(path)
        assert response.status_code == 200, response.status_code
        return parsed(response)

    return see


@pytest.fixture
def ana(warehouse: Warehouse) -> Warehouse:
    return replace(warehouse, actor=ANA)


@pytest.fixture
def bob(warehouse: Warehouse) -> Warehouse:
    return replace(warehouse, actor=BOB)


@pytest.fixture
def told(ana: Warehouse, bob: Warehouse) -> None:
    """Ana made an account with a use case and an update; Bob changed some of it, and some is
    gone again."""
    accounts.create(ana, {"bsnid": "B1", "team": "Claims", "business_area": "Finance"})
    platforms.set_status(ana, "B1", "Databricks", "Requested", None)
    use_cases.create(ana, "B1", "u-1", {"problem": "Too slow", "status": "Planning"})
    updates.create(ana, "B1", "d-1", {"description": "Kick-off <b>"})
    accounts.create(ana, {"bsnid": "B2", "team": "Other"})
    seen = platforms.list_for(bob, "B1")[0].updated_at
    platforms.set_status(bob, "B1", "Databricks", "In Progress", seen)
    use_cases.update(bob, "u-1", {"status": "Active"}, use_cases.get(bob, "u-1").updated_at)
    seen = accounts.get(bob, "B1").updated_at
    accounts.update(bob, "B1", {"team": "Claims & more", "vp": "Vera"}, seen)
    updates.delete(bob, "d-1")


def said(page: BeautifulSoup) -> list[str]:
    return texts(page, ".change summary")


def test_it_reads_like_sentences(told: None, see: See) -> None:
    page = see("/accounts/B1/history/")
    assert texts(page, ".moment-head b") == [BOB, ANA]
    assert said(page) == [
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


def test_a_record_has_a_history_of_its_own(told: None, client: Client, see: See) -> None:
    page = see("/accounts/B1/")
    link = page.select_one(".card [href*='record=u-1']")
    assert link["hx-target"] == "#dialog"
    panel = client.get(link["href"], HTTP_HX_TARGET="dialog", **HTMX)
    dialog = parsed(panel).select_one("dialog")
    assert said(dialog) == [
        "Moved the use case “Too slow” from Planning to Active",
        "Created the use case “Too slow”",
    ]
    assert said(see(link["href"])) == said(dialog)


def test_activity_is_of_all_accounts(told: None, see: See) -> None:
    page = see("/activity/")
    assert len(said(page)) == 9
    links = [a["href"] for a in page.select(".moment-head a[href^='/accounts/']")]
    assert {"/accounts/B1/history/", "/accounts/B2/history/"} <= set(links)


@pytest.mark.parametrize(
    ("query", "found"),
    [
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
        # What is no such filter does not narrow.
        ("kind=renamed&table=secrets&field=password&since=yesterday&page=x", 9),
        ("person='; DROP TABLE accounts --", 0),
    ],
)
def test_filters(told: None, see: See, query: str, found: int) -> None:
    page = see(f"/activity/?{query}")
    assert len(said(page)) == found
    assert text(page, ".count-line p[role=status]").startswith(f"{found} change")
    assert (found == 0) is bool(page.select(".empty"))


def test_pages(ana: Warehouse, see: See, client: Client) -> None:
    accounts.create(ana, {"bsnid": "B1", "team": "0"})
    for n in range(1, 60):
        accounts.update(ana, "B1", {"team": str(n)}, accounts.get(ana, "B1").updated_at)
    first = see("/accounts/B1/history/")
    assert "page 1 of 2" in text(first, ".count-line p[role=status]")
    older = first.select_one(".pagination [rel=next]")
    second = parsed(client.get(older["hx-get"], **HTMX))
    teams = texts(first, ".change ins span[dir]") + texts(second, ".change ins span[dir]")
    assert teams == [str(n) for n in reversed(range(60))]
    assert second.select_one("[rel=prev]")
    assert not second.select("[rel=next]")
    beyond = see("/accounts/B1/history/?page=99")
    assert "page 2 of 2" in text(beyond, ".count-line p[role=status]")


def test_what_happened_outside_shows_as_well(
    told: None, warehouse: Warehouse, see: See, statements: Statements
) -> None:
    table = warehouse.namespace.table(USE_CASES)
    warehouse.execute(f"UPDATE {table} SET leader = 'Someone' WHERE id = 'u-1'", repeatable=True)
    warehouse.execute(f"DELETE FROM {table} WHERE id = 'u-1'", repeatable=True)
    page = see("/accounts/B1/history/?person=(outside)")
    assert said(page) == [
        "Deleted the use case “Too slow”",
        "Changed Leader of the use case “Too slow”",
    ]
    head = text(page, ".moment-head p")
    assert head.startswith("Outside EDIP CRM as ")
    # Who that was is asked of Delta's history once.
    with statements() as done:
        see("/accounts/B1/history/?person=(outside)")
    assert len(done) == 1


def test_a_deleted_account_still_has_its_history(
    told: None, bob: Warehouse, see: See, client: Client
) -> None:
    accounts.delete(bob, "B1")
    page = see("/accounts/B1/history/")
    assert said(page)[0] == "Deleted the account Claims & more"
    assert texts(page, ".moment-head b")[0] == BOB
    assert client.get("/accounts/NEVER/history/").status_code == 404
    again = replace(bob, actor=ANA)
    accounts.create(again, {"bsnid": "B1", "team": "New"})
    assert said(see("/accounts/B1/history/"))[0] == "Created the account New"


def test_who_deleted_it_is_not_whoever_touched_it_last(
    told: None, ana: Warehouse, bob: Warehouse, see: See
) -> None:
    """Saving what is there already leaves no mark, so that it cannot pass for the mark that
    deleting leaves."""
    account, case = accounts.get(bob, "B1"), use_cases.get(bob, "u-1")
    accounts.update(bob, "B1", {"vp": account.vp}, account.updated_at)
    use_cases.update(bob, "u-1", {"status": case.status}, case.updated_at)
    for table in (USE_CASES, PLATFORMS_STATUS):
        sql = f"DELETE FROM {ana.namespace.table(table)} WHERE account_bsnid = 'B1'"
        ana.execute(sql, repeatable=True)
    page = see("/accounts/B1/history/?kind=deleted&person=(outside)")
    assert said(page) == [
        "Removed Databricks, which was In Progress",
        "Deleted the use case “Too slow”",
    ]


def test_a_childs_own_history_tells_who_deleted_it_with_its_account(
    told: None, bob: Warehouse, see: See
) -> None:
    accounts.delete(bob, "B1")
    page = see("/accounts/B1/history/?record=u-1")
    assert said(page)[0] == "Deleted the use case “Too slow”"
    assert texts(page, ".moment-head b")[0] == BOB


def test_files(told: None, client: Client) -> None:
    wanted = {"person": BOB, "kind": "changed"}
    answer = client.get("/activity/", wanted | {"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    told_of = {(row["table"], row["field"], row["old"], row["new"]) for row in rows}
    assert told_of == {
        ("accounts", "team", "Claims", "Claims & more"),
        ("accounts", "vp", "", "Vera"),
        ("use_cases", "status", "Planning", "Active"),
        ("platforms_status", "status", "Requested", "In Progress"),
    }
    assert {row["person"] for row in rows} == {BOB}
    answer = client.get("/activity/", wanted | {"format": "xlsx"})
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(answer))).active
    assert sheet.max_row == len(rows) + 1


def test_files_are_safe_for_spreadsheets(ana: Warehouse, client: Client) -> None:
    accounts.create(ana, {"bsnid": "B1", "team": "=1+1"})
    answer = client.get("/activity/", {"format": "csv"})
    assert not re.search(r"(^|,)\"?=1", b"".join(answer).decode("utf-8-sig"), re.M)


def test_it_says_how_far_it_reaches(told: None, see: See, client: Client) -> None:
    page = see("/activity/")
    assert "keeps changes for 365 days" in text(page, ".history-reach")
    part = client.get(page.select_one(".history-reach")["hx-get"], **HTMX)
    assert "Earlier changes may have happened" in part.content.decode()
    assert parsed(part).select_one("time")


def test_before_the_feed_nothing_is_pretended(ana: Warehouse, client: Client, see: See) -> None:
    """The feed was switched off and on again: what came before is not in it."""
    accounts.create(ana, {"bsnid": "B1", "team": "Before"})
    table = ana.namespace.table(ACCOUNTS)
    for value in ("false", "true"):
        ana.execute(
            f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = '{value}')",
            repeatable=True,
        )
        if value == "false":
            accounts.create(ana, {"bsnid": "B2", "team": "Unseen"})
    time.sleep(0.05)
    on = dt.datetime.now(dt.UTC)
    accounts.update(ana, "B1", {"team": "After"}, accounts.get(ana, "B1").updated_at)
    page = see("/activity/")
    assert said(page) == ["Changed Team of the account After"]
    reach = parsed(client.get("/activity/reach/", **HTMX)).select_one("time")["datetime"]
    assert abs(dt.datetime.fromisoformat(reach) - on) < dt.timedelta(seconds=5)


def test_the_history_as_of_a_moment(told: None, ana: Warehouse, see: See) -> None:
    then = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    accounts.update(ana, "B1", {"team": "Later"}, accounts.get(ana, "B1").updated_at)
    page = see(address(then, "/accounts/B1/history/"))
    assert len(said(page)) == 8
    assert not page.select("a[href*='put-back']")
    assert len(said(see("/accounts/B1/history/"))) == 9


def test_what_changed_since_a_moment(told: None, ana: Warehouse, bob: Warehouse, see: See) -> None:
    then = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    accounts.update(ana, "B1", {"team": "Later"}, accounts.get(ana, "B1").updated_at)
    use_cases.create(ana, "B1", "u-2", {"problem": "New one"})
    accounts.delete(bob, "B2")
    page = see(f"/as-of/{format_moment(then)}/since/")
    assert texts(page, "h2") == ["Added since 1", "Changed since 1", "Deleted since 1"]
    assert said(page) == [
        "Created the use case “New one”",
        "Changed Team of the account Later",
        "Deleted the account Other",
    ]
    assert len(said(see(f"/as-of/{format_moment(then)}/accounts/B1/since/"))) == 2


def test_readers_are_offered_no_way_back(told: None, see: See, settings: object) -> None:
    assert see("/accounts/B1/history/").select("a[href*='/put-back/']")
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert not see("/accounts/B1/history/").select("a[href*='/put-back/']")


def test_after_a_vacuum(told: None, ana: Warehouse, see: See, client: Client) -> None:
    """What it took away is said to be beyond what is kept; what came after is there."""
    then = dt.datetime.now(dt.UTC)
    table = ana.namespace.table(ACCOUNTS)
    ana.execute(
        f"ALTER TABLE {table} SET TBLPROPERTIES "
        "('delta.deletedFileRetentionDuration' = 'interval 0 hours')",
        repeatable=True,
    )
    accounts.update(ana, "B1", {"team": "Later"}, accounts.get(ana, "B1").updated_at)
    ana.execute(f"VACUUM {table}", repeatable=True)
    accounts.update(ana, "B1", {"team": "Latest"}, accounts.get(ana, "B1").updated_at)
    page = see("/accounts/B1/history/?table=accounts")
    assert said(page) == ["Changed Team of the account Latest"]
    past = client.get(address(then, "/accounts/B1/"))
    assert past.status_code == 404
    assert text(parsed(past), "main h1") == "The history does not go back that far"
    assert see("/accounts/B1/").h1.get_text() == "Latest"


@pytest.mark.parametrize(
    "query", ["until=9999-12-31", "since=0001-01-01", "until=31.12.2026", "page=0", "kind=odd"]
)
def test_filters_that_make_no_sense_do_no_harm(told: None, see: See, query: str) -> None:
    assert see(f"/activity/?{query}").select(".change")


def test_one_persons_changes_of_an_account_stay_together(
    ana: Warehouse, bob: Warehouse, see: See
) -> None:
    """Though other accounts' changes lie between them; somebody else's change of it parts them."""
    for n in (1, 2):
        accounts.create(ana, {"bsnid": f"B{n}", "team": f"Team {n}"})
    for n, wh in ((1, ana), (2, ana), (1, bob), (2, ana), (1, ana)):
        platform = f"P{len(platforms.list_for(ana, f'B{n}'))}"
        platforms.set_status(wh, f"B{n}", platform, "Requested", None)
    page = see("/activity/")
    heads = [
        (text(m, "b"), text(m, "p > a"), len(m.select(".change"))) for m in page.select(".moment")
    ]
    assert heads == [
        (ANA, "Team 1", 1),
        (ANA, "Team 2", 3),
        (BOB, "Team 1", 1),
        (ANA, "Team 1", 2),
    ]


def test_a_deleted_account_is_seen_as_it_was_before(
    told: None, bob: Warehouse, see: See, client: Client
) -> None:
    time.sleep(0.1)
    accounts.delete(bob, "B1")
    link = see("/accounts/B1/history/").select_one(".moment-when a")
    assert link.get_text() == "see it before"
    assert "Claims & more" in client.get(link["href"]).content.decode().replace("&amp;", "&")


def test_it_says_whose_history_it_is_whatever_the_filter(
    told: None, see: See, client: Client
) -> None:
    page = see("/accounts/B1/history/?person=nobody@example.com")
    assert "Claims & more" in text(page, ".lead")
    assert text(page, ".empty h2") == "No change matches"
    assert client.get("/accounts/NEVER/history/?kind=deleted").status_code == 404


def test_files_name_who_was_outside_and_the_moment(
    told: None, ana: Warehouse, client: Client
) -> None:
    sql = f"UPDATE {ana.namespace.table(ACCOUNTS)} SET vp = 'SQL' WHERE bsnid = 'B1'"
    ana.execute(sql, repeatable=True)
    answer = client.get("/accounts/B1/history/?format=csv&person=(outside)")
    (row,) = csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig")))
    assert (row["outside"], row["new"]) == ("yes", "SQL")
    assert row["person"]
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(seconds=1)
    time.sleep(1)
    for path, stem in (("/accounts/", "accounts"), ("/accounts/B1/history/", "history")):
        answer = client.get(address(moment, f"{path}?format=csv"))
        name = f"{stem}-as-of-{moment:%Y%m%dT%H%M%SZ}.csv"
        assert name in answer["Content-Disposition"]


def test_since_of_what_never_was(told: None, client: Client) -> None:
    moment = dt.datetime.now(dt.UTC)
    assert client.get(address(moment, "/accounts/NOPE/since/")).status_code == 404
    assert (
        client.get("/accounts/B1/since/")["Location"] == "/as-of/?next=%2Faccounts%2FB1%2Fsince%2F"
    )
