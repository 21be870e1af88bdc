"""One word per feature: it is in the names of its view, form, template, functions and test."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from .conftest import BASE_DIR
from .test_docs import table

# The forms and templates that several features share.
SHARED = {"records", "statuses"}
# A word of a URL or view → what the code below has for it, by the table of names or the glossary.
BELOW = {
    "import": "upsert",
    "export": "read",
    "reach": "feed",
    "of": "moment",
    "readyz": "readiness",
}
COLUMNS = ("view", "form", "template", "repository", "test")


def words(name: str) -> set[str]:
    """Return the words of a name without their plural."""
    return {word.rstrip("s") for word in re.findall("[a-z]+", name.lower())}


def other_words(text: str) -> Iterator[str]:
    """Yield each name in the table of URLs without a word of its row's URL or view."""
    for url, *cells in table(text, "URL"):
        of = dict(zip(COLUMNS, (cell.strip("`") for cell in cells), strict=True))
        known = words(re.sub("<.*?>", "", url)) | words(of["view"])
        known |= words(" ".join(below for word, below in BELOW.items() if word in known))
        for column in COLUMNS[1:]:
            first = re.split(r"[./]", of[column])[0]
            is_shared = column in ("form", "template") and first in SHARED
            if of[column] != "–" and not is_shared and not words(of[column]) & known:
                yield of[column]


def test_a_page_has_one_word() -> None:
    assert list(other_words((BASE_DIR / "docs/architecture.md").read_text())) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("composer.ComposerForm", "notes.NoteForm"),
        ("`people/people.html`", "`names/list.html`"),
        ("past.diff.find_changes", "past.between.find"),
        ("pages/test_saved_views.py", "pages/test_bookmarks.py"),
    ],
)
def test_another_word_is_found(old: str, new: str) -> None:
    text = (BASE_DIR / "docs/architecture.md").read_text()
    assert old in text
    assert set(other_words(text.replace(old, new))) == {new.strip("`")}
