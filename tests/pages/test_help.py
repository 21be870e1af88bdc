"""The help behind "?": what each page is for, and the keys."""

from __future__ import annotations

from django.test import Client
from django.urls import get_resolver

from crm.views._help import PURPOSES, SHORTCUTS
from docs import render_guide

from .html import HTMX, parsed, texts

# Parts of pages, files, answers to programs, what leads to another page at once, and the help.
NO_PAGES = {
    "account-facet", "use-case-facet", "update-facet", "activity-facet", "diff-facet",
    "account-next", "account-previous", "account-compose", "follow", "theme", "default-view",
    "saved-view-copy", "saved-view-save", "history-reach", "recent-changes", "revert-deletion",
    "revert-bulk", "import-report", "import-refused", "import-template", "healthz", "readyz",
    "metrics", "help", "account-names", "check-team", "suggestions",
}  # fmt: skip


def test_every_page_leads_to_help_about_itself(client: Client) -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert names == PURPOSES.keys() | NO_PAGES

    link = parsed(client.get("/as-of/")).select_one(".foot a")["href"]
    assert link == "/help/?about=as-of"
    page = parsed(client.get(link))
    assert texts(page, ".help-part h2")[0] == f"This page: {PURPOSES['as-of'].page}"
    assert texts(page, "main .help-part p")[0] == PURPOSES["as-of"].text
    assert texts(page, ".help-keys dd") == [each.text for each in SHORTCUTS]

    dialog = parsed(client.get(link, **HTMX, HTTP_HX_TARGET="dialog"))
    assert dialog.html is None
    assert texts(dialog, "dialog .help-part p")[0] == PURPOSES["as-of"].text
    for path in ("/help/", "/help/?about=%3Cscript%3E"):
        page = parsed(client.get(path))
        assert texts(page, ".help-part h2")[0] == "Keys"
    assert page.select_one(".help-pages a[href='/people/']").get_text() == "People"


def test_the_guide_in_the_app_is_that_of_the_docs(client: Client) -> None:
    """Made anew with `make guide`. Its pictures are there, and the help knows its chapters."""
    source = render_guide.SOURCE.read_text()
    assert render_guide.PAGE.read_text() == render_guide.render(source)
    page = parsed(client.get("/guide/"))
    anchors = {heading["id"] for heading in page.select(".guide h2")}
    assert {link["href"][1:] for link in page.select(".guide-chapters a")} == anchors
    chapters = {each.chapter for each in PURPOSES.values() if each.chapter}
    assert chapters <= set(render_guide.headings(source))
    assert {each.anchor for each in PURPOSES.values() if each.chapter} <= anchors
    for picture in page.select(".guide img"):
        assert client.get(picture["src"]).status_code == 200
        assert picture["alt"]
    help_page = parsed(client.get("/help/?about=account-bulk"))
    assert help_page.select_one(".help-part a")["href"] == "/guide/#changing-many-rows-at-once"
