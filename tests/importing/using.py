"""Imports for tests: run one, and read its results."""

from __future__ import annotations

from pathlib import Path

from crm.importing import importer
from crm.importing.findings import Findings
from crm.importing.importer import Options, TableResult
from crm.warehouse import Warehouse

FILES = Path(__file__).parent / "files"


def run(wh: Warehouse, path: Path, **options) -> tuple[list[TableResult], Findings]:
    with Findings() as findings:
        outcomes = importer.run(wh, path, Options(**options), findings)
    assert all(outcome.verified for outcome in outcomes)
    return outcomes, findings


def added(outcomes: list[TableResult]) -> dict[str, int]:
    return {outcome.table.name: outcome.written for outcome in outcomes}


def reasons(findings: Findings, outcome: str) -> list[str]:
    return [str(f).removeprefix(f"{outcome}: ") for f in findings.first if f.outcome == outcome]
