"""Two people on the same records: what one does reaches the other's open page within five
seconds, without a reload and without touching what is being typed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from .test_working_with_accounts import create_account, submit

WITHIN = 5_000


@pytest.fixture
def account(page: Page, bsnid: str) -> str:
    create_account(page, bsnid, f"Team {bsnid}")
    return f"/accounts/{bsnid}/"


def settle(page: Page) -> None:
    """Until the page has asked once: from then on it hears of everything."""
    with page.expect_response(lambda answer: "/live/" in answer.url):
        pass


def never_reloaded(page: Page) -> None:
    page.evaluate("window.sameDocument = true")


def was_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.sameDocument === true")


def test_a_list_follows(page: Page, bob: Page, account: str, bsnid: str) -> None:
    page.goto(f"/accounts/?q={bsnid}")
    settle(page)
    never_reloaded(page)
    bob.goto(f"{account}edit/")
    bob.get_by_label("Team").fill(f"Renamed {bsnid}")
    submit(bob)
    row = page.locator(f"[data-record='accounts/{bsnid}']")
    expect(row).to_contain_text(f"Renamed {bsnid}", timeout=WITHIN)
    expect(row.locator(".news-by")).to_have_text("changed by bob@example.com")
    expect(page.locator("#live-said")).to_have_text("bob@example.com changed the account")
    was_not_reloaded(page)


def test_an_account_page_follows(page: Page, bob: Page, account: str) -> None:
    page.goto(account)
    settle(page)
    never_reloaded(page)
    bob.goto(account)
    bob.locator("form.platform").filter(has_text="Snowflake").locator("select").select_option(
        "Requested"
    )
    card = page.locator("form.platform").filter(has_text="Snowflake")
    expect(card.locator(".badge")).to_contain_text("Requested", timeout=WITHIN)
    expect(card.locator(".news-by")).to_have_text("created by bob@example.com")
    # The card has been brought to life again: it saves, and knows bob's version.
    card.locator("select").select_option("Completed")
    expect(card.locator(".badge")).to_contain_text("Completed")
    expect(card.locator("[role=alert]")).to_have_count(0)

    bob.goto(f"{account}use-cases/new/")
    bob.get_by_label("Problem").fill("Bob's problem")
    bob.get_by_label("Status").select_option("Planning")
    submit(bob)
    expect(page.locator("#use-cases")).to_contain_text("Bob's problem", timeout=WITHIN)
    bob.locator("#use-cases .card a[title*=Delete]").click()
    bob.locator("dialog form button").click()
    expect(page.locator("#use-cases")).not_to_contain_text("Bob's problem", timeout=WITHIN)
    expect(page.locator("#toasts")).to_contain_text("bob@example.com deleted a use case")
    was_not_reloaded(page)


def test_a_record_under_edit_says_so_and_keeps_what_is_typed(
    page: Page, bob: Page, account: str
) -> None:
    page.goto(f"{account}edit/")
    settle(page)
    page.get_by_label("VP").click()
    page.keyboard.type("Typed by me")
    bob.goto(f"{account}edit/")
    bob.get_by_label("Admin").fill("Bob's admin")
    submit(bob)
    expect(page.locator(".live-banner h2")).to_have_text(
        "bob@example.com changed the account just now", timeout=WITHIN
    )
    # The focus and the text are where they were: typing goes on.
    page.keyboard.type(", and more")
    expect(page.get_by_label("VP")).to_have_value("Typed by me, and more")
    submit(page)
    expect(page.locator("#toasts")).to_contain_text("bob@example.com changed Admin meanwhile")
    expect(page.locator("#about")).to_contain_text("Bob's admin")
    expect(page.locator("#about")).to_contain_text("Typed by me, and more")


def test_what_is_chosen_and_not_saved_stays(page: Page, bob: Page, account: str) -> None:
    """A status that is just being chosen is not taken away, though others' news come in."""
    page.goto(account)
    settle(page)
    card = page.locator("form.platform").filter(has_text="Databricks")
    card.locator("select").focus()
    bob.goto(account)
    for name in ("Databricks", "Snowflake"):
        bob.locator("form.platform").filter(has_text=name).locator("select").select_option(
            "In Progress"
        )
    other = page.locator("form.platform").filter(has_text="Snowflake")
    expect(other.locator(".badge")).to_contain_text("In Progress", timeout=WITHIN)
    expect(card.locator(".badge")).to_contain_text("Not Started")
    expect(card.locator("select")).to_be_focused()
    card.locator("select").blur()
    expect(card.locator(".badge")).to_contain_text("In Progress", timeout=WITHIN)


