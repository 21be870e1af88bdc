"""Count what daily tasks cost a person: clicks, typed text, page loads and statements.

    make tasks    or    python -m bench.tasks [--write]

Each task is done in headless Chromium, as app.yaml starts the app, at the width of a desk and of a
phone. Choosing from a list of options counts as two clicks. ``--write`` puts the table into
docs/daily-work.md. Fails if a task did not reach its end, or took more clicks than it may.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from . import _gunicorn
from ._report import Table, show, write
from ._setup import PERSON, Control, application, in_own_process
from ._task_data import ACCOUNTS, AREA, LEAVING, STUCK, TO_HAND_OVER, load

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "daily-work.md"
SIZES = {"1440 px": (1440, 900), "390 px": (390, 844)}
COMING = "Sam Okoro"


@dataclass
class Hand:
    """The person's hand: it counts what it does on the page."""

    page: Page
    clicks: int = 0
    keys: int = 0
    loads: int = 0

    def __post_init__(self) -> None:
        self.page.on("load", self._loaded)

    def _loaded(self, _: Page) -> None:
        self.loads += 1

    def click(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def choose(self, target: Locator, option: str) -> None:
        target.focus()  # as opening its options does
        target.select_option(option)
        self.clicks += 2

    def type(self, target: Locator, text: str) -> None:
        """Type into a field that has the focus already."""
        expect(target).to_be_focused()
        self.page.keyboard.insert_text(text)
        self.keys += len(text)

    def type_date(self, day: dt.date) -> None:
        """Type into the date field that has the focus, as people in the US do."""
        self.page.keyboard.type(f"{day:%m%d%Y}")
        self.keys += 8

    def tab_to(self, target: Locator) -> None:
        """Press Tab until the field has the focus."""
        for _ in range(20):
            if target.evaluate("field => field === document.activeElement"):
                return
            self.press("Tab")
        raise AssertionError("Tab does not reach the field")

    def click_and_type(self, target: Locator, text: str) -> None:
        self.click(target)
        self.type(target, text)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1


Task = Callable[[Hand], None]


def close_sheet(hand: Hand) -> None:
    """Close the panel of a filter, which covers the list on a phone."""
    close = hand.page.locator("[data-close-facet]:visible")
    if close.count():
        hand.click(close)


def hand_over(hand: Hand) -> None:
    """Give all accounts of an IT partner to another."""
    page = hand.page
    page.goto("/accounts/")
    hand.click(page.locator("#facet-primary_it_partner > summary"))
    hand.click(page.get_by_label(LEAVING))
    expect(page.locator("[data-count]")).to_contain_text(f"of {TO_HAND_OVER}")
    close_sheet(hand)
    hand.click(page.locator(".pick input:visible").first)
    hand.click(page.get_by_role("button", name=f"Change all {TO_HAND_OVER}"))
    hand.click_and_type(page.get_by_label("New value"), COMING)
    hand.press("Enter")
    hand.click(page.locator(".bulk-confirm .button-primary"))
    expect(page.locator("#toasts")).to_contain_text(f"{TO_HAND_OVER}")


def write_to_stuck(hand: Hand) -> None:
    """Find all that are in progress on Databricks in one area for long; write to each."""
    page = hand.page
    page.goto("/")
    databricks = page.locator(".stack", has_text="Databricks")
    hand.click(databricks.locator(".legend a", has_text="In Progress"))
    hand.click(page.locator("#facet-business_area > summary"))
    hand.click(page.locator("#facet-business_area").get_by_label(AREA))
    close_sheet(hand)
    hand.click(page.locator("#facet-dates > summary"))
    hand.tab_to(page.locator("#in-status-since"))
    hand.type_date(dt.date.today() - dt.timedelta(days=90))
    hand.press("Enter")
    expect(page.locator("[data-count]")).to_contain_text(f"{STUCK} accounts")
    close_sheet(hand)
    hand.click(page.locator(".row-write").first)
    for number in range(STUCK):
        account = page.locator("h1").inner_text()
        hand.type(page.locator("#composer_description"), f"Asked again {number}")
        hand.press("Control+Enter")
        expect(page.locator("h1")).not_to_have_text(account)
    page.goto("/updates/?q=Asked+again")
    expect(page.locator("[data-count]")).to_contain_text(f"{STUCK} updates")


def write_by_phone(hand: Hand) -> None:
    """Find an account by its name and write an update."""
    (page := hand.page).goto("/")
    hand.click(page.get_by_role("link", name="Accounts", exact=True).locator("visible=true"))
    hand.click_and_type(page.locator("#q"), "Team 123")
    expect(page.locator("tbody tr")).to_have_count(1)
    hand.click(page.locator(".row-write"))
    hand.type(page.locator("#composer_description"), "Met the team; the pilot starts on Monday.")
    hand.click(page.locator("#composer .button-primary"))
    expect(page.locator("#toasts")).to_be_visible()


def hold(hand: Hand) -> None:
    """Put three use cases on hold, each with its reason."""
    page = hand.page
    page.goto("/use-cases/")
    dialog = page.get_by_role("dialog")
    for number in range(3):
        hand.click(page.locator(".set-status").nth(number + 3))
        hand.click(dialog.get_by_label("On Hold"))
        hand.press("Tab")
        hand.type(dialog.get_by_label("Reason"), f"Waits for budget {number}")
        hand.press("Enter")
        expect(dialog).to_have_count(0)
    page.goto("/use-cases/?status=On+Hold")
    expect(page.locator("[data-count]")).to_contain_text("3 use cases")


def everything_about_a_person(hand: Hand) -> None:
    """See all that names a person."""
    hand.page.goto("/accounts/")
    hand.press("/")
    hand.type(hand.page.locator("#search-q"), "partner 3")
    hand.click(hand.page.locator(".found", has_text="Partner 3").first)
    expect(hand.page.locator("h1")).to_have_text("Partner 3")


def my_changes(hand: Hand) -> None:
    """See what changed lately on the person's own accounts."""
    hand.page.goto("/")
    hand.click(hand.page.locator('header a[href="/preferences/me/"]'))
    hand.click(hand.page.locator("main").get_by_role("link", name="Activity"))
    expect(hand.page.locator("#history .change").first).to_be_visible()


def onboard(hand: Hand) -> None:
    """Add a team with a status, a use case and a kickoff update."""
    page = hand.page
    page.goto("/accounts/")
    hand.click(page.get_by_role("link", name="New account"))
    hand.type(page.locator("#id_team"), "Fraud Desk")
    hand.tab_to(page.locator("#id_business_area"))
    hand.type(page.locator("#id_business_area"), AREA)
    hand.click(page.locator("details.first > summary"))
    hand.choose(page.locator("#id_first_status_0"), "Requested")
    hand.click_and_type(page.locator("#id_first_problem"), "Too many false alarms")
    hand.click_and_type(page.locator("#id_first_update"), "Met the team")
    hand.press("Control+Enter")
    expect(page.locator("h1")).to_have_text("Fraud Desk")


def merge(hand: Hand) -> None:
    """Merge two accounts of one team."""
    page = hand.page
    page.goto("/accounts/")
    hand.click(page.get_by_role("link", name="Similar teams"))
    hand.click(page.get_by_role("link", name="Compare").first)
    hand.click(page.locator("form.merge .button-primary"))
    expect(page.locator("#toasts")).to_contain_text("Merged")


# The tasks, and how many clicks each may take.
def share_view(hand: Hand) -> None:
    """Let everybody see the list that is shown."""
    page = hand.page
    page.goto(f"/accounts/?business_area={AREA}&sort=vp")
    hand.click(page.locator("#facet-views > summary"))
    hand.click_and_type(page.get_by_label("Save what the list shows as"), AREA)
    hand.click(page.get_by_label("Share it"))
    hand.click(page.get_by_role("button", name="Save the view"))
    expect(page.locator("#toasts")).to_contain_text("Everybody sees it")


def weekly_report(hand: Hand) -> None:
    """Open the report of a VP's week."""
    page = hand.page
    page.goto("/")
    hand.click(page.get_by_role("link", name="Report", exact=True))
    hand.click(page.get_by_role("link", name="VP 3", exact=True))
    expect(page.get_by_role("heading", name="What is blocked, and why")).to_be_visible()


TASKS: dict[str, tuple[Task, int]] = {
    f"Find the {STUCK} stuck onboardings of one area, write to each": (
        write_to_stuck,
        4 + 2 * STUCK,
    ),
    "Find an account and write an update": (write_by_phone, 4),
    "Put three use cases on hold, with reasons": (hold, 9),
    "See everything about a person": (everything_about_a_person, 2),
    "See what changed on my accounts": (my_changes, 2),
    "Share a view of a list": (share_view, 4),
    "Open a VP’s weekly report": (weekly_report, 2),
    "Onboard a team: status, use case and kickoff update": (onboard, 10),
    "Merge two accounts of one team": (merge, 6),
    f"Hand over {TO_HAND_OVER} accounts to another IT partner": (hand_over, 8),
}


@contextmanager
def browser() -> Iterator[Browser]:
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        raise SystemExit("Chromium is not installed; the system's package will do.")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )


