"""Sentences about operations of many rows, which follow a person's name."""

from __future__ import annotations

import pytest

from crm.repository import operations, summaries


@pytest.mark.parametrize(
    ("rows", "summary"),
    [
        (0, "imported rows from a.csv"),
        (1, "imported 1 row from a.csv"),
        (1234, "imported 1,234 rows from a.csv"),
    ],
)
def test_an_import(rows: int, summary: str) -> None:
    assert summaries.imported(rows, "a.csv") == summary


@pytest.mark.parametrize(
    ("kind", "summary", "name"),
    [
        (
            operations.IMPORT,
            summaries.imported(2, "rows from a.csv"),
            "the import of rows from a.csv",
        ),
        (operations.COPY, summaries.imported(0, "main.old"), "the import of main.old"),
        (operations.REPAIR, summaries.repaired("Words"), "the repair “Words”"),
        (operations.BULK, summaries.deleted("2 accounts"), "the deletion of 2 accounts"),
        (
            operations.BULK,
            summaries.began(summaries.deleted("2 accounts")),
            "the deletion of 2 accounts",
        ),
        (
            operations.BULK,
            summaries.renamed("“R in D”", "R&D", "2 records"),
            "the rename of “R in D” to “R&D”",
        ),
        # The rest of a summary is somebody's text.
        (
            operations.BULK,
            summaries.renamed("“began to delete Jon”", "Jon", "2 records"),
            "the rename of “began to delete Jon” to “Jon”",
        ),
        (
            operations.MERGE,
            summaries.merged("began to merge A", "B"),
            "the merge of began to merge A into B",
        ),
        (operations.BULK, "", "one operation"),
        (operations.REPAIR, "", "the repair"),
        ("", "", "one operation"),
    ],
)
def test_an_operation_has_a_name(kind: str, summary: str, name: str) -> None:
    assert summaries.name_of(kind, summary) == name


def test_an_operation_begins_and_ends() -> None:
    began = summaries.began(summaries.deleted("2 accounts"))
    assert began == "began to delete 2 accounts"
    assert summaries.ended(began) == summaries.deleted("2 accounts")
    assert {summaries.noun_of(each) for each in (began, "deleted 2 accounts")} == {"deletion"}
    assert summaries.began(summaries.imported(2, "began to move a.csv")) == (
        "imported 2 rows from began to move a.csv"
    )


def test_an_undo() -> None:
    assert summaries.undid("the import of a.csv", 0) == "undid the import of a.csv"
    left = summaries.undid("the import of a.csv", 1234)
    assert left == "undid the import of a.csv, except for 1,234 of its records"


@pytest.mark.parametrize("left", [0, 1, 1234])
def test_the_records_that_an_undo_left_alone(left: int) -> None:
    undid = summaries.undid("the import of a, except for 7 of its records.csv", left)
    assert summaries.left_by_undo(undid) == left
