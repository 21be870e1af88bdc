"""Tests have the marker ``soak`` if they have a large size, or only that: see sizes.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from .conftest import BASE_DIR

SIZES = {"size", "IS_SOAK"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Sized:
    """Finds the names in each module that depend on a size, with its tests and fixtures."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[Path, set[str]] = {}

    def names(self, file: Path) -> set[str]:
        if file not in self._found:
            self._found[file] = set()  # where modules import each other
            self._found[file] = self._names(file, ast.parse(file.read_text()))
        return self._found[file]

    def _names(self, file: Path, module: ast.Module) -> set[str]:
        sized = self._inherited(file)
        for node in module.body:
            if isinstance(node, ast.ImportFrom):
                sized |= self._imported(file, node)
        if not sized:  # most modules: nothing in them can depend on a size
            return sized
        uses: dict[str, set[str]] = {}
        for node in module.body:
            if isinstance(node, (Function, ast.ClassDef)):
                uses[node.name] = _names(node)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                uses |= dict.fromkeys(_names(*targets), _names(node.value))
        while more := {name for name, used in uses.items() if used & sized} - sized:
            sized |= more
        return sized

    def _imported(self, file: Path, node: ast.ImportFrom) -> set[str]:
        if node.module == "sizes":
            return SIZES & {each.name for each in node.names}
        where = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        source = where.with_suffix(".py")
        if not node.level or not source.exists():
            return set()
        sized = self.names(source)
        return {each.asname or each.name for each in node.names if each.name in sized}

    def _inherited(self, file: Path) -> set[str]:
        """Return the sized fixtures of the file's folder and of those above it."""
        if not file.name.startswith("test_") and file.name != "conftest.py":
            return set()
        found: set[str] = set()
        for folder in file.parents:
            conftest = folder / "conftest.py"
            if conftest != file and conftest.exists():
                found |= self.names(conftest) & _fixtures(conftest)
            if folder == self._root:
                break
        return found


def wrong_marks(root: Path) -> Iterator[str]:
    sizes = Sized(root)
    for file in sorted(root.rglob("test_*.py")):
        source, sized = file.read_text(), sizes.names(file)
        if not sized and "soak" not in source:
            continue
        module = ast.parse(source)
        for test in module.body:
            if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test_"):
                continue
            marks = _names(*test.decorator_list) | _marks_of_all(module)
            has_large_size = test.name in sized
            if "only_soak" in marks:
                if "soak" in marks:
                    yield f"{file.name} {test.name}: only_soak is enough"
            elif has_large_size and "soak" not in marks:
                yield f"{file.name} {test.name}: make soak does not run it in its large size"
            elif "soak" in marks and not has_large_size:
                yield f"{file.name} {test.name}: make test runs it in its large size"


def _names(*nodes: ast.AST) -> set[str]:
    """Return the names that the nodes use, with the fixtures that their functions ask for."""
    found = set()
    for node in (child for each in nodes for child in ast.walk(each)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("usefixtures"):
            found |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    return found


def _fixtures(file: Path) -> set[str]:
    functions = (n for n in ast.parse(file.read_text()).body if isinstance(n, Function))
    return {
        f.name for f in functions if any("fixture" in ast.unparse(d) for d in f.decorator_list)
    }


def _marks_of_all(module: ast.Module) -> set[str]:
    marks = (n for n in module.body if isinstance(n, ast.Assign) and "pytestmark" in _names(n))
    return _names(*(each.value for each in marks))


def test_tests_with_a_large_size_are_marked() -> None:
    assert list(wrong_marks(BASE_DIR / "tests")) == []


PLANTED = {
    "conftest.py": """
from .sizes import size
from .helpers import MANY
@pytest.fixture
def rows(): return size(1, 9)
@pytest.fixture
def more_rows(rows): return rows
@pytest.fixture
def many(): return MANY
@pytest.fixture
def few(): return 1
def hook(): return size(1, 9)
""",
    "helpers.py": """
from .sizes import IS_SOAK
MANY = 9 if IS_SOAK else 1
""",
    "folder/test_planted.py": """
from ..sizes import only_soak, size, soak
from ..helpers import MANY as LARGE
N = size(1, 9)
def help(): return N
class Editor:
  def edit(self): return N
@soak
def test_small_and_large(): help()
@only_soak
def test_large(): pass
@soak
def test_marked(more_rows): pass
def test_small(few, hook=None): pass
def test_unmarked(): help()
@pytest.mark.parametrize('n', [1, pytest.param(9, marks=soak)])
def test_always_large(n): pass
@soak
@only_soak
def test_marked_twice(): pass
def test_fixture(more_rows): pass
@pytest.mark.usefixtures('many')
def test_named_fixture(): pass
def test_imported(): LARGE
def test_in_a_class(): Editor()
""",
}


def test_wrong_marks_are_found(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, source in PLANTED.items():
        (tmp_path / name).write_text(source)
    assert [each.split(": ")[0] for each in wrong_marks(tmp_path)] == [
        f"test_planted.py test_{name}"
        for name in (
            "unmarked",
            "always_large",
            "marked_twice",
            "fixture",
            "named_fixture",
            "imported",
            "in_a_class",
        )
    ]
