"""Make the app's page of the guide from docs/guide.md: `make guide`.

The app is deployed without docs/, and needs no package to read Markdown. A test tells if the page
is older than the guide.
"""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

BASE_DIR = Path(__file__).resolve().parent.parent
SOURCE = BASE_DIR / "docs" / "guide.md"
PAGE = BASE_DIR / "templates" / "guide" / "_text.html"
HEADER = "{% load static %}\n{# Made from docs/guide.md by `make guide`: edit that. #}\n"
PICTURES = "../static/"


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and the tests of the docs name it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def headings(source: str) -> list[str]:
    return re.findall(r"^## (.+)$", source, re.MULTILINE)


def render(source: str) -> str:
    """Return the template: the chapters, then the text without its title."""
    if re.search(r"{[{%#]", source):
        raise ValueError("the guide has what Django would take for a tag of a template")
    reader = MarkdownIt("commonmark", {"html": False})
    tokens = reader.parse(re.sub(r"^# .+\n", "", source))
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", slug(tokens[place + 1].content))
        for child in token.children or ():
            if child.type == "image":
                _place_picture(child)
    links = [f'<li><a href="#{slug(each)}">{each}</a></li>\n' for each in headings(source)]
    chapters = (
        f'<nav class="guide-chapters" aria-label="Chapters"><ol>\n{"".join(links)}</ol></nav>\n'
    )
    text = reader.renderer.render(tokens, reader.options, {})
    # A picture takes three lines, since templates have no long ones.
    picture = r'src="STATIC (\S+)" (alt="[^"]*") '
    text = re.sub(picture, "src=\"{% static '\\1' %}\"\n     \\2\n     ", text)
    return HEADER + chapters + text


def _place_picture(image: Token) -> None:
    path = str(image.attrs["src"])
    if not path.startswith(PICTURES):
        raise ValueError(f"{path} is not in static/, so the app does not have it")
    width, height = _size(SOURCE.parent / path)
    image.attrs = {
        "src": f"STATIC {path.removeprefix(PICTURES)}",
        "alt": "",  # the renderer fills it in
        "width": width,
        "height": height,
        "loading": "lazy",
    }


def _size(picture: Path) -> tuple[int, int]:
    """Return width and height of a PNG."""
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return width, height


def main() -> int:
    PAGE.write_text(render(SOURCE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