def measure(opened: Browser, url: str, control: Control, task: Task, width: str) -> list[int]:
    """Return the clicks, keys, page loads and statements of the task."""
    wide, high = SIZES[width]
    context = opened.new_context(base_url=url, viewport={"width": wide, "height": high})
    hand, before = Hand(context.new_page()), control.last()
    task(hand)
    context.close()
    return [hand.clicks, hand.keys, hand.loads, control.last() - before]


def rows_of(width: str) -> list[Sequence[Any]]:
    """Return the table's rows for this width, with data of their own: tasks change them."""
    os.environ |= {"EDIP_USER": PERSON, "EDIP_LIVE_SECONDS": "0"}
    with application() as (_, control), _gunicorn.serving() as port, browser() as opened:
        load()
        url = f"http://127.0.0.1:{port}"
        return [
            [name, width, most, *measure(opened, url, control, task, width)]
            for name, (task, most) in TASKS.items()
        ]


def table(rows: list[Sequence[Any]]) -> Table:
    head = ["task", "width", "clicks at most", "clicks", "keys", "page loads", "statements"]
    note = f"In Chromium, with {ACCOUNTS} accounts. Choosing from options counts as two clicks."
    return Table("tasks", note, head, rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true")
    given = options.parse_args()
    rows = [row for width in SIZES for row in in_own_process(rows_of, width)]
    found = table(rows)
    show([found])
    if given.write:
        write([found], DOCUMENT)
    sys.exit(any(clicks > most for _, _, most, clicks, *_ in rows))


if __name__ == "__main__":
    main()
