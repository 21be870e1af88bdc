"""Options of an import: dry run, conflicts, strict; and files that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm.importing.errors import ImportingError
from crm.importing.findings import SKIPPED
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import FILES, added, reasons, run


def test_on_conflict_skip_update_fail(warehouse: Warehouse, tmp_path: Path) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Old"})
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"accounts": {"B1": {"team": "Renamed"}}}))

    outcomes, findings = run(warehouse, path)
    assert added(outcomes)["accounts"] == 0
    assert any("different values" in reason for reason in reasons(findings, SKIPPED))
    assert accounts.get(warehouse, "B1").team == "Old"

    with pytest.raises(ImportingError, match="1 row already exists"):
        run(warehouse, path, on_conflict="fail")

    outcomes, _ = run(warehouse, path, on_conflict="update")
    assert added(outcomes)["accounts"] == 1
    assert accounts.get(warehouse, "B1").team == "Renamed"


def test_strict_imports_all_or_nothing(warehouse: Warehouse) -> None:
    with pytest.raises(ImportingError, match="1 row is refused.*its account GONE"):
        run(warehouse, FILES / "state-keyed.json", strict=True)
    assert accounts.get(warehouse, "BSN001") is None


def test_strict_sees_what_many_remarks_stand_before(warehouse: Warehouse, tmp_path: Path) -> None:
    state = {f"B{n:04}": {"azure_devops_link": "no address"} for n in range(600)}
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"accounts": state | {"a/b": {}}}))
    with pytest.raises(ImportingError, match="1 row is refused.*a/b"):
        run(warehouse, path, strict=True)
    assert accounts.get(warehouse, "B0000") is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.json", b'{"accounts": {"BSN', "not valid JSON"),
        ("empty.json", b"{}", "Nothing to import"),
        ("other.json", b'{"things": []}', "“things” is not imported"),
        ("broken.xlsx", b"no workbook", "not a workbook"),
        ("broken.zip", b"no archive", "not a zip archive"),
        ("who-knows.csv", b"a,b\n1,2\n", "is not named after a table"),
        ("picture.png", b"\x89PNG", "is not JSON, CSV or XLSX"),
    ],
)
def test_what_cannot_be_read_is_said(
    warehouse: Warehouse, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImportingError, match=message):
        run(warehouse, path)
