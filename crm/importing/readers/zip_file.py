"""Unpacks zip archives: no entry is written outside the folder, and none is left out silently."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from crm.importing.errors import SourceError

# Far more than a reasonable archive holds and unpacks to, and less than a disk holds.
MAX_UNPACKED = 4 * 1024**3
MAX_ENTRIES = 10_000
KINDS = "JSON, CSV or XLSX"
_ENCRYPTED = 0x1
# Bytes of the directory for each file; most paths are far shorter.
_LONGEST_ENTRY = 512
# Where the end of an archive has the number of its entries, and the bytes of their directory.
_ENTRIES, _SIZE = 4, 5


def is_hidden(path: PurePath) -> bool:
    """Return whether programs keep the file for themselves, as Excel does ``~$name.xlsx``."""
    return any(part.startswith((".", "__MACOSX", "~$")) for part in path.parts if part != "..")


def require_few_entries(name: str, file: BinaryIO) -> None:
    """Raise SourceError if the end of an archive announces more entries than it may have.

    ``ZipFile`` reads all of them when it opens the archive, which takes a kilobyte of memory each.
    """
    # As ZipFile reads it, so that no archive can show it one number and us another.
    end: list[Any] | None = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    entries, size = (end[_ENTRIES], end[_SIZE]) if end else (0, 0)
    if entries > MAX_ENTRIES or size > MAX_ENTRIES * _LONGEST_ENTRY:
        raise SourceError(f"{name} has more than {MAX_ENTRIES:,} files.")


def require_limits(name: str, entries: Collection[zipfile.ZipInfo]) -> None:
    """Raise SourceError if the archive, or the workbook, has too many entries or unpacks to too
    much."""
    if len(entries) > MAX_ENTRIES:
        raise SourceError(f"{name} has more than {MAX_ENTRIES:,} files.")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise SourceError(f"{name} unpacks to more than {MAX_UNPACKED >> 30} GiB.")


def unpack(archive: Path, folder: Path, endings: Collection[str]) -> list[tuple[str, str]]:
    """Unpack the files with these endings; return (entry, reason) of those left out.

    Raises SourceError if the archive is damaged, too large or encrypted.
    """
    folder.mkdir()
    left: list[tuple[str, str]] = []
    try:
        with archive.open("rb") as file:
            require_few_entries(archive.name, file)
        with zipfile.ZipFile(archive) as packed:
            entries = packed.infolist()
            require_limits(archive.name, entries)
            for entry in entries:
                if entry.is_dir() or is_hidden(PurePath(entry.filename)):
                    continue
                if reason := _unpack_one(packed, entry, folder, endings):
                    left.append((entry.filename, reason))
    except zipfile.BadZipFile as error:
        problem = "is damaged" if zipfile.is_zipfile(archive) else "is not a zip archive"
        raise SourceError(f"{archive.name} {problem}.") from error
    except (zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise SourceError(f"{archive.name} is damaged.") from error
    return left


def _unpack_one(
    packed: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, endings: Collection[str]
) -> str:
    """Unpack one entry; return why it was left out, empty if it was not."""
    target = (folder / entry.filename).resolve()
    if not target.is_relative_to(folder.resolve()):
        return "would be unpacked outside the folder; not imported"
    if target.suffix.lower() == ".zip":
        return "is an archive in the archive; unpack it"
    if target.suffix.lower() not in endings:
        return f"is not {KINDS}"
    if entry.flag_bits & _ENCRYPTED:
        raise SourceError(f"{entry.filename} is protected by a password; pack it without one.")
    if target.exists():
        return "is in the archive twice; only the first was read"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("wb")
    except OSError:
        return "has a name that cannot be unpacked here; not imported"
    with file:
        try:
            with packed.open(entry) as content:
                shutil.copyfileobj(content, file)
        except NotImplementedError as error:
            reason = f"{entry.filename} is packed in a way that cannot be read; pack it as zip."
            raise SourceError(reason) from error
    return ""
