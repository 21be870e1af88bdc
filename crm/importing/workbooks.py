"""XLSX workbooks, a sheet per table, read row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from .errors import SourceError


@contextmanager
def _workbook(path: Path) -> Iterator[openpyxl.Workbook]:
    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, OSError) as error:
        raise SourceError(f"{path.name} is not a workbook that can be read.") from error
    try:
        yield workbook
    finally:
        workbook.close()


def sheet_names(path: Path) -> list[str]:
    with _workbook(path) as workbook:
        return list(workbook.sheetnames)


def rows(path: Path, sheet: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(row number, {heading: value}); the first row that says anything has the headings."""
    with _workbook(path) as workbook:
        headings: list[str] = []
        for number, cells in enumerate(workbook[sheet].iter_rows(values_only=True), start=1):
            if all(cell in (None, "") for cell in cells):
                continue
            if not headings:
                headings = ["" if cell is None else str(cell) for cell in cells]
                continue
            row = dict(zip(headings, cells, strict=False))
            yield str(number), {heading: value for heading, value in row.items() if heading}
