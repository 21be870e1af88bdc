"""Prepares JSON files for the parser: as UTF-8, with values that it cannot read replaced.

A replaced value becomes ``Unreadable``, so that its row can report it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from crm.importing.errors import SourceError
from crm.importing.objects import value_of
from crm.importing.raw_rows import Unreadable

from .encoding import Encoding, encoding_of

_BLOCK = 1 << 20
# A quick test for values that may have to be replaced; it may match within texts.
_ODD = re.compile(
    rb"NaN|Infinity|\\u[dD][89a-fA-F]|[0-9]{300}|[:,\[\s]-?[0-9][0-9.]*[eE][+-]?[0-9]{4}"
)
_TOKENS = re.compile(
    rb'(?P<text>"(?:[^"\\]++|\\.)*+")|(?P<open>"(?:[^"\\]++|\\.)*+\\?\Z)'
    rb"|(?P<word>[-+.0-9A-Za-z]+)",
    re.DOTALL,
)
_NUMBER = re.compile(rb"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NO_NUMBERS = (b"NaN", b"Infinity", b"-Infinity")
# An escape. A surrogate pair is one character; half a pair is none.
_ESCAPES = re.compile(
    rb"\\(?:(?P<pair>u[dD][89abAB]..\\u[dD][c-fC-F]..)|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL
)
# The parser reads a text again with each of its blocks, which takes minutes for 40 MB.
_LONGEST_TEXT = 2 * _BLOCK
_REST_OF_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
# Longer numbers are no sensible values, and some crash the parser.
_LONGEST_NUMBER = 300
_LARGEST_EXPONENT = 999


class JsonText:
    """A JSON file that can be opened any number of times. ``encoding`` is its original one."""

    def __init__(self, path: Path, scratch: Path, chosen_encoding: str = "") -> None:
        self.encoding = encoding_of(path, chosen_encoding)
        self._path = path
        # Marks each replaced value. It is random, so that no file can contain it.
        self._mark = secrets.token_hex(8)
        if not self.encoding.is_utf8:
            self._path = _transcoded(path, self.encoding, scratch / f"{self._mark}.utf8")
        if _is_odd(self._path):
            self._path = self._repaired(scratch / f"{self._mark}.json")

    @property
    def size(self) -> int:
        return self._path.stat().st_size

    def open(self) -> BinaryIO:
        file = self._path.open("rb")
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        return file

    def values(self, value: Any) -> Any:
        """Return a parsed value in which the replaced values are Unreadable."""
        if isinstance(value, str) and value.startswith(self._mark):
            return Unreadable(value.removeprefix(self._mark))
        if isinstance(value, dict):
            return value_of({key: self.values(each) for key, each in value.items()})
        if isinstance(value, list):
            return [self.values(each) for each in value]
        return value

    def complaint(self, error: Exception) -> str:
        """Say why the file is not valid JSON, and in which line."""
        text = str(error.args[0] if error.args else error)
        if "premature EOF" in text or "incomplete" in text.lower():
            is_empty = not self.size
            return "it is empty." if is_empty else "it ends in the middle; was it cut off?"
        what = text.split("\n", 1)[0].removeprefix("lexical error: ")
        what = what.removeprefix("parse error: ").rstrip(". ")
        return f"{what}, in line {self._line_of_error()}{_near(text)}."

    def _line_of_error(self) -> int:
        """Parse the file line by line and return the number of the line that fails."""
        with self.open() as file:
            lines = _ByLine(file)
            try:
                for _ in ijson.basic_parse(lines, multiple_values=True):
                    pass
            except (ijson.JSONError, ValueError):
                return lines.number
        return 0

    def _repaired(self, to: Path) -> Path:
        with self._path.open("rb") as file, to.open("wb") as repaired:
            for part in self._repaired_parts(file):
                repaired.write(part)
        return to

    def _repaired_parts(self, file: BinaryIO) -> Iterator[bytes]:
        rest, size = b"", _BLOCK
        while True:
            block = file.read(size)
            text, rest, done = rest + block, b"", 0
            for token in _TOKENS.finditer(text):
                if block and token.end() == len(text) and token.lastgroup != "text":
                    rest = text[token.start() :]
                    break
                yield text[done : token.start()]
                yield self._repaired_token(token[0])
                done = token.end()
            yield text[done : len(text) - len(rest)]
            if len(rest) > _LONGEST_TEXT and rest.startswith(b'"'):
                length, rest = _after_text(file, rest)
                yield self._too_long_text(length)
            # Read more at a time while a text spans blocks, so that it is not rescanned often.
            size = max(_BLOCK, len(rest))
            if not block:
                return

    def _repaired_token(self, token: bytes) -> bytes:
        if len(token) > _LONGEST_TEXT and token.startswith(b'"'):
            return self._too_long_text(len(token))
        if token.startswith(b'"'):
            return _ESCAPES.sub(_without_halves, token) if b"\\u" in token else token
        reason = ""
        if token in _NO_NUMBERS:
            reason = f"is {token.decode()}, which is not a value"
        elif (number := _NUMBER.fullmatch(token)) and (
            len(token) > _LONGEST_NUMBER
            or (number[2] and len(number[2].lstrip(b"eE+-0")) > len(str(_LARGEST_EXPONENT)))
        ):
            reason = f"is a number of {len(token)} characters, which is too long"
        return self._unreadable(reason) if reason else token

    def _too_long_text(self, length: int) -> bytes:
        return self._unreadable(f"is a text of {length:,} bytes, which is too long")

    def _unreadable(self, reason: str) -> bytes:
        return f'"{self._mark}{reason}"'.encode()


class _ByLine:
    """A file of which each read returns one line, and which counts them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = 0

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            return b""
        line = self._file.readline(_BLOCK)
        self.number += bool(line)
        return line


