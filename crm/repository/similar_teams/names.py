"""The likeness of two names: do they name one team in two spellings, or two teams?"""

from __future__ import annotations

import re
from functools import lru_cache

from crm.repository.records.search_words import fold

# Names with at least this likeness may be one team's.
ALIKE = 0.8
# Words that do not distinguish teams.
COMMON = (
    *("and", "of", "for", "the", "team", "teams", "dept", "department", "group", "unit"),
    *("division", "office"),
)
# Short forms and the words that they stand for.
SHORT_FORMS = {
    "acct": ("accounting",),
    "admin": ("administration",),
    "comms": ("communications",),
    "corp": ("corporate",),
    "cust": ("customer",),
    "dev": ("development",),
    "eng": ("engineering",),
    "fin": ("finance",),
    "hr": ("human", "resources"),
    "intl": ("international",),
    "it": ("information", "technology"),
    "logs": ("logistics",),
    "mfg": ("manufacturing",),
    "mgmt": ("management",),
    "mgt": ("management",),
    "mkt": ("marketing",),
    "mktg": ("marketing",),
    "ops": ("operations",),
    "proc": ("processing",),
    "prod": ("production",),
    "svc": ("services",),
    "svcs": ("services",),
    "tech": ("technology",),
}
_NO_WORD = re.compile(r"[\W_]+")
_DIGIT = re.compile(r"\d")
# An unlisted short form counts as so many typing errors, and has at most this share of letters.
_SHORTENED = 0.5
_LONGEST_SHORT_FORM = 0.7
_NEVER = 99.0


@lru_cache(maxsize=20_000)
def words(name: str) -> tuple[str, ...]:
    """Return the words that distinguish the team, with short forms written out."""
    found = _NO_WORD.sub(" ", fold(name).replace("&", " and ").replace("+", " and ")).split()
    told = [word for word in found if word not in COMMON] or found
    return tuple(long for word in told for long in SHORT_FORMS.get(word, (word,)))


def likeness(one: str, other: str) -> float:
    """Return 1.0 for the same words in any order, less for typing errors, 0.0 for different teams.
    Different numbers are never typing errors."""
    mine, theirs = words(one), words(other)
    if not mine or not theirs:
        return 0.0
    if sorted(mine) == sorted(theirs):
        return 1.0
    if "".join(mine) == "".join(theirs):
        return 0.95
    if len(mine) != len(theirs):
        return 0.0
    errors, rest = 0.0, list(theirs)
    for word in sorted(mine, key=len, reverse=True):
        nearest = min(rest, key=lambda each: _errors(word, each))
        errors += _errors(word, nearest)
        rest.remove(nearest)
    letters = sum(map(len, mine))
    return max(0.0, 1.0 - errors / letters) if errors <= _most(letters) else 0.0


@lru_cache(maxsize=20_000)
def _errors(one: str, other: str) -> float:
    """Return the number of typing errors between two words; a large number for other words."""
    if one == other:
        return 0.0
    if _DIGIT.search(one + other):
        return _NEVER
    short, long = sorted((one, other), key=len)
    if _is_short_form(short, long):
        return _SHORTENED
    found = _distance(one, other)
    return found if found <= _most(len(short)) else _NEVER


def _most(letters: int) -> int:
    """Return the most typing errors that a word of so many letters may have."""
    return 0 if letters < 4 else 1 if letters < 9 else 2


def _is_short_form(short: str, long: str) -> bool:
    """Return whether the letters of ``short`` are in ``long`` in this order, beginning with the
    first letter.
    """
    if len(short) < 3 or len(short) > _LONGEST_SHORT_FORM * len(long) or short[0] != long[0]:
        return False
    letters = iter(long)
    return all(letter in letters for letter in short)


def _distance(one: str, other: str) -> int:
    """Return the edit distance: letters to add, drop, replace or swap with the next one."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, theirs in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (mine != theirs))
            if i > 1 and j > 1 and mine == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
