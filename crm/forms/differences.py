"""Find the parts in which a text differs from another."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, groupby
from operator import itemgetter

# Longer texts are not compared word by word.
_COMPARABLE = 20_000
# The most words and pairs of equal words to look at, which takes up to 0.3 s of CPU: enough for
# 3,000 words of prose of which half changed. Two texts of few words again and again, or with
# thousands of changes, would take seconds.
_MOST_STEPS = 3_000_000
# A word with the blanks before it. Blanks alone would be the most frequent word by far.
_WORDS = re.compile(r"\s*\S+|\s+")


def differences(theirs: str, mine: str) -> tuple[tuple[str, bool], ...]:
    """Return the text ``theirs`` as parts (text, whether ``mine`` lacks its words).

    It is one part if comparing the texts would take too long.
    """
    unmarked = ((theirs, False),)
    if max(len(theirs), len(mine)) > _COMPARABLE:
        return unmarked
    pieces = _WORDS.findall(theirs)
    try:
        steps = _Comparison(mine.split(), [piece.strip() for piece in pieces]).get_opcodes()
    except _TooLong:
        return unmarked
    found: list[tuple[str, bool]] = []
    for tag, _, _, start, end in steps:
        text = "".join(pieces[start:end])
        blanks = len(text) - len(text.lstrip()) if tag != "equal" else 0
        found += [(text[:blanks], False), (text[blanks:], tag != "equal")]
    grouped = groupby((part for part in found if part[0]), key=itemgetter(1))
    return tuple(("".join(text for text, _ in parts), lacks) for lacks, parts in grouped)


class _TooLong(Exception):
    """Comparing the texts would take more than ``_MOST_STEPS``."""


class _Comparison(difflib.SequenceMatcher[str]):
    """Compares lists of words, and raises _TooLong before it takes more than ``_MOST_STEPS``."""

    def __init__(self, words: Sequence[str], other: Sequence[str]) -> None:
        super().__init__(None, words, other, autojunk=False)
        counts = Counter(other)
        self._steps_before = [0, *accumulate(1 + counts[word] for word in words)]
        self.steps = 0

    def find_longest_match(
        self, start: int = 0, end: int | None = None, after: int = 0, until: int | None = None
    ) -> difflib.Match:
        """Find the longest equal part of these words and of those of the other text."""
        self.steps += self._steps_before[-1 if end is None else end] - self._steps_before[start]
        if self.steps > _MOST_STEPS:
            raise _TooLong
        return super().find_longest_match(start, end, after, until)
