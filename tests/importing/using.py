"""Run imports in tests, and read their results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crm.importing import importer, sources
from crm.importing.findings import SKIPPED, Findings, Place
from crm.importing.importer import Options
from crm.importing.mapping import entries
from crm.importing.reader import Reader
from crm.importing.results import TableResult
from crm.model.schema import TABLES
from crm.warehouse import Warehouse

Rows = dict[str, list[dict[str, str]]]

FILES = Path(__file__).parent / "files"


def run(wh: Warehouse, path: Path, **options) -> tuple[list[TableResult], Findings]:
    with Findings() as findings:
        outcomes = importer.run(wh, path, Options(**options), findings)
    assert all(outcome.verified for outcome in outcomes)
    return outcomes, findings


def added(outcomes: list[TableResult]) -> dict[str, int]:
    return {outcome.table.name: outcome.written for outcome in outcomes}


def reasons(findings: Findings, outcome: str) -> list[str]:
    """Return the findings, with the names of their columns."""
    return [
        f"{', '.join(filter(None, [str(f.place), f.column]))}: {f.reason}"
        for f in findings.first
        if f.outcome == outcome
    ]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """Return the path of a new file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, headings: Iterable[str] = (), **options: Any) -> tuple[Rows, Findings]:
    """Read a source without a warehouse: the rows of each table, without empty values.

    ``headings``: such as "Old Column=column". ``options``: see entries.mapping. Raises
    ImportingError for what cannot be read.
    """
    mapping = entries.mapping(headings, **options)
    with Findings() as findings, sources.opened(path, mapping) as source:
        for file, reason in source.ignored:
            findings.add(SKIPPED, "", Place(file), reason)
        reader = Reader(source, findings)
        rows = {
            table.name: [
                {name: value for name, value in row.items() if value}
                for _, row, _ in reader.rows(table)
            ]
            for table in TABLES
        }
    return rows, findings
