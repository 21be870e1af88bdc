"""Finds the kind of a file, by its content first and its name second."""

from __future__ import annotations

import codecs
import json
import mmap
import re
from pathlib import Path

from crm.importing import literals
from crm.importing.errors import SourceError

from .encoding import encoding_of

JSON, CSV, WORKBOOK, OTHER = "json", "csv", "workbook", "other"
TEXT_ENDINGS = (".csv", ".tsv", ".txt")
WORKBOOK_ENDINGS = (".xlsx", ".xlsm")
# JSON, or JSON lines.
JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
ENDINGS = (*JSON_ENDINGS, *TEXT_ENDINGS, *WORKBOOK_ENDINGS)
_START = 4096
# The start of JSON or of a Python value. A CSV file may also start with "[", if a heading does, or
# with the schema of the list, as SharePoint's do.
_OBJECT = re.compile(
    r"""\s*(\{\s*(["'}]|$)|\[\s*([\[{"'\]]|Row\(|$)|[\w.]+\([\[{]"""
    r"""|(?!ListSchema=)[\w.]+(\[['"]\w+['"]\])?\s*=\s*[\[{])"""
)

# Files that were only renamed: an old workbook, gzip, Parquet, PDF, and web pages, as which some
# programs save tables.
_NO_TEXT = re.compile(
    rb"\xd0\xcf\x11\xe0|\x1f\x8b|PAR1[\x00-\x1f]|%PDF|(\xef\xbb\xbf)?\s*<(!doctype|html|table|\?xml)",
    re.IGNORECASE,
)

# The container of old workbooks and of those with a password, and the names in it that tell which.
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED, _OLD_WORKBOOK = (name.encode("utf-16-le") for name in ("EncryptedPackage", "Workbook"))
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DELIMITER = re.compile(rb"[,;\t|{\[]")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def kind_of(path: Path) -> str:
    """JSON, CSV, WORKBOOK, or OTHER for what cannot be imported."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        return OTHER
    with path.open("rb") as file:
        start = file.read(_START)
    if start.startswith(b"PK\x03\x04"):
        return WORKBOOK
    if _NO_TEXT.match(start):
        return OTHER
    if ending in WORKBOOK_ENDINGS and not _is_text(start):
        return WORKBOOK
    if ending in JSON_ENDINGS:
        return JSON
    # Without byte order marks, and in UTF-16 without every other byte.
    ascii_text = re.sub(rb"[^\x01-\x7f]", b"", start).decode()
    return JSON if _OBJECT.match(ascii_text) else CSV


def _is_text(start: bytes) -> bool:
    """Return whether a file that is named like a workbook begins like CSV or JSON."""
    is_text = start[:2] in _UTF16 or not _CONTROL.search(start)
    return is_text and bool(_DELIMITER.search(start))


def why_other(path: Path, kinds: str) -> str:
    """Say why a file of kind OTHER cannot be imported. ``kinds``: those that can."""
    if reason := _why_old(path):
        return reason
    if path.suffix.lower() in ENDINGS:
        return f"holds something else than its name says; save it as {kinds}"
    return f"is not {kinds}"


def _why_old(path: Path) -> str:
    """Say why a workbook that is no XLSX inside cannot be imported; empty for other files."""
    with path.open("rb") as file:
        if not file.read(len(_OLE)).startswith(_OLE):
            return ""
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(_ENCRYPTED) >= 0:
                return "is protected by a password; save it without one"
            if content.find(_OLD_WORKBOOK) >= 0:
                return "is a workbook of an old Excel; open it in Excel and save it as XLSX"
    return ""


def literal_as_json(path: Path, to: Path, chosen_encoding: str = "") -> Path | None:
    """Write the Python value that a file holds as JSON; return None if it holds none."""
    encoding = encoding_of(path, chosen_encoding)
    if path.stat().st_size > literals.MAX_CHARACTERS:
        return None
    text = path.read_text(encoding=encoding.name, errors=encoding.errors)
    try:
        value = literals.parse(text)
    except ValueError:
        return None
    if not isinstance(value, dict | list):
        raise SourceError(f"{path.name} holds no records.")
    to.write_text(json.dumps(value), encoding="utf-8")
    return to
