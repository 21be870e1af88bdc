"""Pages stay small: in bytes, drawings, and in what Django has to render for them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls.resolvers import URLResolver

from crm.warehouse import Warehouse

# The mark beside the name of the app is the only drawing in a page.
MARK = 1
# Path -> kB of HTML with the sample data, before and after compression.
LIMITS = {
    "/": (39, 6),
    "/accounts/": (44, 7),
    "/accounts/BSN001/": (48, 8),
    "/use-cases/": (57, 8),
    "/updates/": (71, 10),
}


def test_pages_are_small_and_hold_no_drawings(client: Client, sample: Warehouse) -> None:
    sizes = {}
    for path in LIMITS:
        page = client.get(path).content
        sent = client.get(path, HTTP_ACCEPT_ENCODING="gzip").content
        assert b"<use href=" in page
        assert page.count(b"<path") == MARK, path
        sizes[path] = (len(page) / 1000, len(sent) / 1000)
    assert not _beyond(LIMITS, sizes), sizes


# Path -> templates that are rendered and URLs that Django searches for: a row needs none, and each
# filter one.
WORK = {
    "/": (18, 14),
    "/accounts/": (29, 11),
    "/use-cases/": (31, 11),
    "/updates/": (29, 11),
    "/accounts/BSN001/": (43, 14),
    "/accounts/BSN001/history/": (16, 13),
}


def test_a_row_costs_no_template_and_no_search_for_its_url(
    client: Client, sample: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were two thirds of a page's CPU."""
    searches: list[str] = []
    search = URLResolver._reverse_with_prefix

    def count(resolver: URLResolver, name: str, *args: Any, **kwargs: Any) -> str:
        searches.append(name)
        return search(resolver, name, *args, **kwargs)

    work = {}
    for path in WORK:
        client.get(path)  # what is rendered once
        with monkeypatch.context() as patched:
            patched.setattr(URLResolver, "_reverse_with_prefix", count)
            searches.clear()
            work[path] = (len(client.get(path).templates), len(searches))
    assert not _beyond(WORK, work), work


def _beyond(
    limits: dict[str, tuple[int, int]], measured: dict[str, tuple[float, float]]
) -> list[str]:
    """Return the paths of which either number is above its limit."""
    return [
        path
        for path, numbers in measured.items()
        if any(number > most for number, most in zip(numbers, limits[path], strict=True))
    ]
