"""Open pages follow what others change within five seconds, without a reload."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect

from crm.repository.records import updates
from crm.warehouse import Warehouse

from .clock import let_pass, run_faster
from .layout import let_it_settle
from .live import (
    WITHIN,
    has_changes,
    never_reloaded,
    top,
    wait_for_poll,
    was_not_reloaded,
)
from .records import add_update, change_account, platform_card, set_status, submit


def test_a_list_follows(page: Page, bobs_tables: Warehouse, account: str, bsnid: str) -> None:
    page.goto(f"/accounts/?q={bsnid}")
    wait_for_poll(page)
    never_reloaded(page)
    change_account(bobs_tables, bsnid, team=f"Renamed {bsnid}")
    row = page.locator(f"[data-record='accounts/{bsnid}']")
    expect(row).to_contain_text(f"Renamed {bsnid}", timeout=WITHIN)
    expect(row.locator(".recent-change-by")).to_have_text("changed by bob@example.com")
    expect(page.locator("#live-announcement")).to_have_text(
        f"bob@example.com changed the account Renamed {bsnid}"
    )
    was_not_reloaded(page)


def test_a_search_under_way_is_not_overtaken_by_a_refresh(
    page: Page, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    page.goto("/accounts/")
    wait_for_poll(page)
    held: list[Route] = []
    page.route(re.compile(r"/accounts/\?.*q="), lambda route: held.append(route))
    with page.expect_request(re.compile("q=")):
        page.get_by_role("searchbox").fill(bsnid)
    change_account(bobs_tables, bsnid, team=f"Renamed {bsnid}")
    # The page has been refreshed with the list as it was before the search.
    announcement = page.locator("#live-announcement")
    expect(announcement).to_contain_text("bob@example.com changed the account", timeout=WITHIN)
    for route in held:
        route.continue_()
    page.unroute_all()
    rows = page.locator("#listing tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(f"Renamed {bsnid}")


def test_an_account_page_follows(page: Page, bob: Page, account: str) -> None:
    """Bob uses the pages of another process of the app."""
    page.goto(account)
    wait_for_poll(page)
    never_reloaded(page)
    bob.goto(account)
    set_status(platform_card(bob, "Snowflake"), "Requested")
    card = platform_card(page, "Snowflake")
    expect(card.locator("summary .badge")).to_contain_text("Requested", timeout=WITHIN)
    expect(card.locator(".recent-change-by")).to_have_text("created by bob@example.com")
    # The new card works: it saves, and has Bob's version.
    set_status(card, "Completed")
    expect(card.locator("summary .badge")).to_contain_text("Completed")
    expect(card.locator("[role=alert]:visible")).to_have_count(0)

    bob.goto(f"{account}use-cases/new/")
    bob.get_by_label("Problem").fill("Bob's problem")
    bob.get_by_label("Status").select_option("Planning")
    submit(bob)
    expect(page.locator("#use-cases")).to_contain_text("Bob's problem", timeout=WITHIN)
    # If the page had not finished with this change, it would show the next one unreported.
    expect(page.locator("#use-cases .recent-change-by")).to_be_visible()
    wait_for_poll(page)
    # Before its scripts run, the link below would open the page of the dialog.
    bob.wait_for_url(re.compile(r"\?use_case="))
    bob.locator("#use-cases .use-case a[title*=Delete]").click()
    bob.locator("dialog[open] form button").click()
    expect(page.locator("#use-cases")).not_to_contain_text("Bob's problem", timeout=WITHIN)
    expect(page.locator("#toasts")).to_contain_text(
        "bob@example.com deleted a use case “Bob's problem”"
    )
    was_not_reloaded(page)


def test_a_page_that_nobody_sees_asks_nothing(page: Page, account: str) -> None:
    run_faster(page)
    page.goto(account)
    wait_for_poll(page)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    let_pass(page, 2_500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    let_pass(page, 10_000)
    page.evaluate("fetch('/healthz')")  # after whatever else was asked
    assert [urlsplit(each).path for each in asked] == ["/healthz"]


def test_a_change_shown_before_its_report_is_marked(
    page: Page, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    """The answer has only the first of two changes, but the refreshed page shows both."""
    state = "waiting"

    def only_the_first(route: Route) -> None:
        nonlocal state
        if state == "waiting":
            return route.fulfill(status=204)
        answer = route.fetch()
        if state == "both" or answer.status != 200:
            return route.fulfill(response=answer)
        body = answer.json()
        of_bob = [each for each in body["changes"] if each["person"] == "bob@example.com"]
        if len(of_bob) < 2:  # the server has not read the changes again yet
            return route.fulfill(status=204)
        state = "both"
        return route.fulfill(json={**body, "cursor": "", "changes": of_bob[:1]})

    page.goto(account)
    wait_for_poll(page)
    page.route("**/live/**", only_the_first)
    change_account(bobs_tables, bsnid, admin="Bob's admin")
    add_update(bobs_tables, bsnid, "Bob's update")
    state = "first"
    head = page.locator(f"[data-record='accounts/{bsnid}']")
    expect(head.locator(".recent-change-by")).to_have_text(
        "changed by bob@example.com", timeout=WITHIN
    )
    update = page.locator("[data-record^='updates/']")
    expect(update.locator(".recent-change-by")).to_have_text(
        "created by bob@example.com", timeout=WITHIN
    )


def test_what_is_opened_and_marked_stays_so(
    page: Page, tables: Warehouse, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    add_update(tables, bsnid, "Long text " * 100)
    page.goto(account)
    wait_for_poll(page)
    page.get_by_text("Show all").click()
    opened = page.locator("#updates details[open]")
    add_update(bobs_tables, bsnid, "Bob's first")
    first = page.locator(".timeline-item").filter(has_text="Bob's first")
    expect(first.locator(".recent-change-by")).to_have_text(
        "created by bob@example.com", timeout=WITHIN
    )
    expect(opened).to_have_count(1)
    add_update(bobs_tables, bsnid, "Bob's second")
    second = page.locator(".timeline-item").filter(has_text="Bob's second")
    expect(second.locator(".recent-change-by")).to_have_text(
        "created by bob@example.com", timeout=WITHIN
    )
    expect(first.locator(".recent-change-by")).to_have_text("created by bob@example.com")
    expect(opened).to_contain_text("Long text")


def test_a_history_follows(
    page: Page, tables: Warehouse, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    """New changes are marked; a reader further down keeps the place and gets a button."""
    for n in range(12):
        add_update(tables, bsnid, f"Mine {n}")
    page.goto(f"{account}history/")
    wait_for_poll(page)
    never_reloaded(page)
    page.locator(".moment-more > summary").click()
    add_update(bobs_tables, bsnid, "Bob's first")
    change = page.locator(".change").filter(has_text="Bob's first")
    expect(change.locator(".recent-change-by")).to_have_text("new", timeout=WITHIN)
    expect(page.locator(".moment-more")).to_have_attribute("open", "")

    read = page.locator(".change").filter(has_text="Mine 1”")
    page.set_viewport_size({"width": 1024, "height": 400})
    read.evaluate("element => element.scrollIntoView({ block: 'center' })")
    let_it_settle(page)
    stood = top(read)
    change_account(bobs_tables, bsnid, vp="Bob's VP")
    button = page.get_by_role("button", name="1 new change – show")
    expect(button).to_be_visible(timeout=WITHIN)
    assert abs(top(read) - stood) < 2
    button.click()
    expect(page.locator(".change.recent-change").first.locator("summary")).to_be_focused()
    expect(page.locator(".change.recent-change").first).to_contain_text("Changed VP")
    expect(button).to_have_count(0)
    was_not_reloaded(page)


def test_the_page_of_a_deleted_account_says_so(
    page: Page, bob: Page, tables: Warehouse, account: str, bsnid: str
) -> None:
    add_update(tables, bsnid, "Mine")
    page.goto(account)
    wait_for_poll(page)
    bob.goto(f"{account}delete/")
    bob.locator("main form[method=post] button").click()
    banner = page.locator(".live-banner")
    expect(banner).to_contain_text(
        f"bob@example.com deleted the account Team {bsnid} just now", timeout=WITHIN
    )
    expect(page.locator("#toasts")).not_to_contain_text("deleted")
    expect(page.get_by_role("link", name="Edit", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.locator("#updates")).to_contain_text("Mine")
    # An account that was brought back can be edited again.
    bob.locator("#toasts").get_by_role("button", name="Undo").click()
    bob.wait_for_url(f"**{account}")
    expect(banner).to_have_count(0, timeout=WITHIN)
    expect(page.get_by_role("link", name="Edit", exact=True)).to_be_visible()


def test_the_focus_stays_where_it_was(
    page: Page, tables: Warehouse, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    id = add_update(tables, bsnid, "To be changed")
    page.goto(account)
    wait_for_poll(page)
    link = page.locator(".timeline-item [title=Edit]")
    link.focus()
    seen = updates.get(bobs_tables, id).updated_at
    updates.update(bobs_tables, id, {"description": "Bob's text"}, seen)
    expect(page.locator("#updates")).to_contain_text("Bob's text", timeout=WITHIN)
    expect(link).to_be_focused()

    # The list behind a dialog is replaced; closing the dialog returns the focus to its opener.
    page.locator(".timeline-item [title=History]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_contain_text("Changed the text of the update")
    page.get_by_role("link", name="Revert Update").click()
    expect(page.locator("dialog[open]")).to_contain_text("Revert this change?")
    add_update(bobs_tables, bsnid, "Another of Bob's")
    expect(page.locator("#updates")).to_contain_text("Another of Bob's", timeout=WITHIN)
    page.keyboard.press("Escape")
    focused = page.locator(".timeline-item").filter(has_text="Bob's text")
    expect(focused.locator("[title=History]")).to_be_focused()


def test_a_list_catches_up_when_its_filter_is_closed(
    page: Page, tables: Warehouse, bobs_tables: Warehouse, account: str, bsnid: str
) -> None:
    add_update(tables, bsnid, f"Mine {bsnid}")
    page.goto(f"/updates/?q={bsnid}")
    wait_for_poll(page)
    page.locator("#listing .facet > summary").first.click()
    with page.expect_response(has_changes, timeout=WITHIN):
        add_update(bobs_tables, bsnid, f"Bob's {bsnid}")
    wait_for_poll(page)  # it has dealt with the last answer by then
    expect(page.locator("#listing")).not_to_contain_text("Bob's")
    page.keyboard.press("Escape")
    expect(page.locator("#listing")).to_contain_text("Bob's")
    # Screen readers read out the same number that is shown.
    expect(page.locator("#announcement")).to_have_text(re.compile("2 updates$"))
