"""The rule by which a search matches: for lists, for filters and for the search over everything.

Each word of the search must occur in one of the searched texts, in any order and at any position.
Case, accents, and the kinds of dashes, quotation marks and blanks make no difference: ``muller``
and ``mueller`` find ``Müller``.

Each word becomes a regular expression with the variants of its characters. The warehouse matches
it against the stored texts, and Python uses the same expressions. They use only syntax that Java,
Rust, RE2 and Python treat alike. Most texts and words are plain ASCII, where a comparison in lower
case gives the same result in a fraction of the time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from crm.model.namespace import quoted

# The characters of a search that count; the rest is ignored.
SEARCH_LENGTH = 200
# The most single words; further words are searched together as one text, because each word costs
# a comparison per row.
WORDS = 16

# Characters that Unicode does not decompose into a plain character and accents.
_PLAIN = {
    **dict(zip("øłđħıςðŧ", "oldhiσdt", strict=True)),
    **dict.fromkeys("’‘‛´`", "'"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‐‑‒–—―", "-"),
}
# Letters that can also be written as two.
_AS_TWO = dict(zip("äæöøœüåß", ("ae", "ae", "oe", "oe", "oe", "ue", "aa", "ss"), strict=True))
_ACCENTS = "[\u0300-\u036f]*"
_BLANKS = "\\s\u00a0\u2000-\u200a\u202f\u205f\u3000"
# Between words: one or more blanks, also with separate accents.
_GAP = f"[{_BLANKS}][{_BLANKS}\u0300-\u036f]*"
_EDGE = f"[{_BLANKS}\u0300-\u036f]*"
# The separator of columns, which no expression matches.
BETWEEN = "\x1f"
_SPECIAL = re.compile(r"[\\.^$*+?()\[\]{}|-]")
# The characters whose variants are known: Latin, Greek, Cyrillic and Armenian letters, and
# punctuation. Rare ones, such as letters for formulas, would double the cost of a comparison.
_KNOWN = frozenset(
    map(
        chr,
        (
            *range(0x21, 0x250),
            *range(0x386, 0x588),
            *range(0x1E00, 0x1F00),
            *range(0x2010, 0x201F),
            0x212A,  # the sign of Kelvin, whose lower case is a plain k
        ),
    )
)


@dataclass(frozen=True)
class SearchWords:
    """The words of a search, each as a regular expression.

    ``phrase`` matches all words one after the other. The parameters' names begin with ``name``,
    because a statement may have two searches. ``plain`` maps a word to the lower-case text that it
    matches in ASCII texts.
    """

    words: tuple[str, ...] = ()
    phrase: str = ""
    name: str = "w"
    plain: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, name: str = "w") -> SearchWords:
        given = unicodedata.normalize("NFC", text[:SEARCH_LENGTH]).replace("\0", "").split()
        found = [_word(each) for each in given]
        phrase = _GAP.join(found)
        plain = {word: low for word, low in zip(found, map(_plain, given), strict=True) if low}
        if len(found) > WORDS:
            found = [*found[: WORDS - 1], _GAP.join(found[WORDS - 1 :])]
        return cls(tuple(dict.fromkeys(found)), phrase, name, plain)

    @property
    def params(self) -> dict[str, str]:
        found = {}
        for number, word in enumerate(self.words):
            found[f"{self.name}{number}"] = word
            if word in self.plain:
                found[f"{self.name}{number}_plain"] = self.plain[word]
        return found

    def condition(self, columns: Sequence[str]) -> str:
        """Return the condition that each word is in one of the columns; TRUE without words."""
        return " AND ".join(self.each(columns)) or "TRUE"

    def any_in(self, column: str) -> str:
        """Return the condition that one of the words is in the column."""
        return f"({' OR '.join(self.each([column]))})"

    def each(self, columns: Sequence[str]) -> Iterator[str]:
        """Yield for each word the condition that it is in one of the columns."""
        # Join all columns to one text, because matching an expression costs more than joining
        # texts.
        text = joined(columns) if len(columns) > 1 else quoted(columns[0])
        for number, word in enumerate(self.words):
            has_word = f"{text} RLIKE :{self.name}{number}"
            if word in self.plain:
                is_plain = f"CONTAINS(LOWER({text}), :{self.name}{number}_plain)"
                is_ascii = f"OCTET_LENGTH({text}) = LENGTH({text})"
                has_word = f"({is_plain} OR NOT {is_ascii} AND {has_word})"
            yield has_word

    def found_in(self, *texts: str) -> bool:
        """Return whether each word is in one of the texts, as in ``condition``."""
        return all(any(word.search(text) for text in texts) for word in self._compiled)

    def mark(self, text: str) -> list[tuple[str, bool]]:
        """Return the text as parts (text, whether it matches a word of the search)."""
        marked, end = [], 0
        for start, stop in self._places(text):
            marked += [(text[end:start], False), (text[start:stop], True)]
            end = stop
        return [part for part in [*marked, (text[end:], False)] if part[0]]

    def unseen(self, shown: str, others: Iterable[str]) -> list[str]:
        """Return those of ``others`` with a word of the search that ``shown`` lacks."""
        missing = [word for word in self._compiled if not word.search(shown)]
        return [text for text in others if any(word.search(text) for word in missing)]

    def excerpt(self, text: str, length: int) -> str:
        """Return a part of the text, in one line, with the first word of the search in it."""
        line = " ".join(text.split())
        first = next((start for start, _ in self._places(line)), 0)
        start = max(0, min(first - length // 3, len(line) - length))
        end = start + length
        return f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}"

    def _places(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) of each match, in order and without overlaps."""
        places: list[tuple[int, int]] = []
        for start, end in sorted(m.span() for word in self._compiled for m in word.finditer(text)):
            if places and start <= places[-1][1]:
                places[-1] = (places[-1][0], max(end, places[-1][1]))
            else:
                places.append((start, end))
        return places

    @cached_property
    def _compiled(self) -> list[re.Pattern[str]]:
        return [re.compile(word) for word in self.words]


