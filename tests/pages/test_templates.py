"""Rules that hold for all templates."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

FOLDER = Path(settings.BASE_DIR) / "templates"
TEMPLATES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
LONGEST = 160
MADE = "guide/_text.html"  # by `make guide`, one line for each paragraph


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != MADE])
def test_no_line_is_too_long(name: str) -> None:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > LONGEST] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_compiles(name: str) -> None:
    get_template(name)


def test_every_template_is_used() -> None:
    """By a view, another template, or Django itself (django/)."""
    sources = [*FOLDER.rglob("*.html"), *(FOLDER.parent / "crm").rglob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    # Lists name the folder of their templates (crm/views/_listing.py).
    by_folder = {
        f"{name}/{part}"
        for name in ("accounts", "use_cases", "updates")
        for part in ("_table.html", "list.html")
    }
    unused = [n for n in TEMPLATES if f'"{n}"' not in text and not n.startswith("django/")]
    assert set(unused) <= by_folder
