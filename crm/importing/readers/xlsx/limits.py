"""What a workbook may make us keep in memory: a small file can unpack to gigabytes.

Sheets and shared strings are read piece by piece, so only a piece (a row, a text) has a limit. All
other parts are read as a whole.
"""

from __future__ import annotations

import zipfile
from typing import IO, BinaryIO

from crm.importing.errors import SourceError
from crm.importing.readers.zip_file import require_limits

# Of a part that is read as a whole, and its tags; of a row or a text, and its tags. Excel's widest
# row has 16,384 cells.
MAX_PART = 16 * 2**20
MAX_TAGS = 400_000
MAX_PIECE = 16 * 2**20
MAX_PIECE_TAGS = 200_000
# Of what a long piece is read by at once.
_BLOCK = 2**20


class Archive(zipfile.ZipFile):
    """The zip of a workbook, which hands out no part that is too large.

    An entry never unpacks to more than the size that it declares. Raises SourceError.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(file)
        self._name = name
        require_limits(name, self.infolist())

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        entry = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        self._require(entry.file_size <= MAX_PART, entry)
        content = super().read(name, pwd)
        self._require(content.count(b"<") <= MAX_TAGS, entry)
        return content

    def _require(self, is_fit: bool, entry: zipfile.ZipInfo) -> None:
        if not is_fit:
            raise SourceError(
                f"{self._name} cannot be read: its part {entry.filename} is larger than any "
                "sensible workbook has. Copy the rows into a new workbook."
            )


class Pieces:
    """A file that is read piece by piece, with a limit of what lies between two calls of
    ``next_piece``.

    ``piece`` names what the limit is for. Raises SourceError.
    """

    def __init__(self, source: IO[bytes], piece: str) -> None:
        self._source, self._piece = source, piece
        self._size = self._tags = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next ``size`` bytes; more of a long piece, and never all at once.

        After each block, Expat before 2.6 reads a comment that has not ended from its beginning.
        """
        # All that was read before is of this piece; the next block may reach far beyond its end.
        if self._size > MAX_PIECE or self._tags > MAX_PIECE_TAGS:
            raise SourceError(f"{self._piece} is larger than any sensible workbook has.")
        if not 0 <= size < MAX_PIECE:
            size = MAX_PIECE
        block = self._source.read(max(size, min(self._size, _BLOCK)))
        self._size += len(block)
        self._tags += block.count(b"<")
        return block

    def next_piece(self) -> None:
        self._size = self._tags = 0
