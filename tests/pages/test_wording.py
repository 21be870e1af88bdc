"""The sentences that depend on conditions, read without a page."""

from __future__ import annotations

from typing import Any

import pytest

from crm.importing.importer import FAIL, SKIP, UPDATE
from crm.model.changes import Change
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.views import _import_wording, _revert_wording, _wording

CHANGE = Change(
    ACCOUNTS, "B1", "B1", {"team": "Claims", "vp": "Vera"}, {"team": "Claims", "vp": "V"}
)
NAMELESS = Change(USE_CASES, "u1", "B1", {"problem": ""}, {"problem": ""})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_wording.counted(1, "row"), "1 row"),
        (_wording.counted(0, "row"), "0 rows"),
        (_wording.counted(1234, "status", "statuses"), "1,234 statuses"),
        (
            _wording.not_found(USE_CASES, "x"),
            "There is no use case “x”. It may have been deleted.",
        ),
        (_wording.conflict_heading(ACCOUNTS, 0), "This account keeps changing"),
        (
            _wording.conflict_heading(ACCOUNTS, 1),
            "The same field was changed in the meantime",
        ),
        (
            _wording.conflict_heading(ACCOUNTS, 2),
            "The same fields were changed in the meantime",
        ),
        (
            _wording.conflict_advice(0, True),
            "Nothing of yours is lost. Check the form, then save again.",
        ),
        (
            _wording.conflict_advice(1, False),
            "Nothing of yours is lost. Choose which value to keep for this field.",
        ),
        (
            _wording.conflict_advice(2, True),
            "Nothing of yours is lost. Choose which value to keep for each field; changes to other fields are already in the form.",
        ),
        (_wording.keep_theirs("me@x", "me@x"), "Keep what you saved elsewhere"),
        (_wording.keep_theirs("bob@x", "me@x"), "Keep what bob@x saved"),
        (_wording.keep_theirs(None, "me@x"), "Keep what somebody else saved"),
    ],
)
def test_each_sentence_fits_its_numbers(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], "Nothing had to be reverted: Claims already has these values."),
        (["VP"], "VP of Claims was reverted."),
        (["VP", "Admin"], "VP and Admin of Claims were reverted."),
    ],
)
def test_what_was_reverted(labels: list[str], expected: str) -> None:
    assert _revert_wording.reverted(CHANGE, labels) == expected


def test_a_record_without_a_name_is_called_what_it_is() -> None:
    assert _revert_wording.name(NAMELESS) == "The use case"
    assert _revert_wording.already_exists(NAMELESS, True) == "The use case already exists again."
    assert "Another use case" in _revert_wording.already_exists(NAMELESS, False)


@pytest.mark.parametrize(
    ("count", "start"),
    [(0, "Nothing is left to"), (1, "1 record is as it was"), (2, "2 records are as they were")],
)
def test_a_bulk_change_that_was_reverted(count: int, start: str) -> None:
    assert _revert_wording.bulk_reverted(count).startswith(start)