def _near(complaint: str) -> str:
    """Return the text that the parser’s error message points at."""
    lines = complaint.split("\n")
    place = lines[2].find("^") if len(lines) > 2 else -1
    near = lines[1][max(0, place - 20) : place + 10].strip() if place >= 0 else ""
    return f", near “{near}”" if near else ""


def _after_text(file: BinaryIO, start: bytes) -> tuple[int, bytes]:
    """Read on to the end of a text. Return its length, and what was read after it."""
    length, last = len(start), start
    while block := file.read(_BLOCK):
        # An escape may span blocks.
        backslashes = len(last) - len(last.rstrip(b"\\"))
        last = b"\\" * (backslashes % 2) + block
        if end := _REST_OF_TEXT.match(last):
            return length + end.end() - backslashes % 2, last[end.end() :]
        length += len(block)
    return length, b""


def _without_halves(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]


def _is_odd(path: Path) -> bool:
    with path.open("rb") as file:
        end = b""
        while block := file.read(_BLOCK):
            if _ODD.search(end + block) or (len(block) == _BLOCK and _is_within_text(block)):
                return True
            end = block[-400:]
    return False


def _is_within_text(block: bytes) -> bool:
    """Return whether a block may lie within one text: all its quotation marks are escaped, the
    first perhaps before it."""
    is_open = block.startswith(b'"')
    return block.count(b'"') - is_open == block.count(b'\\"')


def _transcoded(path: Path, encoding: Encoding, to: Path) -> Path:
    try:
        with (
            path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file,
            to.open("w", encoding="utf-8", errors="replace", newline="") as utf8,
        ):
            while text := file.read(_BLOCK):
                utf8.write(text)
    except UnicodeError as error:
        raise SourceError(f"{path.name} cannot be read as {encoding.name}.") from error
    return to


def as_id(value: Any) -> str:
    """Return an id as text; JSON may have it as a number."""
    is_whole = isinstance(value, Decimal) and value == value.to_integral_value()
    return str(int(value)) if is_whole else str(value)
