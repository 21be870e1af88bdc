"""Take screenshots of the pages of a running CRM with headless Chromium.

    make run                      # in one terminal
    make screenshots              # in another: the guide's pictures, and all pages in .local/

Options: --url, --out DIR (all pages, light and dark, wide and narrow), --guide DIR (the pictures
of the guide and the README). It needs the sample data; for a picture of the history it edits an
account, and for that of the import it uploads a file without importing it.
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
# The guide's pictures: what a screen of this size shows, in light colours.
GUIDE_SIZE = (1280, 720)
GUIDE_PAGES = {
    "overview": "/",
    "attention": "/attention/",
    "account": "/accounts/BSN001/",
    "merge": "/accounts/BSN001/merge/BSN003/",
    "history": "/accounts/BSN001/history/",
    "report": "/report/?all=on",
    "digest": "/digest/",
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
    options.add_argument("--guide", type=Path, default=Path("static/guide"))
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
        take_guide(browser, given.url, given.guide)
        for theme in ("light", "dark"):
            for size in SIZES:
                take_all(browser, given.url, given.out, theme, size)
        browser.close()
    return 0


def take_guide(browser: Browser, url: str, folder: Path) -> None:
    with open_page(browser, GUIDE_SIZE, "light") as page:
        prepare(page, url)
        for name, path in GUIDE_PAGES.items():
            page.goto(url + path)
            picture(page, folder, name)
        search_everything(page, url)
        picture(page, folder, "search")
        preview_bulk_change(page, url)
        picture(page, folder, "bulk")
        preview_import(page, url)
        picture(page, folder, "import")


def picture(page: Page, folder: Path, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=folder / f"{name}.png")


def prepare(page: Page, url: str) -> None:
    """Follow two accounts, and edit one of them."""
    for bsnid in ("BSN001", "BSN003"):
        page.goto(f"{url}/accounts/{bsnid}/")
        if (follow := page.get_by_role("button", name="Follow", exact=True)).count():
            follow.click()
            page.get_by_role("button", name="Unfollow").wait_for()
    page.goto(f"{url}/accounts/BSN001/edit/")
    admin = page.locator("#record [name=admin]")
    admin.fill("Ana Berg" if admin.input_value() != "Ana Berg" else "Ana Maria Berg")
    page.locator("#record .button-primary").click()
    page.wait_for_url(f"{url}/accounts/BSN001/")


def search_everything(page: Page, url: str) -> None:
    page.goto(f"{url}/accounts/")
    page.keyboard.press("/")
    page.locator("#search-q").fill("claims")
    page.locator("#search-found").get_by_text("Claims Analytics").first.wait_for()


def preview_bulk_change(page: Page, url: str) -> None:
    page.goto(f"{url}/accounts/bulk/change/?all=on")
    form = page.locator("form:has([name=do][value=field])")
    form.locator("[name=column]").select_option("primary_it_partner")
    form.locator("[name=value]").fill("Ana Berg")
    form.get_by_role("button", name="Preview").click()
    page.wait_for_url("**/bulk/preview/")


def preview_import(page: Page, url: str) -> None:
    rows = "bsnid,team,business_area,vp\nBSN001,Claims Analytics,Insurance,Dana Lee\n"
    rows += "BSN101,Pricing Models,Insurance,Dana Lee\n,Nameless Team,Finance,Robert Nakamura\n"
    page.goto(f"{url}/admin-tools/import/")
    file = {"name": "accounts.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    page.locator("input[type=file]").first.set_input_files(file)
    page.locator("main .button-primary").first.click()
    page.wait_for_url("**/admin-tools/import/*/")
    page.get_by_role("button", name="Import").first.wait_for()


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
