"""A test runs each command in the docs, or this file says why no test can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import BASE_DIR
from ..test_docs import documents

BLOCK = re.compile(r"^ *```sh( test)?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:\w+=\S+ )?(?:make|python|databricks|\.venv/bin/[\w-]+) [^`]+)`")
COMMENT = re.compile(r"(?:^| {2,})# .*")

RESTORED = "commands/test_restore.py::test_a_backup_is_taken_listed_and_restored"
MIGRATED = "commands/test_migrate_tables.py::test_the_oldest_tables_become_todays"
DIGEST = "commands/test_digest.py::test_people_get_what_is_theirs_once"
# Command, or its beginning that ends with a space → the test that runs it.
BY_TEST = {
    "make run": "browser/test_make_run.py::test_data_survive_stopping_and_starting",
    "PORT=9000 make run": "browser/test_make_run.py::test_data_survive_stopping_and_starting",
    "make install": "deployment/test_make.py::test_installing_says_what_it_does",
    "make lint": "test_lint.py::test_a_planted_fault_is_found",
    "make faults": "faults/test_matrix.py::test_a_fault_at_every_action",
    "make bench": "test_bench.py::test_all_benches_run_and_each_table_has_its_place",
    "make bench ": "test_bench.py::test_all_benches_run_and_each_table_has_its_place",
    "python -m bench.": "test_bench.py::test_all_benches_run_and_each_table_has_its_place",
    "python manage.py import_legacy state.json ": (
        "exporting/test_export.py::test_the_command_writes_the_file"
    ),
    "python manage.py import_legacy --from-tables ": (
        "importing/test_copy_tables.py::test_the_command_copies_tables_again_and_changes_nothing"
    ),
    "python manage.py import_template ": (
        "exporting/test_template.py::test_a_template_is_filled_in_and_imported"
    ),
    "python manage.py export_data": "exporting/test_export.py::test_the_command_writes_the_file",
    "python manage.py export_data --format csv": (
        "exporting/test_export.py::test_the_command_writes_the_file"
    ),
    "python manage.py check_integrity": (
        "commands/test_check_integrity.py::test_every_kind_of_problem_is_found_and_counted"
    ),
    "python manage.py backup": RESTORED,
    "python manage.py backup --list": RESTORED,
    "python manage.py restore --backup ": RESTORED,
    "python manage.py restore --to-time ": (
        "commands/test_restore.py::test_restore_to_a_time_restores_only_what_has_changed"
    ),
    "python manage.py restore --to-version ": (
        "commands/test_restore.py::test_one_table_that_is_gone"
    ),
    "python manage.py migrate_tables": MIGRATED,
    "python manage.py migrate_tables --plan": MIGRATED,
    "python manage.py migrate_tables --check": MIGRATED,
    "python manage.py maintain": (
        "commands/test_maintain.py::test_it_tidies_each_table_and_keeps_what_the_past_needs"
    ),
    "python manage.py create_tables --sample-data": (
        "commands/test_tables.py::test_create_tables_and_seed_data"
    ),
    "python manage.py create_tables --transactions": (
        "commands/test_check_tables.py::test_whether_transactions_are_used"
    ),
    "python manage.py rehearse ": (
        "commands/test_rehearse.py::test_the_local_warehouse_answers_as_recorded"
    ),
    "python -m local_warehouse ": "local_warehouse/test_server.py::test_two_servers_cannot_share_a_folder",
    "python manage.py digest": DIGEST,
    "python manage.py digest ": DIGEST,
    "curl ": "local_warehouse/test_gate.py::test_control_needs_its_secret",
}
# Command, or its beginning that ends with a space → why no test can run it.
NO_TEST = {
    "make test": "it is what runs the tests",
    "make test-fast": "it runs a part of the tests",
    "make audit": "its result depends on the day",
    "make soak": "it takes more than half an hour; it is run before a release",
    "make soak ": "the same",
    "python -m bench.soak": "the same; test_bench.py tests how it tells growth from noise",
    "make lock": "it asks a package index; test_lock.py checks what it writes",
    "make lock ": "the same",
    "make test-apps": "it installs what Databricks Apps has; CI runs it",
    "make bundle-schema": "it downloads the Databricks CLI; test_bundle_schema.py reads its result",
    "make guide": "it takes pictures for people to look at",
    "make tasks": "it takes minutes, and its numbers are for people",
    "make clean": "it would delete this environment",
    ". .venv/bin/activate": "a shell's own; pip makes the file",
    ".venv/bin/pre-commit install": "it changes this clone; test_lint.py compares its commands",
    "python manage.py NAME --help": "stands for every command",
    "python manage.py runserver ": "Django's own; the address is checked in manage.py",
    "export ": "the shell's own; test_deploy_guide.py sets the same variables",
    "databricks ": "needs a workspace; deployment/bundle.py checks what it deploys",
    "git ": "needs a remote repository and a release",
}


def commands(text: str) -> Iterator[str]:
    """Yield the commands of a document that no test runs from it: one per line of a shell block,
    and those within the text."""
    for mark, block in BLOCK.findall(text):
        if not mark:
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                if command := COMMENT.sub("", line).strip():
                    yield command
    yield from INLINE.findall(FENCED.sub("", text))


def known(command: str, names: dict[str, str]) -> list[str]:
    return [name for name in names if _matches(command, name)]


def _matches(command: str, name: str) -> bool:
    return command.startswith(name) if name[-1] in " ." else command == name


def problems(root: Path) -> Iterator[str]:
    for document in documents(root):
        # What the changelog names may have been changed since.
        for command in commands(document.read_text()):
            if (
                document.name != "CHANGELOG.md"
                and not known(command, BY_TEST)
                and not known(command, NO_TEST)
            ):
                yield f"{document.name}: {command}"


def test_each_command_is_run_by_a_test_or_cannot_be() -> None:
    assert list(problems(BASE_DIR)) == []


def test_the_tests_exist_and_the_docs_have_the_commands() -> None:
    for name, place in BY_TEST.items():
        file, _, test = place.partition("::")
        text = (BASE_DIR / "tests" / file).read_text()
        assert f"def {test}(" in text, name
        if name.startswith("python manage.py "):
            assert name.split()[2] in text, name
    found = [each for file in documents(BASE_DIR) for each in commands(file.read_text())]
    names = [*BY_TEST, *NO_TEST]
    assert [name for name in names if not any(_matches(each, name) for each in found)] == []


@pytest.mark.parametrize(
    "line", ["make everything", "python manage.py backup --to tape", "rm -r x"]
)
def test_a_planted_command_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "new.md").write_text(f"Run this:\n\n```sh\n{line}\n```\n")
    assert list(problems(tmp_path)) == [f"new.md: {line}"]
