"""Pages take their icons from one file."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from crm import context_processors, icons, theme
from crm.model import vocabulary
from crm.templatetags.crm import icon

SVG = "{http://www.w3.org/2000/svg}"
BASE = Path(settings.BASE_DIR)
TEMPLATES = [path.read_text(encoding="utf-8") for path in (BASE / "templates").rglob("*.html")]
MODULES = [path.read_text(encoding="utf-8") for path in (BASE / "crm").rglob("*.py")]


def test_the_file_has_every_icon_that_is_used_and_no_other() -> None:
    micro, outline = set(), set()
    for name, size in re.findall(r'{% icon "([^"]+)" ?(\d*) %}', "".join(TEMPLATES)):
        (micro if int(size or 16) <= 16 else outline).add(name)
    statuses = {*vocabulary.onboarding_statuses(), *vocabulary.use_case_statuses(), "Other"}
    micro |= {vocabulary.appearance(each).icon for each in statuses}
    micro |= {each.icon for each in theme.THEMES}
    sections = (*context_processors._SECTIONS, context_processors._ADMIN_TOOLS)
    outline |= {symbol for _, _, symbol in sections}
    assert micro <= icons.MICRO
    assert outline == icons.OUTLINE
    # Sort links and changes choose theirs in Python.
    assert [name for name in icons.MICRO - micro if f'"{name}"' not in "".join(MODULES)] == []


def test_an_icon_refers_to_its_drawing(client: Client) -> None:
    answer = client.get("/static/icons.svg")
    assert answer["Content-Type"] == "image/svg+xml"
    drawings = {each.get("id"): each for each in ElementTree.fromstring(answer.getvalue())}
    assert len(drawings) == len(icons.MICRO) + len(icons.OUTLINE)
    for name, size in (("plus", 16), ("users", 20)):
        shown = ElementTree.fromstring(icon(name, size))
        assert (shown.get("width"), shown.get("height")) == (str(size), str(size))
        assert shown.get("aria-hidden") == "true"
        address, _, key = shown.find("use").get("href").partition("#")
        assert address == "/static/icons.svg"
        assert drawings[key].tag == f"{SVG}symbol"
        assert len(drawings[key].findall(f"{SVG}path")) == 1
    assert drawings["plus-micro"].get("fill") == "currentColor"
    assert (drawings["users"].get("fill"), drawings["users"].get("stroke")) == (
        "none",
        "currentColor",
    )


def test_an_icon_that_the_file_lacks_is_an_error() -> None:
    with pytest.raises(LookupError):
        icon("plus", 20)


def test_the_file_is_found_by_its_name_only() -> None:
    found = finders.find(icons.FILE)
    assert Path(found).read_text() == icons.sprite()
    assert finders.find(icons.FILE, find_all=True) == [found]
    assert finders.find("icons.svgz") is None
