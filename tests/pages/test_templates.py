"""Rules that hold for all templates."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.template import TemplateSyntaxError
from django.template.loader import get_template

FOLDER = Path(settings.BASE_DIR) / "templates"
TEMPLATES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))
LONGEST = 160


def test_no_line_is_too_long() -> None:
    too_long = [
        f"{name}:{number}"
        for name in TEMPLATES
        for number, line in enumerate((FOLDER / name).read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LONGEST
    ]
    assert too_long == []


def test_every_template_compiles() -> None:
    broken = []
    for name in TEMPLATES:
        try:
            get_template(name)
        except TemplateSyntaxError as error:
            broken.append(f"{name}: {error}")
    assert broken == []


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
