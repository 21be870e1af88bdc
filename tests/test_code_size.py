"""Modules, functions and folders stay small enough to be read."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from .conftest import BASE_DIR

PACKAGES = ("crm", "edip", "local_warehouse", "bench")
MODULE_LINES = 300
FUNCTION_LINES = 40
# A folder with more files gives its reason in the docstring of its __init__.py.
FOLDER_FILES = 15
REASON = re.compile("One module for each", re.IGNORECASE)


def long_modules(root: Path) -> list[str]:
    return [str(file) for file in _modules(root) if len(_lines(file)) > MODULE_LINES]


def long_functions(root: Path) -> list[str]:
    return [
        f"{file}:{node.lineno} {node.name}"
        for file in _modules(root)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    ]


def full_folders(root: Path) -> list[str]:
    counts = Counter(file.parent for file in _modules(root))
    return [
        str(folder)
        for folder, count in counts.items()
        if count > FOLDER_FILES and not REASON.search(_docstring(folder / "__init__.py"))
    ]


def _modules(root: Path) -> list[Path]:
    return sorted(file for package in PACKAGES for file in (root / package).rglob("*.py"))


def _lines(file: Path) -> list[str]:
    return file.read_text().split("\n")[:-1]


def _docstring(file: Path) -> str:
    return " ".join((ast.get_docstring(ast.parse(file.read_text())) or "").split())


@pytest.mark.parametrize("check", [long_modules, long_functions, full_folders])
def test_code_is_small(check) -> None:
    assert check(BASE_DIR) == []


def test_modules_of_tests_are_small() -> None:
    files = (BASE_DIR / "tests").rglob("*.py")
    assert [str(file) for file in files if len(_lines(file)) > MODULE_LINES] == []


def test_what_is_too_large_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "crm" / "views"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Pages."""\n')
    for number in range(FOLDER_FILES):
        (folder / f"page_{number}.py").write_text("x = 1\n")
    (folder / "page_0.py").write_text("x = 1\n" * (MODULE_LINES + 1))
    (folder / "page_1.py").write_text("def f():\n" + "    x = 1\n" * FUNCTION_LINES)
    assert long_modules(tmp_path) == [str(folder / "page_0.py")]
    assert long_functions(tmp_path) == [f"{folder / 'page_1.py'}:1 f"]
    assert full_folders(tmp_path) == [str(folder)]
    (folder / "__init__.py").write_text('"""Pages. One module for each page."""\n')
    assert full_folders(tmp_path) == []
