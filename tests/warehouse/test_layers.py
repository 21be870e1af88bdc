"""Each arrow of the design goes one way: who may import what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ..conftest import BASE_DIR


def imports(file: Path) -> Iterator[str]:
    package = file.relative_to(BASE_DIR).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            yield ".".join(part for part in (home, node.module) if part)
            for alias in node.names:
                yield ".".join(part for part in (home, node.module, alias.name) if part)


def offenders(folder: str, *forbidden: str, but: str = "/") -> list[str]:
    return [
        f"{file.relative_to(BASE_DIR)}: {name}"
        for file in (BASE_DIR / folder).rglob("*.py")
        if not file.is_relative_to(BASE_DIR / but)
        for name in imports(file)
        if any(name == prefix or name.startswith(prefix + ".") for prefix in forbidden)
    ]


def test_only_the_warehouse_layer_knows_the_connector() -> None:
    assert not offenders("crm", "databricks", "sqlalchemy", but="crm/warehouse")


def test_the_warehouse_layer_knows_nothing_beyond_it() -> None:
    assert not offenders(
        "crm/warehouse", "crm.repository", "crm.records", "crm.views", "crm.forms"
    )


def test_the_repository_knows_no_request() -> None:
    assert not offenders("crm/repository", "django", "crm.views", "crm.forms")


def test_the_local_warehouse_and_the_app_do_not_know_each_other() -> None:
    assert not offenders("local_warehouse", "crm", "edip", "django")
    assert not offenders("crm", "local_warehouse")
    assert not offenders("edip", "local_warehouse")