def joined(columns: Sequence[str]) -> str:
    """Return the SQL of one text of all columns, which ``parts`` splits again."""
    return f"CONCAT_WS('{BETWEEN}', {', '.join(map(quoted, columns))})"


def parts(text: str) -> list[str]:
    """Return the texts that ``joined`` has joined, without duplicates."""
    return list(dict.fromkeys(filter(None, text.split(BETWEEN))))


def fold(text: str) -> str:
    """Return the normalized text: in lower case, without accents, with one blank between words."""
    return " ".join("".join(map(_base, text)).split())


def same(text: str) -> str:
    """Return the regular expression of all texts with the same ``fold`` as this one."""
    words = ("".join(map(_variants, word)) for word in fold(text).replace("\0", "").split())
    return f"^{_EDGE}{_GAP.join(words)}{_EDGE}$"


def _word(word: str) -> str:
    plain, found, at = [_base(letter) for letter in word], [], 0
    while at < len(word):
        two = "".join(plain[at : at + 2])
        if two in _as_one():
            found.append(f"(?:{''.join(map(_variants, two))}|{_as_one()[two]})")
            at += 2
        else:
            found.append(_letter(word[at]))
            at += 1
    # A word that consists only of accents is searched unchanged.
    return "".join(found) or word


def _plain(word: str) -> str:
    """Return the word in lower case if that is all it matches in ASCII texts; else an empty
    text."""
    lower = word.lower()
    found = ((low, each) for low in lower for each in _all_variants().get(_base(low), low))
    is_alone = all(each.lower() == low for low, each in found if each.isascii())
    return lower if lower.isascii() and is_alone else ""


def _letter(letter: str) -> str:
    base, two = _base(letter), _AS_TWO.get(letter.lower(), "")
    own = _variants(base) if base else ""
    return f"(?:{own}|{''.join(map(_variants, two))})" if two else own


@lru_cache(maxsize=1)
def _as_one() -> dict[str, str]:
    """Map two letters to the expression of the one letter that can replace them."""
    found: dict[str, str] = {}
    for one, two in _AS_TWO.items():
        found[two] = found.get(two, "") + one + (one.upper() if one != "ß" else "ẞ")
    return {two: f"[{ones}]" for two, ones in found.items()}


@lru_cache(maxsize=4096)
def _base(character: str) -> str:
    """Return the plain character in lower case; empty for a separate accent."""
    if "\u0300" <= character <= "\u036f":
        return ""
    lower = character.lower()
    if character not in _KNOWN:
        return lower if len(lower) == 1 else character
    parts = unicodedata.normalize("NFKD", _PLAIN.get(lower, lower))
    plain = "".join(each for each in parts if not "\u0300" <= each <= "\u036f").lower()
    plain = _PLAIN.get(plain, plain)
    # Others, such as ligatures, match only themselves; so does an accent on a blank.
    is_plain = len(plain) == 1 and plain.isspace() == character.isspace()
    return plain if is_plain else lower if len(lower) == 1 else character


@lru_cache(maxsize=4096)
def _variants(base: str) -> str:
    """Return the expression of a plain character with its variants and accents."""
    upper = base.upper()
    variants = _all_variants().get(
        base, base + (upper if upper != base and len(upper) == 1 else "")
    )
    listed = _SPECIAL.sub(r"\\\g<0>", variants)
    return f"[{listed}]{_ACCENTS}" if len(variants) > 1 else f"{listed}{_ACCENTS}"


@lru_cache(maxsize=1)
def _all_variants() -> dict[str, str]:
    found: dict[str, str] = {}
    for character in sorted(_KNOWN):
        base = _base(character)
        found[base] = found.get(base, "") + character
    return {base: variants for base, variants in found.items() if base}
