"""Files, functions and folders stay small enough to be read, in Python, JavaScript, CSS and HTML."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import BASE_DIR

FOLDERS = (
    "bench", "crm", "docs", "edip", "local_warehouse", "resources", "static", "templates", "tests"
)  # fmt: skip
CODE = {".css", ".html", ".js", ".mjs", ".py", ".yml"}
# Not ours, or data that tests read.
LEFT_OUT = re.compile("__pycache__|node_modules|tests/importing/(cases|expected|files)/")
FILE_LINES = 300
FUNCTION_LINES = 40
# A package with more files gives its reason in the docstring of its __init__.py, other folders in
# a table of docs/architecture.md.
FOLDER_FILES = 15
REASON = re.compile("One module for each", re.IGNORECASE)
REASONS = "docs/architecture.md"
# Biome's format puts the end of a function as far to the right as the line on which it begins.
NO_FUNCTION = r"(?:\} )?(?:if|else|for|while|switch|catch)\b"
JS_FUNCTION = re.compile(rf"( *)(?!{NO_FUNCTION})\S.*(?:\)|=>) \{{$")


def long_files(root: Path) -> list[str]:
    return [
        name_of(root, file)
        for file in files_in(root)
        if file.suffix in CODE and len(_lines(file)) > FILE_LINES
    ]


def long_functions(root: Path) -> list[str]:
    """Return the places of long functions: the file, and the line on which each begins."""
    functions = {".py": python_functions, ".js": js_functions, ".mjs": js_functions}
    return [
        f"{name_of(root, file)}:{first}"
        for file in files_in(root)
        if file.suffix in functions
        for first, last in functions[file.suffix](file.read_text())
        if last - first + 1 > FUNCTION_LINES
    ]


def full_folders(root: Path) -> list[str]:
    """Return the folders with many files and no reason, and those with a reason and few files."""
    counts = Counter(name_of(root, file.parent) for file in files_in(root))
    full = {name for name, count in counts.items() if count > FOLDER_FILES}
    packages = {name for name in full if REASON.search(_docstring(root / name / "__init__.py"))}
    return sorted((full - packages) ^ reasons(root))


def files_in(root: Path) -> Iterator[Path]:
    yield from (file for file in root.glob("*") if file.is_file())
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.is_file() and not LEFT_OUT.search(name_of(root, file)):
                yield file


def name_of(root: Path, path: Path) -> str:
    return str(path.relative_to(root))


def python_functions(source: str) -> Iterator[tuple[int, int]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.end_lineno or 0


def js_functions(source: str) -> Iterator[tuple[int, int]]:
    lines = source.split("\n")
    for first, line in enumerate(lines):
        if begun := JS_FUNCTION.match(line):
            end = f"{begun[1]}}}"
            ends = (n for n in range(first + 1, len(lines)) if lines[n].startswith(end))
            yield first + 1, next(ends) + 1


def reasons(root: Path) -> set[str]:
    """Return the folders for which docs/architecture.md gives a reason."""
    table = (root / REASONS).read_text().partition("| many files in |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `(.+)/` \| \S", table, re.M))


def _lines(file: Path) -> list[str]:
    return file.read_text().split("\n")[:-1]


def _docstring(file: Path) -> str:
    if not file.exists():
        return ""
    return " ".join((ast.get_docstring(ast.parse(file.read_text())) or "").split())


@pytest.mark.parametrize("check", [long_files, long_functions, full_folders])
def test_code_is_small(check) -> None:
    assert check(BASE_DIR) == []


def plant(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


JS = """export function f() {{
  g(
    async (x) => {{
{body}    }},
  );
}}
function of({{
  a,
}}) {{
{body}}}
if (x) {{
  g();
}} else if (y) {{
{body}}}
"""
JS_LONG = [1, 3, FUNCTION_LINES + 9]


@pytest.mark.parametrize(
    "name", ["crm/a.py", "tests/a/b.py", "static/a.css", "static/a/b.js", "templates/a.html"]
)
def test_a_long_file_is_found(tmp_path: Path, name: str) -> None:
    plant(tmp_path, name, "x;\n" * FILE_LINES)
    assert long_files(tmp_path) == []
    plant(tmp_path, name, "x;\n" * (FILE_LINES + 1))
    assert long_files(tmp_path) == [name]


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("crm/a.py", "def f():\n{body}", [1]),
        ("tests/test_a.py", "class A:\n  async def f():\n{body}", [2]),
        ("static/a.js", JS, JS_LONG),
        ("tests/js/a.test.mjs", JS, JS_LONG),
    ],
)  # fmt: skip
def test_a_long_function_is_found(tmp_path: Path, name: str, text: str, lines: list[int]) -> None:
    plant(tmp_path, name, text.format(body="      x()\n" * (FUNCTION_LINES - 6)))
    assert long_functions(tmp_path) == []
    plant(tmp_path, name, text.format(body="      x()\n" * FUNCTION_LINES))
    assert long_functions(tmp_path) == [f"{name}:{line}" for line in lines]


def test_a_full_folder_is_found_until_it_gives_a_reason(tmp_path: Path) -> None:
    for number in range(FOLDER_FILES):
        plant(tmp_path, f"tests/pages/test_{number}.py", "")
        plant(tmp_path, f"templates/a/{number}.html", "")
    plant(tmp_path, REASONS, "")
    assert full_folders(tmp_path) == []
    plant(tmp_path, "tests/pages/__init__.py", '"""Pages."""\n')
    plant(tmp_path, "templates/a/more.html", "")
    assert full_folders(tmp_path) == ["templates/a", "tests/pages"]
    plant(tmp_path, "tests/pages/__init__.py", '"""One module for each page."""\n')
    plant(
        tmp_path,
        REASONS,
        "| many files in | because |\n|---|---|\n| `templates/a/` | A reason |\n",
    )
    assert full_folders(tmp_path) == []
    (tmp_path / "templates/a/more.html").unlink()
    assert full_folders(tmp_path) == ["templates/a"], "the reason is no longer needed"
