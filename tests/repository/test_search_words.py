"""Python and the warehouse agree on what a search finds, whatever the words."""

from __future__ import annotations

import json
import random
import re
import unicodedata

import pytest

from crm.repository import _sql
from crm.repository.records.search_words import SEARCH_LENGTH, WORDS, SearchWords, fold, same
from crm.warehouse import Warehouse


@pytest.mark.parametrize(
    ("search", "text"),
    [
        ("claims digital", "Digital  Claims"),
        ("CLAI", "Digital Claims"),
        ("muller", "Müller"),
        ("mueller", "Müller"),
        ("Müller", "MUELLER"),
        ("strasse", "Straße"),
        ("Straße", "STRASSE"),
        ("jose", "Jose\u0301 Álvarez"),
        ("Jose\u0301", "JOSÉ"),
        ("lodz", "Łódź"),
        ("smorrebrod", "Smørrebrød"),
        ("istanbul", "İSTANBUL"),
        ("σοφος", "ΣΟΦΟΣ"),
        ("o'brien", "O’Brien"),
        ("e-mail", "E–Mail"),
        ("0%", "100% sure"),
        ("ab\u00a0cd", "cd\tab"),
        ("a_b [x] (y|z) ^$ .* \\d {2} &&", "&& {2} \\d .* ^$ (y|z) [x] a_b"),
        ("가", "가나다"),
        ("مرحبا", "قل مرحبا"),
        ("  ", "anything"),
    ],
)
def test_what_makes_no_difference(search: str, text: str) -> None:
    assert SearchWords.of(search).found_in(text)


@pytest.mark.parametrize(
    ("search", "text"),
    [
        ("a_b", "axb"),
        ("a%", "ab"),
        (".", "a"),
        ("claims x", "claims"),
        ("[ab]", "a"),
        ("\u0301", "a"),
    ],
)
def test_what_is_not_found(search: str, text: str) -> None:
    assert not SearchWords.of(search).found_in(text)


def test_all_words_of_a_long_search_count() -> None:
    words = [f"w{n:02}" for n in range(WORDS + 4)]
    found = SearchWords.of(" ".join(words))
    assert len(found.words) == WORDS
    assert found.found_in("  ".join(words))
    assert not found.found_in(" ".join(words[:-1]))
    assert SearchWords.of("x" * 10_000) == SearchWords.of("x" * SEARCH_LENGTH)
    assert SearchWords.of("a a A\0").words == SearchWords.of("a").words


def test_found_words_are_marked() -> None:
    words = SearchWords.of("muller PLAN")
    assert words.mark("Die Müllers planen") == [
        ("Die ", False),
        ("Müller", True),
        ("s ", False),
        ("plan", True),
        ("en", False),
    ]
    assert SearchWords.of("ana nan").mark("banana") == [("b", False), ("anan", True), ("a", False)]
    excerpt = words.excerpt(f"{'x ' * 200}the\nplan {'y ' * 200}", 60)
    assert len(excerpt) == 62
    assert "the plan" in excerpt
    assert words.excerpt("The plan", 60) == "The plan"


# A bit of everything: letters with and without accents, pairs that stand for one, marks of
# regular expressions and of SQL, and scripts with other rules.
_PARTS = [
    *"aAeEoOuUsSlLnNäÄöüÜßẞéÉèñçÇøØłŁđıİæŒåÅ\u0301\u0308'’\"“-–.*+?()[]{}|^$\\%_&#~/<>=,;:@!0１²"
]
_PARTS += [
    "ae",
    "oe",
    "UE",
    "ss",
    "σ",
    "ς",
    "Σ",
    "ά",
    "й",
    "Ё",
    "ж",
    "ա",
    "가",
    "が",
    "か\u3099",
    "ﬁ",
    "😀",
]
_PARTS += ["\u212a", "ك", "\u200f", "हि", "Ⅷ", "ｗ"]


def test_the_warehouse_finds_what_python_finds(warehouse: Warehouse) -> None:
    chance = random.Random(5)

    def word(length: int) -> str:
        return "".join(chance.choice(_PARTS) for _ in range(chance.randint(1, length)))

    texts = [" ".join(word(7) for _ in range(chance.randint(1, 4))) for _ in range(250)]
    searches = [_varied(chance, chance.choice(texts)) for _ in range(40)]
    searches += [word(2) for _ in range(20)] + list("ek`'\"-0")
    searched = [SearchWords.of(text, f"w{n}_") for n, text in enumerate(searches)]
    people = [_varied(chance, text) for text in texts[:20]]
    conditions = [words.condition(["text"]) for words in searched]
    conditions += [f"text RLIKE :p{n}" for n, _ in enumerate(people)]
    params = {name: value for words in searched for name, value in words.params.items()}
    params |= {f"p{n}": same(name) for n, name in enumerate(people)}
    columns = ", ".join(f"({condition}) AS c{n}" for n, condition in enumerate(conditions))
    sql = _sql.fill(
        "SELECT text, {columns} FROM (SELECT EXPLODE(FROM_JSON(:texts, 'array<string>')) AS text)",
        columns=columns,
    )
    rows = warehouse.query(sql, {"texts": json.dumps(texts), **params})
    found = 0
    for row in rows:
        for number, words in enumerate(searched):
            is_found = words.found_in(row["text"])
            assert row[f"c{number}"] == is_found, (searches[number], row["text"])
            found += is_found
        for number, name in enumerate(people):
            is_same = fold(row["text"]) == fold(name)
            assert row[f"c{number + len(searched)}"] == is_same, (name, row["text"])
            found += is_same
    assert found > 60


def _varied(chance: random.Random, text: str) -> str:
    """Return the words of a text in another order and another writing."""
    words = text.split()
    chance.shuffle(words)
    change = chance.choice((str.upper, str.lower, str.title, str))
    form = chance.choice(("NFC", "NFD"))
    return unicodedata.normalize(form, re.sub(" ", "  ", change(" ".join(words))))
