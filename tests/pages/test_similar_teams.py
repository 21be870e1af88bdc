"""The page of accounts that may be one team, and how it leads to a merge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client

from .html import text, texts
from .test_bulk import GetPage


def test_similar_teams_are_shown_and_lead_to_a_merge(
    client: Client, make_account: Callable[..., str], get_page: GetPage, settings: Any
) -> None:
    make_account("B1", team="Claims Operations")
    assert text(get_page("/similar-teams/"), ".lead").startswith("No two teams of one")
    make_account("B2", team="Ops, <claims> team")
    make_account("B3", team="Claims Operations", business_area="Retail")
    link = get_page("/accounts/").select_one("a[href='/similar-teams/']")
    page = get_page(link["href"])
    assert text(page, ".lead").startswith("1 pair of accounts may be one team")
    assert texts(page, "tbody th, tbody td") == [
        "Claims Operations B1",
        "Ops, <claims> team B2",
        "Finance",
        "The same words",
        "Compare Claims Operations and Ops, <claims> team",
    ]
    assert page.select_one("tbody td a.button")["href"] == "/accounts/B1/merge/B2/"
    found = get_page("/accounts/B2/merge/")
    assert [a["href"] for a in found.select(".merge-found a")] == ["/accounts/B2/merge/B1/"]
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert not get_page("/similar-teams/").select("a.button")
