"""Characters that people do not see, or do not tell apart.

``INVISIBLE`` and ``BLANKS`` stand between the brackets of regular expressions.
"""

from __future__ import annotations

import re

# Soft hyphens, zero-width characters, direction marks, byte order marks.
INVISIBLE = r"\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
# What Python's ``str.strip`` removes.
BLANKS = r"\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Signs that look like a hyphen.
HYPHENS = "‐‑‒–—―−"
# The end of a line, with the blanks around it. From the first blank: otherwise each of many blanks
# is searched from again.
LINE_END = r"(?<!\s)\s*\n\s*"

_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_LINE_END = re.compile(LINE_END)


def visible(text: str) -> str:
    return text if text.isascii() else _INVISIBLE.sub("", text)


def one_line(text: str) -> str:
    """Return the text with its lines, which end in ``\\n``, joined by a blank."""
    return _LINE_END.sub(" ", text)