@pytest.mark.parametrize(
    ("children", "is_back", "is_another", "text", "shown"),
    [
        ([], False, False, "This account comes back as it was when it was deleted.", []),
        (
            [(UPDATES, 1)],
            False,
            False,
            "with the records that were deleted with it:",
            ["1 update"],
        ),
        ([(UPDATES, 2)], True, False, "but without these records", ["2 updates"]),
        ([], True, False, "This account already exists again.", []),
        ([(UPDATES, 2)], False, True, "cannot come back while the other exists", []),
    ],
)
def test_the_question_before_a_deletion_is_reverted(
    children: list[Any], is_back: bool, is_another: bool, text: str, shown: list[str]
) -> None:
    texts = _revert_wording.of_deletion(CHANGE, children, is_back, is_another)
    assert text in texts["text"]
    assert texts["children"] == shown


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"exists": False}, {"text": "This account was deleted after this change"}),
        ({"fields": {"VP": True}}, {"text": "The account Claims, now and before the change of"}),
        (
            {"fields": {"VP": False}},
            {"text": "the value of VP from before this change is already"},
        ),
        ({"fields": {}}, {"text": "the values from before this change are already"}),
        (
            {"fields": {"VP": True}, "again": ["VP"]},
            {"again": "Changed again after this change: VP."},
        ),
        ({"others": ["Admin"]}, {"others": "Admin also has another value than before"}),
        ({"others": ["Admin", "Team"]}, {"others": "Admin and Team also have other values"}),
        ({"fields": {"VP": False}, "others": ["Admin"]}, {"others": "Admin has another value"}),
    ],
)
def test_the_question_before_fields_are_reverted(
    asked: dict[str, Any], expected: dict[str, str]
) -> None:
    given: dict[str, Any] = {"exists": True, "fields": {"VP": True}, "again": [], "others": []}
    texts = _revert_wording.of_change(CHANGE, **given | asked)
    for name, part in expected.items():
        assert part in texts[name]


def test_nothing_is_said_of_fields_while_the_record_is_gone() -> None:
    texts = _revert_wording.of_change(
        CHANGE, exists=False, fields={"VP": True}, again=["VP"], others=["Admin"]
    )
    assert (texts["again"], texts["others"]) == ("", "")


SUMS = {"new": 2, "different": 1, "unchanged": 3}


@pytest.mark.parametrize(
    ("obstacle", "on_conflict", "sums", "refused", "name", "part"),
    [
        ("", SKIP, SUMS, 0, "lead", "Nothing has been written yet"),
        (
            "",
            SKIP,
            SUMS | {"new": 0},
            0,
            "lead",
            "the rows that differ keep their existing values",
        ),
        ("", UPDATE, SUMS | {"new": 0}, 0, "lead", "Nothing has been written yet"),
        ("", SKIP, SUMS | {"new": 0, "different": 0}, 4, "lead", "no new or changed rows"),
        ("", UPDATE, SUMS, 0, "different", "Changed"),
        ("", SKIP, SUMS, 0, "different", "Different, kept as is"),
        ("refused", SKIP, SUMS, 1, "heading", "1 row is refused"),
        ("refused", SKIP, SUMS, 2, "heading", "2 rows are refused"),
        ("refused", SKIP, SUMS, 2, "leave_out", "Leave them out"),
        ("different", FAIL, SUMS, 0, "heading", "1 row already exists with different values"),
        ("different", FAIL, SUMS | {"different": 2}, 0, "heading", "2 rows already exist with"),
        ("different", FAIL, SUMS | {"different": 2}, 0, "skip", "Leave them as they are"),
        ("different", FAIL, SUMS, 0, "skip", "Leave it as it is"),
        ("different", FAIL, SUMS, 0, "update", "Change it"),
    ],
)
def test_the_preview_of_an_import(
    obstacle: str, on_conflict: str, sums: dict[str, int], refused: int, name: str, part: str
) -> None:
    assert part in _import_wording.preview(obstacle, on_conflict, sums, refused)[name]


@pytest.mark.parametrize(
    ("importing", "died", "state", "expected"),
    [
        (True, False, {"stopped": True}, "The import stopped"),
        (False, False, {"stopped": True}, "Reading the file was stopped"),
        (True, True, {}, "The import stopped"),
        (False, False, {"error": "x"}, "The preview failed"),
    ],
)
def test_an_import_that_ended_early(
    importing: bool, died: bool, state: dict[str, Any], expected: str
) -> None:
    texts = _import_wording.failed(importing, died, state)
    assert texts["heading"] == expected
    assert texts["again"] == ("Continue" if state.get("stopped") else "Try again")


def test_how_far_an_import_came() -> None:
    state = {"rows": 1000, "total": 2000, "error": "x"}
    assert "1,000 of 2,000 rows were done." in _import_wording.failed(True, False, state)["advice"]
    assert _import_wording.failed(False, False, state)["advice"] == ""
    # The first rows may be written, though they were not verified.
    assert "run it again" in _import_wording.failed(True, False, {"wrote": {"id": {}}})["advice"]
    nothing = _import_wording.failed(True, False, {"wrote": {}, "error": "x"})["advice"]
    assert nothing == "No row of the file was written."


