"""The write contract as a table: which test keeps which promise for which action."""

from __future__ import annotations

from importlib import import_module
from itertools import product

import pytest

FORM, STATUS, PAGE, COMMAND = "form", "status card", "import by page", "import by command"
REVERT, UNDO, BULK, REPAIR = "revert", "undo of a deletion", "undo of a bulk change", "repair"
MANY, COMPOSER, DELETION = "bulk change", "composer", "bulk deletion"
IN_LIST, FOLLOW, NAMES = "status in a list", "following", "own names"
ACTIONS = (FORM, STATUS, PAGE, COMMAND, REVERT, UNDO, BULK, REPAIR, MANY, COMPOSER, DELETION)
ACTIONS += (IN_LIST, FOLLOW, NAMES)

EVERY_WRITE = "sign_in/test_every_write.py::test_nothing_writes_what_is_hidden"
HALF = "contract/test_half_done.py::test_a_refused_step_is_named_and_the_button_continues"
LOST = "contract/test_creating.py::test_a_lost_answer_is_settled_by_looking"
DUPLICATES = "contract/test_duplicates.py::test_writing_adds_no_more_and_loses_none"
UNDONE_DUPLICATES = (
    "contract/test_duplicates.py::test_reverting_and_undoing_add_no_more_and_lose_none"
)
EDITED = "contract/test_importing.py::test_an_edit_after_the_preview_stays"
OWN_VALUES = "past/test_revert_bulk_duplicates.py::test_each_row_of_a_key_gets_its_own_values_back"
MASKED = "sign_in/test_masked_columns_are_not_written.py::"
ONE_STATEMENT = "none: it is one statement"
ONLY_KEYS = "none: it sends keys only"
OWN = "none: these rows are the person's own settings"
MINE = "pages/test_mine.py::"
OWN_LOST = f"{MINE}test_a_lost_answer_and_duplicates_change_no_setting"
HIDDEN_FROM_MANY = "sign_in/test_bulk_changes.py::test_no_bulk_change_doubles_what_is_hidden"
ROWS_STAY = "none: no row is sent, since the rows stay in the warehouse"

ONLY_SOAK = "only in make soak: "

