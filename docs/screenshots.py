"""Take screenshots of the pages of a running CRM with headless Chromium.

    make run                      # in one terminal
    make screenshots              # in another: the README's pictures, and all pages in .local/

Options: --url, --out DIR (all pages, light and dark, wide and narrow), --docs DIR (the README's
pictures). The history shows something once an account has been edited.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
# The README's pictures: what a screen of this size shows, in light colours.
README_SIZE = (1280, 800)
README_PAGES = {
    "overview": "/",
    "account": "/accounts/BSN001/",
    "history": "/accounts/BSN001/history/",
}
PAGES = {
    "overview": "/",
    "accounts": "/accounts/",
    "accounts-none": "/accounts/?q=nothing+matches+this",
    "account": "/accounts/BSN001/",
    "account-new": "/accounts/new/",
    "account-edit": "/accounts/BSN001/edit/",
    "account-delete": "/accounts/BSN001/delete/",
    "use-case-new": "/accounts/BSN001/use-cases/new/",
    "update-new": "/accounts/BSN001/updates/new/",
    "use-cases": "/use-cases/",
    "updates": "/updates/",
    "activity": "/activity/",
    "history": "/accounts/BSN001/history/",
    "import": "/admin-tools/import/",
    "export": "/admin-tools/export/",
    "integrity": "/admin-tools/integrity/",
    "not-found": "/accounts/nobody/",
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--url", default="http://127.0.0.1:8000")
    options.add_argument("--out", type=Path, default=Path(".local/screenshots"))
    options.add_argument("--docs", type=Path, default=Path("docs"))
    given = options.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("Chromium is not installed; the system's package will do.\n")
        return 1
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        take_readme(browser, given.url, given.docs)
        for theme in ("light", "dark"):
            for size in SIZES:
                take_all(browser, given.url, given.out, theme, size)
        browser.close()
    return 0


def take_readme(browser: Browser, url: str, docs: Path) -> None:
    with open_page(browser, README_SIZE, "light") as page:
        for name, path in README_PAGES.items():
            page.goto(url + path)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=docs / f"{name}.png")


def take_all(browser: Browser, url: str, out: Path, theme: str, size: str) -> None:
    with open_page(browser, SIZES[size], theme) as page:
        for name, path in PAGES.items():
            page.goto(url + path)
            page.wait_for_load_state("networkidle")
            page.screenshot(
                path=out / f"{name}-{theme}-{size}.png",
                full_page=name != "overview" or size == "narrow",
            )


@contextmanager
def open_page(browser: Browser, size: tuple[int, int], theme: str) -> Iterator[Page]:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        timezone_id="Europe/Berlin",
    )
    yield context.new_page()
    context.close()


if __name__ == "__main__":
    sys.exit(main())
