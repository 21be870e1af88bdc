"""Writes refused rows as a file of the kind that they came in."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain, groupby
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from crm.exporting import workbook
from crm.exporting.tabular import FORMULA_STARTS
from crm.importing import sources
from crm.importing.findings import Findings
from crm.importing.headings import REASON
from crm.importing.mapping.chosen import SourceMapping
from crm.importing.parts import Part
from crm.importing.readers import file_kind, own_export

from .rows import RefusedRow, by_part

# One file's parts, each with its refused rows.
_Parts = Iterable[tuple[Part, Iterable[RefusedRow]]]
_HEADING = REASON.replace("_", " ").capitalize()
_ENDINGS = {
    file_kind.JSON: file_kind.JSON_ENDINGS[:1],
    file_kind.CSV: file_kind.TEXT_ENDINGS,
    file_kind.WORKBOOK: file_kind.WORKBOOK_ENDINGS[:1],
}


def write(path: Path, mapping: SourceMapping, findings: Findings, to: Path) -> bool:
    """Write the refused rows of the source at ``path``; return whether there are any to write.

    ``findings`` are those of an import of the source with this mapping. A folder or an archive
    becomes an archive. ``to`` is complete or does not exist. Raises OSError and ImportingError.
    """
    if not findings.refusals:
        return False
    temporary = to.with_name(f".{to.name}.part")
    try:
        with sources.opened(path, mapping) as source, temporary.open("wb") as file:
            parts = by_part(source, findings)
            if _is_archive(path):
                is_any = _write_archive(file, parts)
            else:
                is_any = _write_file(file, parts, is_own=own_export.is_own_export(path))
        if is_any:
            temporary.replace(to)
        return is_any
    finally:
        temporary.unlink(missing_ok=True)


def name_for(path: Path) -> str:
    """Return the name of the file of refused rows of this source."""
    kind = file_kind.OTHER if path.is_dir() else file_kind.kind_of(path)
    ending = ".zip" if _is_archive(path) else PurePath(_named(path.name, kind)).suffix
    return f"{path.stem}-refused{ending}"


def _is_archive(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() == ".zip"


def _named(name: str, kind: str) -> str:
    """Return the name of a file of this kind: with another ending if it would not fit."""
    endings = _ENDINGS.get(kind, ())
    is_fit = not endings or PurePath(name).suffix.lower() in endings
    return name if is_fit else str(PurePath(name).with_suffix(endings[0]))


def _write_archive(file: BinaryIO, parts: _Parts) -> bool:
    is_any = False
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, group in groupby(parts, lambda each: each[0].file):
            of_file = list(group)
            with tempfile.TemporaryFile() as content:
                if not _write_file(content, of_file):
                    continue
                is_any = True
                content.seek(0)
                target = zipfile.ZipInfo(_named(name, of_file[0][0].kind))
                target.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(target, "w", force_zip64=True) as packed:
                    while block := content.read(1 << 20):
                        packed.write(block)
    return is_any


def _write_file(file: BinaryIO, parts: _Parts, *, is_own: bool = False) -> bool:
    """Write the parts of one file; return whether they have any row."""
    filled = list(_with_rows(parts))
    if not filled:
        return False
    match filled[0][0].kind:
        case file_kind.JSON:
            _write_json(file, filled, is_own)
        case file_kind.WORKBOOK:
            workbook.write(file, [_sheet(part, rows) for part, rows in filled])
        case _:
            _write_csv(file, *filled[0])
    return True


def _with_rows(parts: _Parts) -> Iterator[tuple[Part, Iterator[RefusedRow]]]:
    for part, rows in parts:
        left = iter(rows)
        if (first := next(left, None)) is not None:
            yield part, chain([first], left)


def _write_csv(file: BinaryIO, part: Part, rows: Iterator[RefusedRow]) -> None:
    # The mark tells Excel that the file is UTF-8.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    writer = csv.writer(text, delimiter=part.delimiter())
    headings, cells = _with_headings(rows)
    for values in chain([headings], cells):
        writer.writerow([_harmless(value) for value in values])
    text.flush()
    text.detach()


def _harmless(value: Any) -> str:
    """Return the text, guarded against spreadsheets. The file may have guarded it already."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _sheet(part: Part, rows: Iterator[RefusedRow]) -> workbook.SheetOfRows:
    headings, cells = _with_headings(rows)
    return part.name, headings, cells


def _with_headings(rows: Iterator[RefusedRow]) -> tuple[list[str], Iterator[list[Any]]]:
    """Return the headings, which all rows of a table share, and the values under them."""
    first = next(rows)
    headings = [heading for heading, _ in first.cells]
    values = ([*(value for _, value in row.cells), row.reason] for row in chain([first], rows))
    return [*headings, _HEADING], values


def _write_json(
    file: BinaryIO, filled: Iterable[tuple[Part, Iterator[RefusedRow]]], is_own: bool
) -> None:
    """Write the records by table; those of our own export as such, so that nulls are kept."""
    file.write(b'{"format": "edip-crm", "version": 1' if is_own else b"{")
    comma = b"," if is_own else b""
    for part, rows in filled:
        assert part.table is not None
        file.write(comma + f'\n"{part.table.name}": ['.encode())
        comma = b","
        for number, row in enumerate(rows):
            record = dict(row.cells) | {REASON: row.reason}
            text = json.dumps(record, ensure_ascii=False, default=_number)
            file.write((b",\n" if number else b"\n") + text.encode(errors="replace"))
        file.write(b"\n]")
    file.write(b"\n}\n")


def _number(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return str(value)
    return int(value) if value == value.to_integral_value() else float(value)
