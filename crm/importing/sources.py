"""From a path to sheets of raw rows, whatever kind of file it is.

A sheet is read anew each time it is iterated, row by row, so that no file has to fit into
memory. Raises SourceError for what cannot be read at all.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm.schema import Table

from . import delimited, json_state, workbooks
from .errors import SourceError
from .headings import table_of

# Unpacked, an archive may be this many times larger than a reasonable upload.
MAX_UNPACKED = 4 * 1024**3


@dataclass(frozen=True)
class Sheet:
    """Rows of one table from one place: ``rows()`` yields (row name, {heading: value})."""

    table: Table
    file: str
    name: str
    rows: Callable[[], Iterator[tuple[str, dict[str, Any]]]]


@dataclass
class Source:
    """Everything that a path holds for us.

    ``it_partners`` maps business area to IT partner; ``ignored`` lists what was found but is not
    imported, with the reason.
    """

    sheets: list[Sheet] = field(default_factory=list)
    it_partners: dict[str, str] = field(default_factory=dict)
    ignored: list[tuple[str, str]] = field(default_factory=list)

    def of(self, table: Table) -> list[Sheet]:
        return [sheet for sheet in self.sheets if sheet.table is table]


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The source at a path: a JSON file, a CSV file, a workbook, a folder or a zip of these."""
    if not path.exists():
        raise SourceError(f"There is no {path}.")
    if path.suffix.lower() == ".zip":
        with tempfile.TemporaryDirectory(prefix="edip-import-") as folder:
            _unpack(path, Path(folder))
            yield _read_folder(Path(folder), path.name)
    elif path.is_dir():
        yield _read_folder(path, path.name)
    else:
        source = Source()
        _read_file(path, path.name, source, alone=True)
        _require_something(source, path.name)
        yield source


def _read_folder(folder: Path, name: str) -> Source:
    source = Source()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            _read_file(path, str(path.relative_to(folder)), source, alone=False)
    _require_something(source, name)
    return source


def _read_file(path: Path, name: str, source: Source, *, alone: bool) -> None:
    match path.suffix.lower():
        case ".json":
            state = json_state.read(path)
            source.it_partners |= state.it_partners
            source.ignored += [(name, f"“{key}” is not imported") for key in state.ignored]
            for table, rows in state.rows.items():
                source.sheets.append(Sheet(table, name, "", rows))
        case ".csv" | ".tsv" | ".txt":
            table = table_of(path.stem) or (delimited.guess_table(path) if alone else None)
            if table is None:
                source.ignored.append((name, "is named after no table"))
            else:
                source.sheets.append(Sheet(table, name, "", lambda: delimited.rows(path)))
        case ".xlsx" | ".xlsm":
            for sheet in workbooks.sheet_names(path):
                table = table_of(sheet)
                if table is None:
                    source.ignored.append((name, f"sheet {sheet} is named after no table"))
                else:
                    source.sheets.append(
                        Sheet(table, name, sheet, lambda sheet=sheet: workbooks.rows(path, sheet))
                    )
        case _:
            source.ignored.append((name, "is not JSON, CSV or XLSX"))


def _require_something(source: Source, name: str) -> None:
    if not source.sheets:
        found = "; ".join(f"{file} {why}" for file, why in source.ignored) or "it is empty"
        raise SourceError(
            f"Nothing to import in {name} ({found}). Files and sheets are to be named accounts, "
            "platforms_status, use_cases or updates."
        )


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            if sum(info.file_size for info in packed.infolist()) > MAX_UNPACKED:
                raise SourceError(f"{archive.name} unpacks to more than 4 GiB.")
            for info in packed.infolist():
                target = (folder / info.filename).resolve()
                if info.is_dir() or not target.is_relative_to(folder.resolve()):
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(info) as content, target.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except zipfile.BadZipFile as error:
        raise SourceError(f"{archive.name} is not a zip archive.") from error
