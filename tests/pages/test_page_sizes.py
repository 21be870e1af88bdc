"""Pages stay small: in bytes, drawings, and in what Django has to render for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from django.template.base import Variable
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


# Path -> templates that are rendered, URLs that Django searches for, and variables that templates
# look up: a row needs none, and each filter one search.
WORK = {
    "/": (18, 14, 460),
    "/accounts/": (27, 11, 230),
    "/use-cases/": (29, 11, 240),
    "/updates/": (27, 11, 230),
    "/accounts/BSN001/": (43, 14, 470),
    "/accounts/BSN001/history/": (16, 13, 210),
}


def test_a_row_costs_no_template_and_no_search_for_its_url(
    client: Client, sample: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Templates and URLs of rows used to cost most of a page's CPU."""
    done: Counter[str] = Counter()

    def counting(kind: type, name: str) -> None:
        before = getattr(kind, name)

        def count(self: Any, *args: Any, **kwargs: Any) -> Any:
            done[name] += 1
            return before(self, *args, **kwargs)

        monkeypatch.setattr(kind, name, count)

    counting(URLResolver, "_reverse_with_prefix")
    counting(Variable, "_resolve_lookup")
    work = {}
    for path in WORK:
        client.get(path)  # what is rendered once
        done.clear()
        templates = len(client.get(path).templates)
        work[path] = (templates, done["_reverse_with_prefix"], done["_resolve_lookup"])
    assert not _beyond(WORK, work), work


def _beyond(
    limits: Mapping[str, tuple[int, ...]], measured: Mapping[str, tuple[float, ...]]
) -> list[str]:
    """Return the paths of which a number is above its limit."""
    return [
        path
        for path, numbers in measured.items()
        if any(number > most for number, most in zip(numbers, limits[path], strict=True))
    ]
