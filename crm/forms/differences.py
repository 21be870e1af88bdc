"""Find the parts in which a text differs from another."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from itertools import groupby
from operator import itemgetter

# The time for comparing grows with the pairs of equal words. Texts with more pairs, such as those
# of few words again and again, are not compared word by word, nor are longer ones.
_COMPARABLE = 20_000
_MOST_PAIRS = 1_000_000
# A word with the blanks before it. Blanks alone would be the most frequent word by far.
_WORDS = re.compile(r"\s*\S+|\s+")


def differences(theirs: str, mine: str) -> tuple[tuple[str, bool], ...]:
    """Return the text ``theirs`` as parts (text, whether ``mine`` lacks its words)."""
    if max(len(theirs), len(mine)) > _COMPARABLE:
        return ((theirs, False),)
    pieces = _WORDS.findall(theirs)
    words, other = [piece.strip() for piece in pieces], mine.split()
    counts = Counter(other)
    if sum(count * counts[word] for word, count in Counter(words).items()) > _MOST_PAIRS:
        return ((theirs, False),)
    steps = difflib.SequenceMatcher(None, other, words, autojunk=False).get_opcodes()
    found: list[tuple[str, bool]] = []
    for tag, _, _, start, end in steps:
        text = "".join(pieces[start:end])
        blanks = len(text) - len(text.lstrip()) if tag != "equal" else 0
        found += [(text[:blanks], False), (text[blanks:], tag != "equal")]
    grouped = groupby((part for part in found if part[0]), key=itemgetter(1))
    return tuple(("".join(text for text, _ in parts), lacks) for lacks, parts in grouped)
