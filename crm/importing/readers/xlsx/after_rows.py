"""What stands in a sheet after its rows, and concerns them: merged cells and hyperlinks.

A sheet names them last, so they are looked for before its rows are read: by a search for the end
of the rows, which costs much less than parsing them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree

from openpyxl.packaging.relationship import get_dependents, get_rels_path
from openpyxl.utils.cell import range_boundaries
from openpyxl.xml.constants import REL_NS, SHEET_MAIN_NS

from crm.importing.errors import SourceError

from .limits import MAX_PIECE, MAX_TAGS, Archive

_ROOT = re.compile(rb"<(?:[\w.-]+:)?worksheet\b[^>]*>")
_END_OF_ROWS = re.compile(rb"</(?:[\w.-]+:)?sheetData\s*>|<(?:[\w.-]+:)?sheetData\s*/>")
_BLOCK, _OVERLAP = 1 << 20, 200
_WEB = ("http://", "https://")

# (first row, last row) of merged cells, by their first column, from 0.
Merged = list[tuple[int, int, int]]


@dataclass(frozen=True)
class AfterRows:
    """``merged``: (first row, last row, column) of cells that are merged over rows, in order.
    ``links``: (row, column) → web address. Rows count from 1, columns from 0."""

    merged: Merged = field(default_factory=list)
    links: dict[tuple[int, int], str] = field(default_factory=dict)


def read(archive: Archive, path: str) -> AfterRows:
    """Return what stands after the rows of the sheet; nothing of it if that is damaged."""
    with archive.open(path) as source:
        root, end = _root_and_end(source)
    if end.count(b"<") > MAX_TAGS:
        raise SourceError("The part after the rows is larger than any sensible workbook has.")
    try:
        tree = ElementTree.fromstring(root + end) if root and end else None
    except ElementTree.ParseError:
        tree = None
    if tree is None:
        return AfterRows()
    return AfterRows(sorted(_merged(tree)), dict(_links(tree, archive, path)))


def _root_and_end(source: IO[bytes]) -> tuple[bytes, bytes]:
    """Return the sheet's first tag, and everything after its rows."""
    block = source.read(_BLOCK)
    root = _ROOT.search(block)
    while block:
        if found := _END_OF_ROWS.search(block):
            return (root[0] if root else b""), block[found.end() :] + source.read(MAX_PIECE)
        more = source.read(_BLOCK)
        block = block[-_OVERLAP:] + more if more else b""
    return b"", b""


def _merged(tree: ElementTree.Element) -> Iterator[tuple[int, int, int]]:
    for element in tree.iter(f"{{{SHEET_MAIN_NS}}}mergeCell"):
        column, first, _, last = _bounds(element)
        if last > first:
            yield first, last, column


def _links(
    tree: ElementTree.Element, archive: Archive, path: str
) -> Iterator[tuple[tuple[int, int], str]]:
    elements = list(tree.iter(f"{{{SHEET_MAIN_NS}}}hyperlink"))
    rels = get_rels_path(path)
    if not elements or rels not in archive.namelist():
        return
    targets = {each.Id: each.Target for each in get_dependents(archive, rels)}
    for element in elements:
        target = targets.get(element.get(f"{{{REL_NS}}}id"))
        if target and target.startswith(_WEB):
            column, row, _, _ = _bounds(element)
            yield (row, column), target


def _bounds(element: ElementTree.Element) -> tuple[int, int, int, int]:
    """Return first column (from 0), first row, last column and last row; zeros for no range."""
    try:
        left, top, right, bottom = range_boundaries(element.get("ref", ""))
    except (ValueError, TypeError):
        return 0, 0, 0, 0
    return (left or 1) - 1, top or 0, (right or 1) - 1, bottom or 0
