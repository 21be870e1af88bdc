"""What fills a test's tables is found by the name of a fixture: see schemas.py."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from .conftest import BASE_DIR


def ambiguous_contents(root: Path) -> list[str]:
    """Return the names in ``CONTENTS`` that are not the name of exactly one fixture."""
    contents, fixtures = Counter[str](), Counter[str]()
    for file in root.rglob("*.py"):
        source = file.read_text()
        if "CONTENTS" not in source and "pytest.fixture" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            contents.update(_contents(node))
            if isinstance(node, ast.FunctionDef):
                marks = [ast.unparse(each) for each in node.decorator_list]
                fixtures[node.name] += any("pytest.fixture" in mark for mark in marks)
    return sorted(name for name in contents if (contents[name], fixtures[name]) != (1, 1))


def _contents(node: ast.AST) -> list[str]:
    """Return the names that a statement, such as ``CONTENTS["sample"] = …``, adds."""
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "CONTENTS":
        return [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
    if isinstance(node, ast.Assign):
        texts = [ast.unparse(target) for target in node.targets]
        return [text[10:-2] for text in texts if text.startswith("CONTENTS[")]
    return []


def test_each_content_has_one_fixture() -> None:
    assert ambiguous_contents(BASE_DIR / "tests") == []


def test_ambiguous_contents_are_found(tmp_path: Path) -> None:
    fixture = "@pytest.fixture\ndef {}(): pass\n"
    (tmp_path / "schemas.py").write_text('CONTENTS: dict = {EMPTY: f, "sample": f}\n')
    (tmp_path / "conftest.py").write_text(fixture.format("sample"))
    assert ambiguous_contents(tmp_path) == []
    (tmp_path / "test_planted.py").write_text(
        f"{fixture.format('sample')}{fixture.format('rows')}"
        'CONTENTS["rows"] = f\nCONTENTS["without_fixture"] = f\n'
    )
    assert ambiguous_contents(tmp_path) == ["sample", "without_fixture"]
