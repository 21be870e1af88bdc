"""No broken URL: in templates, in views, and in what a visitor can click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from django.contrib.staticfiles import finders
from django.test import Client, override_settings
from django.urls import Resolver404, get_resolver, resolve

from crm.warehouse import Warehouse

from .conftest import BASE_DIR

TEMPLATES = sorted((BASE_DIR / "templates").rglob("*.html"))
IN_TEMPLATES = re.compile(r"""{%\s*url\s+['"]([^'"]+)['"]""")
IN_CODE = re.compile(r"""\b(?:reverse|reverse_lazy|redirect)\(\s*['"]([^'"]+)['"]""")
# These addresses redirect: the next account of a list to that account; a person's own pages from
# the past to the present; the default view to its list; /since/ and its filters to the choice of a
# moment.
LEADS_ON = re.compile(
    r"/accounts/[^/]+/(next|previous)/|^/as-of/[^/]+/(preferences/me|digest)/|/views/default/"
    r"|^/since/(facet/|$)"
)
# A parser of HTML would take longer than the pages.
LINKS = re.compile(r"""\s(?:href|src|hx-get)=["']([^"']*)["']""")
STATIC = re.compile(r"""{%\s*static\s+['"]([^'"]+)['"]""")


def _names() -> set[str]:
    return {name for name in get_resolver().reverse_dict if isinstance(name, str)}


def _found(pattern: re.Pattern[str], files: list[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        for name in pattern.findall(file.read_text()):
            yield str(file.relative_to(BASE_DIR)), name


def test_url_names_exist() -> None:
    code = sorted((BASE_DIR / "crm").rglob("*.py"))
    used = [*_found(IN_TEMPLATES, TEMPLATES), *_found(IN_CODE, code)]
    assert used
    broken = [(file, name) for file, name in used if name not in _names() and "/" not in name]
    assert broken == []


def test_static_files_exist() -> None:
    used = list(_found(STATIC, TEMPLATES))
    assert used
    assert [(file, name) for file, name in used if not finders.find(name)] == []


@override_settings(EDIP_EXPORTS_PER_MINUTE=0)  # a fast machine asks for more files in a minute
def test_everything_that_can_be_clicked_answers(client: Client, sample: Warehouse) -> None:
    """Follow the links from the start page, over the whole site."""
    waiting, seen, broken = ["/"], _shapes("/"), []
    while waiting:
        path = waiting.pop()
        response = client.get(path, follow=bool(LEADS_ON.search(path)))
        if response.status_code != 200:
            broken.append((path, response.status_code))
            continue
        for target in _targets(response, path):
            if not _shapes(target) <= seen:
                seen |= _shapes(target)
                waiting.append(target)
    assert broken == []
    assert len(seen) > 30


def _targets(response, path: str) -> Iterator[str]:
    if not response["Content-Type"].startswith("text/html"):
        return
    for link in dict.fromkeys(LINKS.findall(response.content.decode())):
        url = urlsplit(urljoin(path, unescape(link)))
        if not url.netloc and not url.path.startswith("/static/"):
            yield url.path + (f"?{url.query}" if url.query else "")


def _shapes(target: str) -> set[tuple[str, str]]:
    """Return the address's route with each name in its query.

    One record for each route and one value for each name are enough, now and as of a moment.
    """
    url = urlsplit(target)
    as_of, path = re.fullmatch("(/as-of/[^/]+)?(/.*)", url.path).groups()
    try:
        route = resolve(path).route
    except Resolver404:
        route = path
    names = {part.split("=")[0] for part in url.query.split("&")}
    return {("as of " * bool(as_of) + route, name) for name in names}
