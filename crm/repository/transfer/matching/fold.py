"""Fold texts that mean the same to a person, with the same result in Python and SQL.

Case, separate accent characters, invisible characters, and the kinds of blanks, quotation marks
and hyphens make no difference. Accents do make a difference; of several on one letter only the
last.
"""

from __future__ import annotations

import re
import unicodedata

from crm.model.characters import BLANKS, HYPHENS, INVISIBLE
from crm.repository import _sql

# What texts that fold to one may differ in, for sentences that say so.
DIFFERENCES = "case, blanks, quotation marks, hyphens, invisible characters or the form of accents"
_SEPARATOR = "\x1f"
# A part of regular expressions.
_ACCENTS = r"\u0300-\u036f"
_SIGNS = {
    **dict.fromkeys("‘’ʼ′", "'"),
    **dict.fromkeys("“”„«»″", '"'),
    **dict.fromkeys(HYPHENS, "-"),
    "ς": "σ",
}


def _accented() -> dict[str, tuple[str, str]]:
    """Map each lower-case letter with accents to (the plain letter, its last accent)."""
    found = {}
    for char in map(chr, range(0x80, 0x2000)):
        letter, *accents = list(unicodedata.normalize("NFD", char))
        if accents and char.lower() == char and all(re.match(f"[{_ACCENTS}]", a) for a in accents):
            found[char] = letter, accents[-1]
    return found


_LETTERS = _accented()
_TO_LETTER = {char: letter for char, (letter, _) in _LETTERS.items()} | _SIGNS
_TO_ACCENT = {char: accent for char, (_, accent) in _LETTERS.items()}
# The parameters of statements with ``folded``.
PARAMETERS = {
    "fold_from": "".join(_TO_LETTER),
    "fold_to": "".join(_TO_LETTER.values()),
    "accents_from": "".join(_TO_ACCENT),
    "accents_to": "".join(_TO_ACCENT.values()),
}
_LETTER = str.maketrans(PARAMETERS["fold_from"], PARAMETERS["fold_to"])
_ACCENT = str.maketrans(PARAMETERS["accents_from"], PARAMETERS["accents_to"])
_FOLDED = """CONCAT(
  TRIM(REGEXP_REPLACE(
    TRANSLATE(REGEXP_REPLACE(LOWER({text}), '[{dropped}]', ''), :fold_from, :fold_to),
    '[{blank}]+', ' ')),
  '{separator}',
  REGEXP_REPLACE(TRANSLATE(LOWER({text}), :accents_from, :accents_to), '[^{accents}]', ''))"""


def fold(text: str) -> str:
    """Return the folded text; texts that mean the same have the same one."""
    low = text.lower()
    letters = re.sub(f"[{_ACCENTS}{INVISIBLE}]", "", low).translate(_LETTER)
    accents = re.sub(f"[^{_ACCENTS}]", "", low.translate(_ACCENT))
    return re.sub(f"[{BLANKS}]+", " ", letters).strip(" ") + _SEPARATOR + accents


def folded(text: str) -> str:
    """Return the SQL expression of ``fold``; NULL for NULL."""
    return _sql.fill(
        _FOLDED,
        text=text,
        dropped=_sql.pattern(_ACCENTS + INVISIBLE),
        blank=_sql.pattern(BLANKS),
        accents=_sql.pattern(_ACCENTS),
        separator=f"\\u{ord(_SEPARATOR):04x}",
    )
