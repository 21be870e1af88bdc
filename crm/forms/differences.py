"""Find the parts in which a text differs from another."""

from __future__ import annotations

import difflib
import re

# Longer texts are not compared word by word: the time for that grows with the square of the
# length.
_COMPARABLE = 20_000


def differences(theirs: str, mine: str) -> tuple[tuple[str, bool], ...]:
    """Return the text ``theirs`` as parts (text, whether ``mine`` lacks it)."""
    if max(len(theirs), len(mine)) > _COMPARABLE:
        return ((theirs, False),)
    words, other = (re.findall(r"\s+|[^\s]+", text) for text in (theirs, mine))
    steps = difflib.SequenceMatcher(None, other, words, autojunk=False).get_opcodes()
    pieces = ((tag, "".join(words[start:end])) for tag, _, _, start, end in steps)
    return tuple((text, tag != "equal") for tag, text in pieces if text)
