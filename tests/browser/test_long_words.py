"""Legacy words: 60 letters without a blank, and 40 statuses. They break no page at any width."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

STATUSES = 40
LONG = "Onboardingfreigabeprozessabschlussdokumentationsverantwortung"[:60]


def _status(n: int) -> str:
    return f"{LONG[:56]}-{n:03}"


@pytest.fixture
def long_words(tables: Warehouse, bsnid: str) -> Iterator[str]:
    """The BSNID of an account whose every word is long; 40 accounts have a status each."""
    keys = [f"{bsnid}-{n}" for n in range(STATUSES)]
    people = dict.fromkeys(("vp", "admin", "primary_it_partner"), LONG)
    account = {"team": LONG, "business_area": LONG, **people}
    insert_missing(tables, ACCOUNTS, [{"bsnid": key, **account} for key in keys])
    statuses = [{"id": key, "status": _status(n)} for n, key in enumerate(keys)]
    of_platform = [
        row | {"account_bsnid": row["id"], "platform": "Databricks"} for row in statuses
    ]
    insert_missing(tables, PLATFORMS_STATUS, of_platform)
    texts = dict.fromkeys(("problem", "solution", "leader", "enablement_tier", "platform"), LONG)
    use_cases = [row | {"account_bsnid": keys[0]} | texts for row in statuses]
    insert_missing(tables, USE_CASES, use_cases)
    words = dict.fromkeys(("author", "description", "platform"), LONG)
    update = {"id": keys[0], "account_bsnid": keys[0], "date": dt.date(2026, 1, 1), **words}
    insert_missing(tables, UPDATES, [update])
    yield keys[0]
    for table in (ACCOUNTS, PLATFORMS_STATUS, USE_CASES, UPDATES):
        where = f"startswith({table.key}, :start)"
        tables.execute(
            f"DELETE FROM {tables.namespace.table(table)} WHERE {where}",
            {"start": f"{bsnid}-"},
            repeatable=True,
        )


# What is cut off at the right of the window, and how many counts and statuses are not whole.
_OUTSIDE = """async () => {
  // tables.js learns of a new width with the next frame.
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  const inside = (box, around) =>
    box.width > 0 && box.left >= around.left - 1 && box.right <= around.right + 1;
  const lost = [...document.querySelectorAll(".legend b, .bars b, .figures b")].filter((count) =>
    !inside(count.getBoundingClientRect(), (count.closest(".panel") ?? count.parentElement)
      .getBoundingClientRect()));
  // Statuses that are not whole in their cell, and their choices.
  const around = (word) => word.closest("td, fieldset").getBoundingClientRect();
  for (const word of document.querySelectorAll("td .badge, .facet-option"))
    if (word.checkVisibility() && !word.closest(".facet:not([open])")) {
      if (!inside(word.getBoundingClientRect(), around(word))) lost.push(word);
      else if (word.matches("label") && word.scrollWidth > word.clientWidth) lost.push(word);
    }
  return [document.documentElement.scrollWidth - window.innerWidth, lost.length];
}"""


def test_long_words_and_many_statuses_break_nothing(page: Page, long_words: str) -> None:
    problems = []
    for path in (
        "/",
        f"/accounts/?q={LONG}",
        f"/accounts/{long_words}/",
        f"/use-cases/?q={LONG}",
        f"/use-cases/{long_words}/edit/",
        f"/updates/?q={LONG}",
        "/attention/",
        "/trends/?by=vp",
        f"/search/?q={LONG[:100]}",
        "/people/",
        f"/people/{LONG}/",
        f"/accounts/{long_words}/platforms/?platform=Databricks",
        f"/use-cases/{long_words}/status/",
        f"/accounts/{long_words}/history/",
        f"/accounts/bulk/change/?all=on&q={LONG}",
    ):
        page.goto(path)
        for width in (320, 390, 768, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            beyond, lost = page.evaluate(_OUTSIDE)
            if beyond > 0:
                problems.append(f"{path} scrolls sideways by {beyond} px at {width} px")
            if lost:
                problems.append(f"{path} cuts off {lost} words or counts at {width} px")
    assert not problems, "\n".join(problems)


# Scroll down by a few rows: the page, or the box of a table that is wider than the window.
_SCROLL = """() => {
  const box = document.querySelector(".table-box");
  const fits = box.matches(".table-fits");
  if (!fits) box.scrollTop = 90;
  window.scrollTo(0, box.offsetTop + (fits ? 90 : -80));
  const top = (element) => element.getBoundingClientRect().top;
  return {
    heights: [...document.querySelectorAll(".table tbody tr")].map((row) => row.offsetHeight),
    above: top(document.querySelector(".table thead th"))
      - Math.max(top(box), document.querySelector(".frame").offsetHeight),
  };
}"""


@pytest.mark.parametrize("width", [768, 1440])
def test_rows_have_one_line_and_the_header_stays(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 500})
    for path in ("/accounts/", "/use-cases/", "/updates/"):
        page.goto(path)
        found = page.evaluate(_SCROLL)
        assert found["heights"], path
        assert all(40 <= height <= 44 for height in found["heights"]), (path, found)
        assert found["above"] >= -2, (path, found)
