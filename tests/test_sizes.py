"""Tests have the marker ``soak`` if they have a large size, or only that: see sizes.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from .conftest import BASE_DIR

SIZES = {"size", "IS_SOAK"}


def wrong_marks(root: Path) -> Iterator[str]:
    for file in sorted(root.rglob("test_*.py")):
        module = ast.parse(file.read_text())
        sized = _sized_names(module)
        for test in module.body:
            if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test_"):
                continue
            marks = _names(*test.decorator_list) | _marks_of_all(module)
            has_large_size = test.name in sized or "only_soak" in marks
            if has_large_size and "soak" not in marks:
                yield f"{file.name} {test.name}: make soak does not run it in its large size"
            if "soak" in marks and not has_large_size:
                yield f"{file.name} {test.name}: make test runs it in its large size"


def _sized_names(module: ast.Module) -> set[str]:
    """Return the names of the module that depend on a size, with its tests."""
    sized: set[str] = set()
    uses: dict[str, set[str]] = {}
    for node in module.body:
        if isinstance(node, ast.ImportFrom) and node.module == "sizes":
            sized = SIZES & {each.name for each in node.names}
        elif isinstance(node, ast.FunctionDef):
            uses[node.name] = _names(node)
        elif isinstance(node, ast.Assign):
            uses |= dict.fromkeys(_names(*node.targets), _names(node.value))
    while more := {name for name, used in uses.items() if used & sized} - sized:
        sized |= more
    return sized


def _names(*nodes: ast.AST) -> set[str]:
    return {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}


def _marks_of_all(module: ast.Module) -> set[str]:
    marks = (n for n in module.body if isinstance(n, ast.Assign) and "pytestmark" in _names(n))
    return _names(*(each.value for each in marks))


def test_tests_with_a_large_size_are_marked() -> None:
    assert list(wrong_marks(BASE_DIR / "tests")) == []


def test_wrong_marks_are_found(tmp_path: Path) -> None:
    (tmp_path / "test_planted.py").write_text(
        "from .sizes import only_soak, size, soak\n"
        "N = size(1, 9)\n"
        "def help(): return N\n"
        "@soak\ndef test_small_and_large(): help()\n"
        "@soak\n@only_soak\ndef test_large(): pass\n"
        "def test_unmarked(): help()\n"
        "@pytest.mark.parametrize('n', [1, pytest.param(9, marks=soak)])\n"
        "def test_always_large(n): pass\n"
    )
    assert [each.split(": ")[0] for each in wrong_marks(tmp_path)] == [
        "test_planted.py test_unmarked",
        "test_planted.py test_always_large",
    ]
