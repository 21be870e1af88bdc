"""The sentences of the integrity checks and their repairs."""

from __future__ import annotations

import pytest

from crm.views._integrity_wording import MASKED, problems, repair, repaired

_REVERT = "The history will show the repair, and you can revert it there."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (problems(0), "The checks found no problems."),
        (problems(1), "The checks found 1 problem that Unity Catalog does not prevent."),
        (repair(0, 0), "There is nothing left to repair."),
        (repair(0, 0, is_masked=True), MASKED),
        (
            repair(2, 3),
            f"The repair will make these changes. {_REVERT} This page shows the first 2 of 3.",
        ),
        (
            repair(1, 1, is_masked=True),
            f"The repair will make these changes. {_REVERT} {MASKED}",
        ),
        (repaired("Orphans", 1, "row"), "Orphans: 1 row was repaired."),
        (repaired("Orphans", 2, "key"), "Orphans: 2 keys were repaired."),
    ],
)
def test_each_sentence_fits_its_numbers(text: str, expected: str) -> None:
    assert text == expected


def test_a_repair_that_cannot_be_undone_says_so() -> None:
    text = repair(1, 1, by_key=True)
    assert "cannot undo" in text
    assert "first" not in text
