"""docs/security.md has a row for each requirement of OWASP ASVS 5.0, level 2, and real tests."""

from __future__ import annotations

import re
from collections import Counter

from .conftest import BASE_DIR

TEXT = (BASE_DIR / "docs/security.md").read_text()
# How many requirements of the levels 1 and 2 each section of the standard has.
SECTIONS = {
    "1": {1: 2, 2: 9, 3: 11, 4: 3, 5: 2}, "2": {1: 3, 2: 3, 3: 4, 4: 1},
    "3": {2: 2, 3: 4, 4: 6, 5: 5, 7: 2}, "4": {1: 3, 2: 1, 3: 2, 4: 4},
    "5": {1: 1, 2: 3, 3: 2, 4: 3}, "6": {1: 3, 2: 12, 3: 4, 4: 4, 5: 5, 6: 3, 8: 4},
    "7": {1: 3, 2: 4, 3: 2, 4: 5, 5: 2, 6: 2}, "8": {1: 2, 2: 3, 3: 1, 4: 1},
    "9": {1: 3, 2: 4}, "10": {1: 2, 2: 2, 3: 4, 4: 11, 5: 5, 6: 2, 7: 3},
    "11": {1: 2, 2: 3, 3: 3, 4: 4, 5: 1, 6: 1}, "12": {1: 3, 2: 2, 3: 4},
    "13": {1: 1, 2: 5, 3: 2, 4: 5}, "14": {1: 2, 2: 4, 3: 3}, "15": {1: 3, 2: 3, 3: 7},
    "16": {1: 1, 2: 5, 3: 4, 4: 3, 5: 3}, "17": {1: 1, 2: 4, 3: 2},
}  # fmt: skip
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+?) \| (.+) \|$", TEXT, re.M)


def test_each_requirement_has_its_row() -> None:
    wanted = [
        f"{chapter}.{section}.{number}"
        for chapter, sections in SECTIONS.items()
        for section, count in sections.items()
        for number in range(1, count + 1)
    ]
    assert [row[0] for row in ROWS] == wanted
    assert {row[2] for row in ROWS} == {"met", "not applicable", "**open**"}


def test_the_sums_are_right() -> None:
    states = Counter(row[2] for row in ROWS)
    sums = f"Of these {states['met']} are met, {states['not applicable']} do not apply, and "
    assert sums + f"{states['**open**']} are open" in " ".join(TEXT.split())


def test_what_was_tried_has_its_test() -> None:
    table = TEXT.partition("## What was tried")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w/]+(?:\.test\.mjs|\.py|/))`(?= \||,)", table)
    assert len(named) > 20
    assert [name for name in named if not (BASE_DIR / name).exists()] == []
