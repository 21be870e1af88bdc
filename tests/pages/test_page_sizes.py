"""Pages stay small: their drawings are in the file of icons, and their bytes are limited."""

from __future__ import annotations

from django.test import Client

from crm.warehouse import Warehouse

# The mark beside the name of the app is the only drawing in a page.
MARK = 1
# Path -> kB of HTML with the sample data, before and after compression.
LIMITS = {
    "/": (37, 6),
    "/accounts/": (29, 5),
    "/accounts/BSN001/": (42, 7),
    "/use-cases/": (37, 6),
    "/updates/": (47, 8),
}


def test_pages_are_small_and_hold_no_drawings(client: Client, sample: Warehouse) -> None:
    sizes = {}
    for path in LIMITS:
        page = client.get(path).content
        sent = client.get(path, HTTP_ACCEPT_ENCODING="gzip").content
        assert b"<use href=" in page
        assert page.count(b"<path") == MARK, path
        sizes[path] = (len(page) / 1000, len(sent) / 1000)
    too_large = {
        path: size
        for path, size in sizes.items()
        if any(kb > most for kb, most in zip(size, LIMITS[path], strict=True))
    }
    assert not too_large, sizes
