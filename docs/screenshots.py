"""Take screenshots of every page of a running CRM with headless Chromium.

    make run                      # in one terminal
    make screenshots              # in another: docs/overview.png, and all pages in .local/

Options: --url, --out DIR (all pages, light and dark, wide and narrow), --readme FILE.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
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
    options.add_argument("--readme", type=Path, default=Path("docs/overview.png"))
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
        for theme in ("light", "dark"):
            for size in SIZES:
                take_all(browser, given.url, given.out, theme, size)
        browser.close()
    shutil.copy(given.out / "overview-light-wide.png", given.readme)
    return 0


def take_all(browser: Browser, url: str, out: Path, theme: str, size: str) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        timezone_id="Europe/Berlin",
    )
    page = context.new_page()
    for name, path in PAGES.items():
        page.goto(url + path)
        page.wait_for_load_state("networkidle")
        page.screenshot(
            path=out / f"{name}-{theme}-{size}.png",
            full_page=name != "overview" or size == "narrow",
        )
    context.close()


if __name__ == "__main__":
    sys.exit(main())
