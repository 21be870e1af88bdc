"""An import that stops before it writes anything reports each row."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts
from crm.warehouse import Warehouse


def import_(path: Path | None, report: Path, **options: object) -> list[dict[str, str]]:
    output = io.StringIO()
    with pytest.raises(CommandError, match="so nothing was imported"):
        arguments = [path] if path else []
        call_command("import_legacy", *arguments, report=report, stdout=output, **options)
    assert f"Every finding is in {report}." in output.getvalue()
    with report.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def state(warehouse: Warehouse, tmp_path: Path) -> Path:
    accounts.create(warehouse, {"bsnid": "B0", "team": "Another"})
    path = tmp_path / "state.json"
    good = {f"B{n}": {"team": f"T{n}", "business_area": "A"} for n in range(3)}
    path.write_text(json.dumps({"accounts": good | {"a/b": {}, "c/d": {}}}))
    return path


def test_strict_reports_every_refused_row(
    warehouse: Warehouse, state: Path, tmp_path: Path
) -> None:
    lines = import_(state, tmp_path / "report.csv", strict=True)
    refused = [line["row"] for line in lines if line["outcome"] == "refused"]
    assert refused == ["a/b", "c/d"]
    assert accounts.get(warehouse, "B1") is None


def test_fail_reports_every_row_that_differs(
    warehouse: Warehouse, state: Path, tmp_path: Path
) -> None:
    lines = import_(state, tmp_path / "report.csv", on_conflict="fail")
    assert [line["row"] for line in lines if "different values" in line["reason"]] == ["B0"]
    assert accounts.get(warehouse, "B1") is None


def test_what_passes_the_rehearsal_is_reported_once(
    warehouse: Warehouse, state: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.csv"
    accounts.delete(warehouse, "B0")
    call_command("import_legacy", state, report=report, on_conflict="fail", stdout=io.StringIO())
    with report.open() as file:
        lines = [(line["outcome"], line["row"]) for line in csv.DictReader(file)]
    assert lines == [("refused", "a/b"), ("refused", "c/d"), ("verified", "")]


def test_strict_names_the_first_of_other_tables(
    warehouse: Warehouse, namespace: Namespace, tmp_path: Path
) -> None:
    old = Namespace(namespace.catalog, namespace.schema, "old_")
    warehouse.execute(
        f"CREATE TABLE {old.table(ACCOUNTS)} (bsnid STRING, team STRING)", repeatable=True
    )
    warehouse.execute(
        f"INSERT INTO {old.table(ACCOUNTS)} VALUES ('a/b', 'T'), ('B1', 'T')", repeatable=False
    )
    source = {"from_tables": f"{old.catalog}.{old.schema}", "prefix": "old_", "strict": True}
    with pytest.raises(CommandError, match="1 row is refused.*The first: refused: .*a/b"):
        call_command("import_legacy", stdout=io.StringIO(), **source)
    lines = import_(None, tmp_path / "report.csv", **source)
    assert [line["row"] for line in lines if line["outcome"] == "refused"] == ["a/b"]
    assert accounts.get(warehouse, "B1") is None
