"""Each command in the docs is run by a test, or it is said here why no test can run it."""

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

# Command, or its beginning that ends with a space → the test that runs it.
BY_TEST = {
    "make run": "browser/test_make_run.py::test_data_survive_stopping_and_starting",
    "PORT=9000 make run": "browser/test_make_run.py::test_data_survive_stopping_and_starting",
    "make install": "deployment/test_make.py::test_installing_says_what_it_does",
    "make lint": "test_lint.py::test_a_planted_fault_is_found",
    "make faults": "faults/test_matrix.py::test_each_fault_at_each_door",
    "make bench ": "test_bench.py::test_all_benches_run_and_each_table_has_its_place",
    "python -m bench.": "test_bench.py::test_all_benches_run_and_each_table_has_its_place",
    "python -m bench.soak": "test_bench.py::test_a_short_soak",
    "make soak": "test_bench.py::test_a_short_soak",
    "python manage.py import_legacy state.json ": "importing/test_importer.py",
    "python manage.py import_legacy --from-tables ": (
        "importing/test_copy_tables.py::test_the_command_copies_tables_again_and_changes_nothing"
    ),
    "python manage.py import_template ": "exporting/test_template.py",
    "python manage.py export_data": "exporting/test_export.py::test_the_command_writes_the_file",
    "python manage.py check_integrity": "commands/test_check_integrity.py",
    "python manage.py backup": "commands/test_restore.py",
    "python manage.py restore --backup ": "commands/test_restore.py",
    "python manage.py restore --to-time ": "commands/test_restore.py",
    "python manage.py restore --to-version ": "commands/test_restore.py",
    "python manage.py migrate_tables": "commands/test_migrate_tables.py",
    "python manage.py maintain": "commands/test_maintain.py",
    "python manage.py create_tables --sample-data": "commands/test_tables.py",
    "python manage.py create_tables --transactions": "commands/test_tables.py",
    "python manage.py rehearse ": "commands/test_rehearse.py",
    "python -m local_warehouse ": "local_warehouse/conftest.py",
    "curl ": "local_warehouse/test_gate.py::test_control_needs_its_secret",
}
# Command, or its beginning that ends with a space → why no test can run it.
NO_TEST = {
    "make test": "it is what runs the tests",
    "make test-fast": "it runs a part of the tests",
    "make audit": "its result depends on the day",
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
    """Yield the commands of a document that no test runs from it: one per line of a shell block, and
    those within the text."""
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
            if document.name != "CHANGELOG.md" and not known(command, BY_TEST) and not known(command, NO_TEST):
                yield f"{document.name}: {command}"


def test_each_command_is_run_by_a_test_or_cannot_be() -> None:
    assert list(problems(BASE_DIR)) == []


def test_the_tests_exist_and_the_docs_have_the_commands() -> None:
    for name, place in BY_TEST.items():
        file, _, test = place.partition("::")
        text = (BASE_DIR / "tests" / file).read_text()
        assert f"def {test}(" in text if test else _words(name) in text.replace('", "', " "), name
    found = [each for file in documents(BASE_DIR) for each in commands(file.read_text())]
    names = [*BY_TEST, *NO_TEST]
    assert [name for name in names if not any(_matches(each, name) for each in found)] == []


def _words(name: str) -> str:
    """Return the command of manage.py, or the module."""
    return name.split()[2]


@pytest.mark.parametrize(
    "line", ["make everything", "python manage.py backup --to tape", "rm -r x"]
)
def test_a_planted_command_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "new.md").write_text(f"Run this:\n\n```sh\n{line}\n```\n")
    assert list(problems(tmp_path)) == [f"new.md: {line}"]
