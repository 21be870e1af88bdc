"""The docs name every option of every command, and all arguments of an import in one table."""

from __future__ import annotations

import re
from functools import cache

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from ..conftest import BASE_DIR
from ..test_docs import COMMANDS, documents, table

NAMES = sorted(path.stem for path in (BASE_DIR / COMMANDS).glob("[!_]*.py"))


def options(command: BaseCommand) -> set[str]:
    parser = command.create_parser("manage.py", "command")
    return {text for action in parser._actions for text in action.option_strings}


@cache
def in_docs() -> set[str]:
    texts = (path.read_text() for path in documents(BASE_DIR) if path.name != "CHANGELOG.md")
    return set(re.findall(r"--[a-z][a-z-]*", "\n".join(texts)))


@pytest.mark.parametrize("name", NAMES)
def test_the_docs_name_every_option(name: str) -> None:
    own = options(load_command_class("crm", name)) - options(BaseCommand())
    assert own <= in_docs()


def test_the_table_of_an_import_has_its_arguments() -> None:
    rows = table((BASE_DIR / "docs/import-export.md").read_text(), "argument")
    named = set(re.findall(r"--[a-z][a-z-]*", " ".join(row[0] for row in rows)))
    assert named == options(load_command_class("crm", "import_legacy")) - options(BaseCommand())
