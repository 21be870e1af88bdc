"""The dependency rules (import-linter, pyproject.toml) and the place of SQL: each check can fail."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import BASE_DIR

PACKAGES = ("crm", "edip", "local_warehouse")
# A module that has no layer.
STRAY = "crm/stray.py"
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


# A contract, the file that gets an import, and the import.
PLANTED = [
    ("layers", "crm/repository/records/accounts.py", "from crm.views import accounts as views"),
    ("layers", "crm/model/records.py", "from crm.repository import errors"),
    ("layers", "crm/model/links.py", "from crm import metrics"),
    ("layers", "crm/templatetags/crm.py", "from crm.views import health"),
    ("layers", "crm/forms/fields.py", "import crm.views.accounts"),
    ("layers", "crm/page_urls.py", "from crm.fragments import moment"),
    ("layers", "crm/icons.py", "from crm import theme"),
    ("layers", "crm/cookies.py", "from crm import icons"),
    ("layers", "crm/fragments.py", "from crm.templatetags import crm"),
    ("layers", "crm/telemetry.py", "from crm.warehouse import usage"),
    ("parts", "crm/row_fragments.py", "from crm.repository import errors"),
    ("parts", "crm/icons.py", "from crm.warehouse import Warehouse"),
    ("parts", "crm/cookies.py", "from crm.identity import Person"),
    ("telemetry", "crm/middleware/request_log.py", "import opentelemetry.trace"),
    ("views", "crm/views/accounts.py", "from crm.warehouse.pool import Pools"),
    ("namespace", "crm/warehouse/statements.py", "from crm.model.schema import TABLES"),
    ("django", "crm/repository/tables/change_feed.py", "from django.conf import settings"),
    ("django", "crm/model/vocabulary.py", "import django.conf"),
    ("django", "crm/warehouse/config.py", "from django.core import exceptions"),
    ("connector", "crm/views/health.py", "from databricks import sql"),
    ("connector", "crm/repository/_sql.py", "import sqlalchemy.pool"),
    ("application", "crm/management/commands/run_local.py", "import local_warehouse.engine"),
    ("application", "edip/local.py", "from local_warehouse import errors"),
    ("local_warehouse", "local_warehouse/errors.py", "from crm.model import schema"),
    ("local_warehouse", "local_warehouse/engine.py", "import edip.settings"),
    ("local_warehouse", "local_warehouse/context.py", "from django.http import HttpRequest"),
    ("sql", "local_warehouse/sql/names.py", "from local_warehouse.catalog import catalog"),
    ("sql", "local_warehouse/catalog/objects.py", "import pyarrow"),
]
# A file that gets an import, the import, and the package that has a cycle then.
CYCLES = [
    ("crm/repository/ddl.py", "from crm.repository.records import accounts", "crm.repository"),
    ("crm/importing/readers/encoding.py", "from . import csv_file", "crm.importing.readers"),
    ("local_warehouse/sql/template.py", "from . import names", "local_warehouse.sql"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of pyproject.toml on the packages in a folder."""
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=folder,
        # No line is broken.
        env={**os.environ, "COLUMNS": "500"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each contract says of a copy of the packages with all planted imports."""
    folder = tmp_path_factory.mktemp("planted")
    for package in PACKAGES:
        shutil.copytree(
            BASE_DIR / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(BASE_DIR / "pyproject.toml", folder)
    marker = "from __future__ import annotations\n"
    (folder / STRAY).touch()
    planted = [*(each[1:] for each in PLANTED), *(each[:2] for each in CYCLES)]
    for file, line in planted:
        source = (folder / file).read_text()
        assert marker in source
        (folder / file).write_text(source.replace(marker, f"{marker}{line}\n", 1))
    done = lint(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    return by_contract(done.stdout)


def contracts() -> dict[str, dict[str, Any]]:
    """Return the contracts of pyproject.toml by id."""
    settings = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {each["id"]: each for each in settings["contracts"]}


def by_contract(printed: str) -> dict[str, str]:
    """Return the part about each broken contract, by the contract's id."""
    ids = {each["name"]: id for id, each in contracts().items()}
    parts: dict[str, str] = defaultdict(str)
    current = ""
    for line in printed.partition("Broken contracts")[2].splitlines():
        current = ids.get(line.strip(), current)
        parts[current] += f"{line}\n"
    return parts


@pytest.mark.parametrize(("contract", "file", "planted"), PLANTED)
def test_a_planted_import_breaks_its_contract(
    report: dict[str, str], contract: str, file: str, planted: str
) -> None:
    module = file.removesuffix(".py").replace("/", ".")
    # "from a import b" imports a.b, or a name of a; the report names packages of others only.
    name = ".".join(planted.split()[1:4:2])
    reported = re.findall(rf"\b{re.escape(module)} -> ([\w.]+) \(", report[contract])
    assert [found for found in reported if f"{name}.".startswith(f"{found}.")], report[contract]


def test_a_module_without_a_layer_is_found(report: dict[str, str]) -> None:
    found = report["layers"].partition("not listed as layers")[2]
    assert Path(STRAY).stem in found.split("(")[0]


@pytest.mark.parametrize(("file", "package"), [(file, package) for file, _, package in CYCLES])
def test_a_planted_cycle_is_found(report: dict[str, str], file: str, package: str) -> None:
    found = report["cycles"].partition(f"No cycles are allowed in {package}.")[2]
    assert Path(file).stem in found.partition("No cycles")[0]


def test_each_contract_has_a_planted_violation() -> None:
    assert {each[0] for each in PLANTED} | {"cycles"} == contracts().keys()


def test_the_namespace_contract_names_every_other_module_of_the_model() -> None:
    modules = {f"crm.model.{file.stem}" for file in (BASE_DIR / "crm/model").glob("[a-z]*.py")}
    forbidden = set(contracts()["namespace"]["forbidden_modules"])
    assert modules - forbidden == {"crm.model.namespace"}


def test_the_contracts_are_kept() -> None:
    done = lint(BASE_DIR)
    assert done.returncode == 0, done.stdout


# SQL is in the repository only.
SQL_HOMES = ("crm/repository/",)
SQL = re.compile(
    r"""^\s*(
      SELECT\s+\S | WITH\s+\S+\s+AS\s*\( | INSERT\s+(INTO|OVERWRITE)\s+\S | MERGE\s+INTO\s
      | UPDATE\s+\S+\s+SET\s | DELETE\s+FROM\s | TRUNCATE\s+TABLE\s
      | (CREATE|ALTER|DROP)\s+(OR\s+REPLACE\s+)?(TABLE|SCHEMA|CATALOG|VIEW|FUNCTION)\s
      | (GRANT|REVOKE)\s.*\s(ON|TO|FROM)\s | COMMENT\s+ON\s
      | SHOW\s+(GRANTS?|TABLES|COLUMNS|SCHEMAS|CATALOGS|TBLPROPERTIES)\b
      | (DESCRIBE|DESC)\s+(HISTORY|DETAIL|TABLE|SCHEMA|CATALOG|EXTENDED|\{|`)
      | (VACUUM|OPTIMIZE)\s+(\{|`|\w+\.) | RESTORE\s+(TABLE\s+)?(\{|`|\w+\.)
      | USE\s+(CATALOG|SCHEMA)\s | SET\s+TBLPROPERTIES
    )""",
    re.VERBOSE | re.DOTALL,
)


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings of a module and their lines; an f-string's holes are written as ``{}``."""
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and id(node) not in inside:
            yield node.lineno, str(node.value)


def sql_in(source: str) -> list[int]:
    """The lines of a module on which a SQL statement begins."""
    return [line for line, text in texts(ast.parse(source)) if SQL.match(text)]


def test_sql_stands_in_the_repository_only() -> None:
    found = [
        f"{name}:{line}"
        for package in ("crm", "edip")
        for file in (BASE_DIR / package).rglob("*.py")
        if not (name := str(file.relative_to(BASE_DIR))).startswith(SQL_HOMES)
        for line in sql_in(file.read_text())
    ]
    assert not found


@pytest.mark.parametrize(
    "planted",
    [
        'query("SELECT a FROM t")',
        'query("""\n    SELECT a\n    FROM t""")',
        'query(f"UPDATE {table} SET x = 1")',
        'query(f"WITH a AS (SELECT 1) SELECT * FROM a")',
        'execute(f"GRANT SELECT ON TABLE {table} TO `{name}`")',
        'execute(f"COMMENT ON TABLE {table} IS :comment")',
        'query(f"SHOW GRANTS ON TABLE {table}")',
        'query(f"DESCRIBE HISTORY {table}")',
        'query(f"DESCRIBE {table}")',
        'execute(f"VACUUM {table}")',
        'execute(f"RESTORE TABLE {table} TO VERSION AS OF {version}")',
        'execute(f"OPTIMIZE {table}")',
        "execute(f\"ALTER TABLE {table} SET TBLPROPERTIES ('a' = 'b')\")",
        'execute("DROP SCHEMA IF EXISTS x CASCADE")',
    ],
)
def test_planted_sql_is_found(planted: str) -> None:
    assert sql_in(planted) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "Select a team", "Update the account", "Use case", "Show the history of this account",
        "Restore the tables from a backup", "Grant the rights", "Describe the problem",
        "VACUUM removed the files of that version.", "SELECT",
    ],
)  # fmt: skip
def test_sentences_are_not_sql(text: str) -> None:
    assert not sql_in(repr(text))
