"""Read pages as a browser does."""

from __future__ import annotations

from typing import Any

from bs4 import BeautifulSoup, Tag
from django.http import HttpResponse

HTMX = {"HTTP_HX_REQUEST": "true"}


def parsed(response: HttpResponse) -> BeautifulSoup:
    # Nobody asks on which line an element is, and to know takes an eighth of the time.
    return BeautifulSoup(response.content, "html.parser", store_line_numbers=False)


def texts(soup: Tag, selector: str) -> list[str]:
    return [" ".join(tag.get_text().split()) for tag in soup.select(selector)]


def text(soup: Tag, selector: str) -> str:
    found = texts(soup, selector)
    assert len(found) == 1, f"{selector}: {found}"
    return found[0]


def filled_in(form: Tag) -> dict[str, Any]:
    """Return the data that the form posts if nobody edits it."""
    values: dict[str, Any] = {}
    for field in form.select("input[name], textarea[name], select[name]"):
        if field.get("type") in {"checkbox", "radio"} and not field.has_attr("checked"):
            continue
        values[field["name"]] = _value(field)
    return values


def _value(field: Tag) -> str:
    if field.name == "textarea":
        # The parser of a page drops the line break that Django puts first.
        return field.get_text().removeprefix("\n")
    if field.name == "select":
        chosen = field.select_one("option[selected]") or field.select_one("option")
        return chosen.get("value", chosen.get_text())
    return field.get("value", "on" if field.get("type") == "checkbox" else "")


def record_form(response: HttpResponse) -> dict[str, Any]:
    return filled_in(parsed(response).select_one("#record form"))
