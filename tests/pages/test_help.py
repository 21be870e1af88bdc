"""The help behind "?": what each page is for, and the keys."""

from __future__ import annotations

from django.test import Client
from django.urls import get_resolver

from crm.views._help import PURPOSES, SHORTCUTS

from .html import HTMX, parsed, texts


def test_every_page_leads_to_help_about_itself(client: Client) -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert PURPOSES.keys() <= names

    link = parsed(client.get("/as-of/")).select_one(".foot a")["href"]
    assert link == "/help/?about=as-of"
    page = parsed(client.get(link))
    assert texts(page, ".help-part h2")[0] == f"This page: {PURPOSES['as-of'].page}"
    assert texts(page, "main .help-part p") == [PURPOSES["as-of"].text]
    assert texts(page, ".help-keys dd") == [each.text for each in SHORTCUTS]

    dialog = parsed(client.get(link, **HTMX, HTTP_HX_TARGET="dialog"))
    assert dialog.html is None
    assert texts(dialog, "dialog .help-part p") == [PURPOSES["as-of"].text]
    for path in ("/help/", "/help/?about=%3Cscript%3E"):
        assert texts(parsed(client.get(path)), ".help-part h2")[0] == "Keys"
