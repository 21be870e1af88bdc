"""A workbook's shared strings, which its sheets refer to by number, kept on disk."""

from __future__ import annotations

import json
import re
import tempfile
from array import array
from collections.abc import Iterator
from functools import lru_cache

from openpyxl.cell.text import Text
from openpyxl.xml.constants import SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from .limits import Pieces

_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_PAGE = 256
_PAGES_KEPT = 16


class SharedStrings:
    """Written once in pages of ``_PAGE`` strings, then looked up by number."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - see close
        self._ends = array("Q", [0])
        self._page = lru_cache(maxsize=_PAGES_KEPT)(self._read)
        page: list[str] = []
        for text in texts:
            page.append(text)
            if len(page) == _PAGE:
                self._write(page)
                page = []
        self._write(page)

    def __getitem__(self, number: int) -> str:
        if number < 0:
            raise IndexError(number)
        return self._page(number // _PAGE)[number % _PAGE]

    def close(self) -> None:
        self._file.close()

    def _write(self, page: list[str]) -> None:
        self._file.write(json.dumps(page).encode())
        self._ends.append(self._file.tell())

    def _read(self, page: int) -> list[str]:
        start, end = self._ends[page], self._ends[page + 1]
        self._file.seek(start)
        texts: list[str] = json.loads(self._file.read(end - start))
        return texts


def texts_in(source: Pieces) -> Iterator[str]:
    """Yield the shared strings in order, keeping none in memory."""
    root = None
    for event, node in iterparse(source, events=("start", "end")):
        root = node if root is None else root
        if event == "end" and node.tag == f"{{{SHEET_MAIN_NS}}}si":
            text = unescape(Text.from_tree(node).content)
            root.clear()
            source.next_piece()
            yield text


def unescape(text: str) -> str:
    """Decode Excel's ``_xHHHH_``, a UTF-16 unit that XML cannot hold or that looks like one.

    See ST_Xstring in ECMA-376, part 1, 22.9.2.19.
    """
    if "_x" not in text:
        return text
    decoded = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
