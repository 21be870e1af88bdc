"""Merging two accounts: from the list, the account's page and the history to the undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.model.records import Account
from crm.model.schema import ACCOUNTS
from crm.repository import operations
from crm.repository.merge.pair import Pair, Side
from crm.repository.records import accounts, platforms
from crm.views import _merge_wording, _signed_plans, merge
from crm.views._merge_choice import Questions
from crm.warehouse import Warehouse

from ..broken_rows import insert
from ..conftest import LocalWarehouse
from ..schemas import CONTENTS
from .html import filled_in, parsed, text, texts
from .test_bulk import GetPage, follow

PATH = "/accounts/B1/merge/B2/"


def write_twins(wh: Warehouse) -> None:
    """Write two accounts that differ in some fields and in a status."""
    own = {"azure_devops_link": "https://dev.azure.com/one", "admin": "Abe"}
    same = {"team": "Claims", "business_area": "Finance"}
    accounts.create(wh, {"bsnid": "B1", **same, **own})
    other = {"azure_devops_link": "https://dev.azure.com/two", "vp": "Vera"}
    accounts.create(wh, {"bsnid": "B2", **same, **other, "team": "Claims team"})
    for bsnid, platform, status in (
        ("B1", "Databricks", "Requested"),
        ("B2", "Databricks", "Completed"),
        ("B2", "Snowflake", "In Progress"),
    ):
        platforms.set_status(wh, bsnid, platform, status, None)


CONTENTS["twins"] = write_twins


@pytest.fixture
def twins(warehouse: Warehouse) -> Warehouse:
    return warehouse


def send(client: Client, page: BeautifulSoup, **chosen: str) -> Any:
    form = page.select_one("form.merge")
    return client.post(PATH, filled_in(form) | chosen)


def test_two_accounts_become_one_and_the_undo_makes_them_two(
    client: Client,
    twins: Warehouse,
    get_page: GetPage,
    make_use_case: Callable[..., str],
    make_update: Callable[..., str],
) -> None:
    make_use_case("B2"), make_update("B2"), make_update("B2")
    found = get_page("/accounts/bulk/change/?key=B1&key=B2")
    assert found.select_one("[aria-labelledby=bulk-merge] a")["href"] == PATH
    assert not get_page("/accounts/bulk/change/?key=B1").select("#bulk-merge")
    page = get_page(PATH)
    require_proposed_choices(page)
    done = follow(client, send(client, page, team="kept"))
    assert texts(done, "#toasts p") == ["Merged Claims team (B2) into Claims (B1)."]
    require_one_account(twins)
    gone = client.get(PATH)
    assert gone.status_code == 404
    assert "Show the history of B1" in texts(parsed(gone), "main a")
    activity = get_page("/activity/")
    assert "merged Claims team (B2) into Claims (B1)" in texts(activity, ".moment-head")[0]
    assert text(activity, ".moment form button") == "Undo the merge"
    again = follow(client, send(client, page))
    assert "This button has already merged" in texts(again, "#toasts p")[-1]
    undone = client.post(done.select_one("#toasts form")["action"])
    assert undone["Location"] == "/accounts/B2/"
    assert texts(follow(client, undone), "#toasts p") == [
        "The merge of Claims team (B2) into Claims (B1) was undone. 9 records are as they were "
        "before."
    ]
    assert len(accounts.get_detail(twins, "B2").updates) == 2
    assert accounts.get(twins, "B1").value("vp") is None
    # The button of the page that merged them does not do it again.
    refused = send(client, page, team="kept")
    assert "both exist again" in text(parsed(refused), ".banner")
    undone = texts(get_page("/activity/"), ".moment-undone")[0]
    assert "undid the merge of Claims team (B2) into Claims (B1)" in undone


def require_proposed_choices(page: BeautifulSoup) -> None:
    assert text(page, ".lead") == (
        "1 platform status, 1 use case and 2 updates move to Claims (B1), and Claims team (B2) is "
        "deleted. Those who follow B2 then follow B1."
    )
    assert texts(page, "form.merge legend") == [
        "Team",
        "VP",
        "Admin",
        "Azure DevOps",
        "Databricks",
    ]
    assert "The same in both: Business area." in page.select_one("form.merge").get_text()
    # The element shows line breaks, so there must be none before the value.
    assert page.select_one(".asked .prose").get_text() == "Claims"
    chosen = {each["name"]: each["value"] for each in page.select("form.merge [checked]")}
    # The value that was saved last, that there is one at all, all links, the further status.
    assert chosen == {
        "team": "other",
        "vp": "other",
        "admin": "kept",
        "azure_devops_link": "both",
        "status-Databricks": "other",
    }


def require_one_account(wh: Warehouse) -> None:
    detail = accounts.get_detail(wh, "B1")
    both = "https://dev.azure.com/one\nhttps://dev.azure.com/two"
    wanted = {"team": "Claims", "vp": "Vera", "admin": "Abe", "azure_devops_link": both}
    assert {name: detail.account.value(name) for name in wanted} == wanted
    statuses = {row.platform: row.status for row in detail.platforms}
    assert statuses == {"Databricks": "Completed", "Snowflake": "In Progress"}
    assert (len(detail.use_cases), len(detail.updates)) == (1, 2)


def test_what_somebody_changed_is_shown_and_the_choices_stay(
    client: Client, twins: Warehouse, get_page: GetPage, server: LocalWarehouse
) -> None:
    page = get_page(PATH)
    accounts.update(twins, "B2", {"vp": "Vic"}, accounts.get(twins, "B2").updated_at)
    refused = send(client, page, team="kept", vp="kept")
    assert refused.status_code == 409
    page = parsed(refused)
    assert "nothing was merged" in text(page, ".banner")
    assert texts(page, "legend .quiet") == ["changed since you saw it"]
    chosen = {each["name"]: each["value"] for each in page.select("form.merge [checked]")}
    assert (chosen["team"], chosen["vp"]) == ("kept", "kept")
    server.fault("http_status", times=None, status=400, match=r"MERGE INTO \S*updates")
    half = parsed(send(client, page))
    assert texts(half, "main li") == [
        "Write the chosen values into the account",
        "Move the platform statuses",
        "Move the use cases",
        "Move the updates",
        "Delete the account that was merged",
        "Copy the followers of the other account",
        "Move what others added meanwhile",
    ]
    server.clear_faults()
    activity = get_page("/activity/")
    assert "began to merge" in texts(activity, ".moment-head")[0]
    undo = activity.select_one(".moment form:has([name=csrfmiddlewaretoken])")
    go_on = filled_in(half.select_one("main form"))
    undone = undo_at_second_try(client, server, undo["action"], go_on)
    named = "The merge of Claims team (B2) into Claims (B1) was undone. "
    assert texts(undone, "#toasts p")[0].startswith(named)
    assert "both exist again" in text(parsed(send(client, page)), ".banner")
    refused = client.post(PATH, go_on)
    assert refused.status_code == 409
    page = parsed(refused)
    assert "or undid the merge, so both exist" in text(page, ".banner")
    done = follow(client, send(client, page))
    assert texts(done, "#toasts p") == ["Merged Claims team (B2) into Claims (B1)."]
    assert accounts.get(twins, "B1").value("vp") is None
    server.clear_faults()


def undo_at_second_try(
    client: Client, server: LocalWarehouse, undo: str, go_on: dict[str, str]
) -> BeautifulSoup:
    """Undo a merge that ended half-way. The first try leaves the merge's stamp on the account."""
    server.fault("http_status", times=None, status=400, match=r"MERGE INTO \S*accounts")
    client.post(undo)
    server.clear_faults()
    assert "both exist again" in text(parsed(client.post(PATH, go_on)), ".banner")
    return follow(client, client.post(undo))