# By promise, in the order of ``ACTIONS``: the test, or why there can be none.
CELLS = {
    "masked columns": (
        "sign_in/test_policies.py::test_no_edit_writes_a_masked_value",
        EVERY_WRITE,
        f"{MASKED}test_an_import_writes_no_masked_value",
        f"{MASKED}test_a_copy_of_tables_writes_no_masked_value",
        EVERY_WRITE,
        EVERY_WRITE,
        EVERY_WRITE,
        f"{MASKED}test_a_repair_writes_no_masked_value",
        "sign_in/test_bulk_changes.py::test_no_bulk_change_writes_what_is_masked",
        EVERY_WRITE,
        ONLY_KEYS,
        EVERY_WRITE,
        OWN,
        OWN,
    ),
    "hidden rows": (
        "sign_in/test_hidden_keys.py::test_the_app_finds_the_key_with_its_own_rights",
        "sign_in/test_hidden_keys.py::test_a_status_that_was_hidden_meanwhile_gets_no_second_row",
        EVERY_WRITE,
        "none: a command has one sign-in, and nobody else could look",
        EVERY_WRITE,
        EVERY_WRITE,
        EVERY_WRITE,
        EVERY_WRITE,
        HIDDEN_FROM_MANY,
        EVERY_WRITE,
        HIDDEN_FROM_MANY,
        "sign_in/test_hidden_keys.py::test_a_status_that_was_hidden_meanwhile_gets_no_second_row",
        OWN,
        OWN,
    ),
    "stale versions": (
        "pages/test_account_edit.py::test_a_form_that_does_not_know_its_version_overwrites_nothing",
        "pages/test_platform_status.py::test_somebody_was_first",
        EDITED,
        "none: it shows no preview, so nobody has seen an earlier version",
        "past/test_revert_record.py::test_changed_since_it_was_asked",
        "past/test_revert_deletion.py::test_another_under_the_same_key_is_left_alone",
        "past/test_revert_bulk.py::test_what_somebody_changed_since_stays",
        "pages/test_integrity_page.py::test_what_somebody_put_right_meanwhile_is_left_alone",
        "pages/test_bulk.py::test_what_changed_after_the_preview_is_listed",
        "pages/test_composer.py::test_somebody_set_the_status_first",
        "repository/test_bulk_deletion.py::test_what_changed_since_the_preview_is_kept_whole",
        "pages/test_platform_status.py::test_a_list_sets_a_status_in_a_dialog",
        OWN,
        OWN,
    ),
    "duplicates": (
        DUPLICATES,
        DUPLICATES,
        UNDONE_DUPLICATES,
        OWN_VALUES,
        UNDONE_DUPLICATES,
        UNDONE_DUPLICATES,
        OWN_VALUES,
        "pages/test_integrity_page.py::test_each_problem_is_shown_with_its_repair_and_repaired",
        "repository/test_bulk.py::test_duplicates_change_as_an_edit_changes_them",
        DUPLICATES,
        "repository/test_bulk_deletion.py::test_all_rows_of_a_key_are_deleted",
        DUPLICATES,
        OWN_LOST,
        OWN_LOST,
    ),
    "over-large": (
        "pages/test_account_edit.py::test_100_kb_are_refused_with_the_limit",
        "pages/test_platform_status.py::test_other_words_are_refused",
        "pages/import_page/test_upload.py::test_a_very_long_cell",
        "importing/test_parts.py::test_chunks_hold_as_many_rows_as_one_statement_takes",
        "warehouse/test_limits.py::test_more_is_not_sent",
        "past/test_revert_deletion.py::test_an_account_with_more_than_a_statement_takes",
        ROWS_STAY,
        ROWS_STAY,
        "pages/test_bulk.py::test_more_than_one_operation_takes_is_said",
        "pages/test_composer.py::test_what_is_not_valid_is_shown_again",
        "pages/test_bulk.py::test_more_than_one_operation_takes_is_said",
        "pages/test_platform_status.py::test_other_words_are_refused",
        ONLY_KEYS,
        f"{MINE}test_names_beyond_the_limit_are_said_to_be_left_out",
    ),
    "half-way": (
        ONE_STATEMENT,
        ONE_STATEMENT,
        "pages/import_page/test_run.py::test_a_warehouse_that_dies_half_way",
        "importing/test_size.py::test_killed_at_random_and_run_again_it_ends_the_same",
        ONE_STATEMENT,
        HALF,
        HALF,
        HALF,
        "pages/test_bulk_deletion.py::test_a_deletion_that_fails_half_way_says_so_and_goes_on",
        "pages/test_composer.py::test_half_of_it_is_reported_and_the_rest_continues_as_one_operation",
        "pages/test_bulk_deletion.py::test_a_deletion_that_fails_half_way_says_so_and_goes_on",
        ONE_STATEMENT,
        ONE_STATEMENT,
        ONE_STATEMENT,
    ),
    "lost answer": (
        LOST,
        LOST,
        "past/test_imports_in_history.py::test_a_lost_answer_changes_no_number",
        "contract/test_importing.py::test_the_command_counts_the_rows_of_a_lost_answer",
        "past/test_revert_record.py::test_a_revert_is_sent_again_after_its_answer_was_lost",
        "past/test_revert_deletion.py::"
        "test_an_account_whose_answer_was_lost_comes_back_with_its_children",
        EDITED,
        "contract/test_repairs.py::test_a_lost_answer_and_a_refused_transaction_change_no_number",
        "repository/test_bulk.py::test_a_lost_answer_changes_no_number_and_doubles_nothing",
        LOST,
        "repository/test_bulk_deletion.py::test_it_goes_on_after_each_statement_that_fails",
        LOST,
        OWN_LOST,
        OWN_LOST,
    ),
}


@pytest.mark.parametrize("promise", CELLS)
def test_each_cell_has_its_test(promise: str) -> None:
    assert len(CELLS[promise]) == len(ACTIONS)
    named = dict(zip(product((promise,), ACTIONS), CELLS[promise], strict=True))
    assert {cell: name for cell, name in named.items() if not _is_true(name)} == {}


@pytest.mark.parametrize(
    "name",
    [
        "contract/test_cells.py::test_that_does_not_exist",
        "contract/creating.py::words_of",
        "contract/test_cells.py::_is_true",
        "faults/test_matrix.py::test_a_fault_at_every_action",
        "faults/test_processes.py::test_the_warehouse_is_killed",
        f"{ONLY_SOAK}{LOST}",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    assert not _is_true(name)


def _is_true(name: str) -> bool:
    """Return whether this is a reason, or the name of a test that runs when it says."""
    if name.startswith("none: "):
        return True
    file, _, test = name.removeprefix(ONLY_SOAK).partition("::")
    if not (file.rpartition("/")[2].startswith("test_") and test.startswith("test_")):
        return False
    module = import_module("tests." + file.removesuffix(".py").replace("/", "."))
    of_all = getattr(module, "pytestmark", [])
    marks = {mark.name for mark in (of_all if isinstance(of_all, list) else [of_all])}
    marks |= {mark.name for mark in getattr(getattr(module, test, None), "pytestmark", [])}
    return (
        hasattr(module, test)
        and marks.isdisjoint({"skip", "skipif", "xfail"})
        and ("only_soak" in marks) == name.startswith(ONLY_SOAK)
    )
