"""Each arrow of the design goes one way: who may import what."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from .conftest import BASE_DIR


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
        "crm/warehouse", "crm.repository", "crm.model.records", "crm.views", "crm.forms.records"
    )


def test_the_repository_knows_no_request() -> None:
    assert not offenders("crm/repository", "django", "crm.views", "crm.forms.records")


def test_the_local_warehouse_and_the_app_do_not_know_each_other() -> None:
    assert not offenders("local_warehouse", "crm", "edip", "django")
    assert not offenders("crm", "local_warehouse")
    assert not offenders("edip", "local_warehouse")


# Where SQL may stand: statements in the repository, DDL, and a ping at the pool's level;
# an export that is SQL; and what an import notes in a temporary SQLite file of its own.
SQL_HOMES = (
    "crm/repository",
    "crm/repository/ddl.py",
    "crm/repository/tables/grants.py",
    "crm/warehouse",
    "crm/repository/transfer/insert_script.py",
    "crm/importing/seen.py",
)
SQL = re.compile(
    r"^\s*(SELECT\s|WITH\s+\S+\s+AS\s|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|MERGE\s+INTO"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|SCHEMA|CATALOG))"
)


def test_sql_stands_in_the_repository_and_the_ddl_only() -> None:
    files = [
        file
        for folder in ("crm", "edip")
        for file in (BASE_DIR / folder).rglob("*.py")
        if not any(file.is_relative_to(BASE_DIR / home) for home in SQL_HOMES)
    ]
    found = [
        f"{file.relative_to(BASE_DIR)}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]
    assert not found


def test_the_rule_about_sql_would_notice() -> None:
    assert SQL.match("\n    SELECT a FROM t")
    assert SQL.match("UPDATE `a`.`b` SET x = 1")
    assert not SQL.match("Select a team")


def test_views_reach_data_through_the_repository_only() -> None:
    assert not offenders(
        "crm/views", "crm.warehouse.pool", "crm.warehouse.statements", "crm.repository.ddl"
    )