def test_a_process_that_ends_half_way_leaves_a_button_that_goes_on(
    client: Client, twins: Warehouse, get_page: GetPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the first press does not reach the person, who presses the button again."""
    page = get_page(PATH)

    def end(*args: Any) -> None:
        raise SystemExit

    for name in ("_statuses", "move_orphans"):
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(f"crm.repository.merge.merging._Merge.{name}", end)
            send(client, page)
    monkeypatch.setattr(operations, "again", end)
    done = follow(client, send(client, page))
    assert texts(done, "#toasts p") == ["Merged Claims team (B2) into Claims (B1)."]
    client.post(done.select_one("#toasts form")["action"])
    assert {row.platform for row in accounts.get_detail(twins, "B2").platforms} == {
        "Databricks",
        "Snowflake",
    }


def test_the_other_account_is_found_by_team_or_key(
    client: Client,
    twins: Warehouse,
    get_page: GetPage,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = next(
        a for a in get_page("/accounts/B1/").select(".actions a") if "Merge" in a.get_text()
    )
    assert parsed(client.get(link["href"])).select_one("#q")
    found = get_page("/accounts/B1/merge/?q=claims")
    team = text(found, ".trail a:last-of-type")
    assert team == filled_in(found.select_one(".merge-search"))["team"] == "Claims"
    assert [a["href"] for a in found.select(".merge-found a")] == [PATH]
    assert client.get("/accounts/B1/merge/?q=b2")["Location"] == PATH
    # The same if other accounts match and are shown first.
    accounts.create(twins, {"bsnid": "B4", "team": "Audit of B2", "business_area": "Finance"})
    monkeypatch.setattr(merge, "FOUND", 1)
    assert client.get("/accounts/B1/merge/?q=B2")["Location"] == PATH
    accounts.create(twins, {"bsnid": "B/3", "team": "Claims", "business_area": "Finance"})
    found = get_page("/accounts/B1/merge/?q=b%2f3%00")
    assert not found.select(".merge-found a")
    assert text(found, ".merge-found") == "B/3 has no address, so it cannot be merged here."
    assert get_page(PATH).select_one("a[href='/accounts/B2/merge/B1/']")
    for path in ("/accounts/B1/merge/B1/", "/accounts/B1/merge/B9/"):
        assert client.get(path).status_code == 404
    require_an_own_and_fresh_plan(client, get_page, settings, monkeypatch)
    # An undo could not bring back several rows of one key.
    form = filled_in(get_page(PATH).select_one("form.merge"))
    insert(twins, ACCOUNTS, bsnid="B2", team="Twice")
    refused = client.post(PATH, form)
    assert refused.status_code == 409
    for page in (parsed(refused), get_page(PATH)):
        assert not page.select("form.merge, .lead")
        assert page.select_one("main p a[href='/admin-tools/integrity/']")
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert client.get(PATH).status_code == 403


def require_an_own_and_fresh_plan(
    client: Client, get_page: GetPage, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The button of a page merges no other accounts, and works for no other person."""
    form = filled_in(get_page(PATH).select_one("form.merge"))
    mine = settings.EDIP_USER
    for path, person in (("/accounts/B2/merge/B1/", mine), (PATH, "bo@example.com")):
        settings.EDIP_USER = person
        refused = client.post(path, form)
        assert refused.status_code == 409
        assert text(parsed(refused), ".banner") == _merge_wording.EXPIRED
    settings.EDIP_USER = mine
    with monkeypatch.context() as patch:  # nor does the button of a page that was opened long ago
        patch.setattr(_signed_plans, "_SECONDS", -1)
        refused = client.post(PATH, form)
    assert text(parsed(refused), ".banner") == _merge_wording.EXPIRED


def test_no_required_field_can_be_chosen_empty() -> None:
    kept = Side(Account("B1", team="Claims", vp="Vera"), 1, "")
    other = Side(Account("B2", team=" ", business_area="Finance"), 2, "")
    found = Questions(Pair(kept, other), {"team": "other", "business_area": "kept", "vp": "other"})
    values = {each.name: [option.value for option in each.options] for each in found.fields}
    assert values == {"team": ["Claims"], "business_area": ["Finance"], "vp": ["Vera", ""]}
    assert found.choice().values == {"business_area": "Finance", "vp": ""}