def test_deleted_while_it_is_edited(page: Page, bob: Page, account: str) -> None:
    page.goto(f"{account}updates/new/")
    settle(page)
    page.get_by_label("Update", exact=True).fill("Long text")
    bob.goto(f"{account}delete/")
    bob.locator("main form[method=post] button").click()
    expect(page.locator(".live-banner")).to_contain_text(
        "bob@example.com deleted the account just now", timeout=WITHIN
    )
    submit(page)
    expect(page.locator(".banner h2")).to_have_text("The account was deleted meanwhile")
    expect(page.get_by_label("Update", exact=True)).to_have_value("Long text")


def test_the_same_field_is_asked_about_by_keyboard(page: Page, bob: Page, account: str) -> None:
    page.goto(f"{account}edit/")
    page.get_by_label("VP").fill("Mine")
    bob.goto(f"{account}edit/")
    bob.get_by_label("VP").fill("Bob's")
    submit(bob)
    submit(page)
    choice = page.get_by_role("group", name="VP")
    expect(choice).to_contain_text("Bob's")
    expect(choice.get_by_role("radio", name="Use mine")).to_be_checked()
    choice.get_by_role("radio", name="Use mine").focus()
    page.keyboard.press("ArrowUp")
    expect(choice.get_by_role("radio", name="Keep what")).to_be_checked()
    # Typing means one's own.
    choice.get_by_role("textbox").fill("A third")
    expect(choice.get_by_role("radio", name="Use mine")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#about")).to_contain_text("A third")


def test_a_page_that_nobody_sees_asks_nothing(page: Page, account: str) -> None:
    page.goto(account)
    settle(page)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    page.wait_for_timeout(2_500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4_500)
    assert asked == []


def test_what_came_along_before_its_news_is_marked_too(
    page: Page, bob: Page, account: str, bsnid: str
) -> None:
    """Two changes, the news of the first of which arrive alone: the page that is then asked for
    again has both in it."""
    state = "waiting"

    def only_the_first(route: Route) -> None:
        nonlocal state
        if state == "waiting":
            return route.fulfill(status=204)
        answer = route.fetch()
        if state == "both" or answer.status != 200:
            return route.fulfill(response=answer)
        said = answer.json()
        of_bob = [each for each in said["news"] if each["who"] == "bob@example.com"]
        if len(of_bob) < 2:  # the watch has not looked again yet
            return route.fulfill(status=204)
        state = "both"
        return route.fulfill(json={**said, "seen": "", "news": of_bob[:1]})

    page.goto(account)
    settle(page)
    page.route("**/live/**", only_the_first)
    bob.goto(f"{account}edit/")
    bob.get_by_label("Admin").fill("Bob's admin")
    submit(bob)
    expect(bob.locator("#about")).to_contain_text("Bob's admin")
    bob.goto(f"{account}updates/new/")
    bob.get_by_label("Update", exact=True).fill("Bob's update")
    submit(bob)
    expect(bob.locator("#updates")).to_contain_text("Bob's update")
    state = "first"
    head = page.locator(f"[data-record='accounts/{bsnid}']")
    expect(head.locator(".news-by")).to_have_text("changed by bob@example.com", timeout=WITHIN)
    update = page.locator("[data-record^='updates/']")
    expect(update.locator(".news-by")).to_have_text("created by bob@example.com", timeout=WITHIN)
