"""No broken URL: in templates, in views, and in what a visitor can click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup
from django.contrib.staticfiles import finders
from django.template.loader import get_template
from django.test import Client
from django.urls import get_resolver

from crm.warehouse import Warehouse

from .conftest import BASE_DIR

TEMPLATES = sorted((BASE_DIR / "templates").rglob("*.html"))
IN_TEMPLATES = re.compile(r"""{%\s*url\s+['"]([^'"]+)['"]""")
IN_CODE = re.compile(r"""\b(?:reverse|reverse_lazy|redirect)\(\s*['"]([^'"]+)['"]""")
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


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: p.name)
def test_each_template_compiles(template: Path) -> None:
    get_template(str(template.relative_to(BASE_DIR / "templates")))


def test_everything_that_can_be_clicked_answers(client: Client, sample: Warehouse) -> None:
    """Follow every link from the start page, over the whole site."""
    waiting, seen, broken = ["/"], {"/"}, []
    while waiting:
        path = waiting.pop()
        response = client.get(path)
        if response.status_code != 200:
            broken.append((path, response.status_code))
            continue
        for target in _targets(response, path):
            shape = _shape(target)
            if shape not in seen:
                seen.add(shape)
                waiting.append(target)
    assert broken == []
    assert len(seen) > 30


def _targets(response, path: str) -> Iterator[str]:
    if not response["Content-Type"].startswith("text/html"):
        return
    soup = BeautifulSoup(response.content, "html.parser")
    for attribute in ("href", "src", "hx-get"):
        for tag in soup.select(f"[{attribute}]"):
            url = urlsplit(urljoin(path, tag[attribute]))
            if not url.netloc and not url.path.startswith("/static/"):
                yield url.path + (f"?{url.query}" if url.query else "")


def _shape(target: str) -> str:
    """Return the address with its query's names only: one list for each set of names is enough."""
    url = urlsplit(target)
    names = sorted({part.split("=")[0] for part in url.query.split("&") if part})
    return re.sub(r"[0-9a-f-]{36}", "<id>", url.path) + "?" + "&".join(names)