@pytest.mark.parametrize(
    ("importing", "rows", "stopping", "progress", "advice"),
    [
        (False, 1, False, "Reading and comparing: 1 row so far", "You can leave this page"),
        (True, 0, False, "Starting: 0 of 9 rows", "already written stay."),
        (True, 4, False, "Importing: 4 of 9 rows", "already written stay."),
        (True, 4, True, "Importing: 4 of 9 rows", "The work stops as soon as"),
    ],
)
def test_an_import_at_work(
    importing: bool, rows: int, stopping: bool, progress: str, advice: str
) -> None:
    texts = _import_wording.at_work(importing, rows, 9, stopping)
    assert texts["progress"] == progress
    assert advice in texts["advice"]


def test_samples_of_rows() -> None:
    rows = [{"key": "B1"}]
    table = {
        "plural": "accounts",
        "new": 1,
        "different": 2,
        "samples": {"new": rows, "different": rows},
    }
    skip, fail, update = (_import_wording.samples([table], each) for each in (SKIP, FAIL, UPDATE))
    assert [(group.heading, group.is_cut) for group in skip] == [
        ("New accounts", False),
        ("Accounts that differ", True),
    ]
    assert [group.verb for group in skip] == ["becomes", "in the file"]
    assert skip[1].note == "They stay as they are."
    assert fail[1].note == "They stay as they are, and nothing else is imported."
    assert (update[1].heading, update[1].note, update[1].verb) == (
        "Accounts that change",
        "",
        "becomes",
    )


def table_result(
    written: int = 0, unchanged: int = 0, different: int = 0, verified: bool = True
) -> dict[str, Any]:
    return {
        "written": written,
        "unchanged": unchanged,
        "different": different,
        "verified": verified,
    }


@pytest.mark.parametrize(
    ("result", "on_conflict", "heading", "in_advice", "not_in_advice"),
    [
        (table_result(2, 1), SKIP, "Imported, and verified", "all accepted rows", "stayed"),
        (
            table_result(2, 0, 1),
            SKIP,
            "Imported, and verified",
            "1 row exists with different values and stayed unchanged. The warehouse compared counts "
            "and checksums: all other accepted rows were in the tables with the imported values.",
            "2 rows",
        ),
        (table_result(3, 0, 3), UPDATE, "Imported, and verified", "all accepted", "stayed"),
        (
            table_result(3) | {"stale": 1},
            UPDATE,
            "Imported, and verified",
            "1 row of the file was older than what was stored, and merged with it or left out. The "
            "remarks name it. The warehouse compared counts and checksums: all other accepted rows "
            "were in the tables with the imported values.",
            "stayed",
        ),
        (table_result(2, 0, 1) | {"stale": 1}, SKIP, "Imported", "1 row exists", "older"),
        (table_result(0, 4), UPDATE, "There was nothing to write", "all accepted", "stayed"),
        (table_result(0, 0, 5), SKIP, "There was nothing to write", "5 rows exist", "compared"),
        (table_result(2, verified=False), SKIP, "The tables differ", "Somebody may", "compared"),
    ],
)
def test_the_end_of_an_import(
    result: dict[str, Any], on_conflict: str, heading: str, in_advice: str, not_in_advice: str
) -> None:
    texts = _import_wording.done([result, table_result()], on_conflict)
    assert texts["heading"].startswith(heading)
    assert in_advice in texts["advice"]
    assert not_in_advice not in texts["advice"]


def test_a_reader_learns_whom_to_ask() -> None:
    assert "MODIFY" in _wording.whom_to_ask(is_by_grants=True)
    assert "EDIP_EDITORS" in _wording.whom_to_ask(is_by_grants=False)
