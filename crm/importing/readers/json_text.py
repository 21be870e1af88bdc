"""JSON files made such that the parser can take them: UTF-8, and without the values that it
stumbles over. What had to be replaced is told by its row, not lost."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from crm.importing.errors import SourceError
from crm.importing.raw import Unread

from .encoding import Encoding, encoding_of

_BLOCK = 1 << 20
# What may have to be replaced; a first look only, it may stand within a text.
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
# An escape; a pair of halves is one character, a half alone is none.
_ESCAPES = re.compile(
    rb"\\(?:(?P<pair>u[dD][89abAB]..\\u[dD][c-fC-F]..)|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL
)
# Longer numbers are no values of ours; some crash the parser.
_LONGEST_NUMBER = 300
_LARGEST_EXPONENT = 999


class JsonText:
    """A JSON file, to be opened as often as one likes. ``encoding`` is what it came in."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self.encoding = encoding_of(path)
        self._path = path
        # Stands before each replaced value; no file can know it.
        self._mark = secrets.token_hex(8)
        if not self.encoding.is_utf8:
            self._path = _transcoded(path, self.encoding, scratch / f"{self._mark}.utf8")
        if _is_odd(self._path):
            self._path = self._mended(scratch / f"{self._mark}.json")

    def open(self) -> BinaryIO:
        file = self._path.open("rb")
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        return file

    def values(self, value: Any) -> Any:
        """A parsed value, with what had been replaced in it marked as unread."""
        if isinstance(value, str) and value.startswith(self._mark):
            return Unread(value.removeprefix(self._mark))
        if isinstance(value, dict):
            return {key: self.values(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.values(each) for each in value]
        return value

    def complaint(self, error: Exception) -> str:
        """Why it is not valid JSON, in words, with the line where that shows."""
        text = str(error.args[0] if error.args else error)
        if "premature EOF" in text or "incomplete" in text.lower():
            is_empty = not self._path.stat().st_size
            return "it is empty." if is_empty else "it ends in the middle; was it cut off?"
        what = text.split("\n", 1)[0].removeprefix("lexical error: ")
        what = what.removeprefix("parse error: ").rstrip(". ")
        return f"{what}, in line {self._line_of_error()}{_near(text)}."

    def _line_of_error(self) -> int:
        """Fed line by line, the parser fails at the line that it cannot take."""
        with self.open() as file:
            lines = _ByLine(file)
            try:
                for _ in ijson.basic_parse(lines):
                    pass
            except (ijson.JSONError, ValueError):
                return lines.number
        return 0

    def _mended(self, to: Path) -> Path:
        with self._path.open("rb") as file, to.open("wb") as mended:
            for part in self._mended_parts(file):
                mended.write(part)
        return to

    def _mended_parts(self, file: BinaryIO) -> Iterator[bytes]:
        rest, size = b"", _BLOCK
        while True:
            block = file.read(size)
            text, rest, done = rest + block, b"", 0
            for token in _TOKENS.finditer(text):
                if block and token.end() == len(text) and token.lastgroup != "text":
                    rest = text[token.start() :]
                    break
                yield text[done : token.start()]
                yield self._mended_token(token[0])
                done = token.end()
            yield text[done : len(text) - len(rest)]
            # A text of many blocks is not looked through from its beginning each time.
            size = max(_BLOCK, len(rest))
            if not block:
                return

    def _mended_token(self, token: bytes) -> bytes:
        if token.startswith(b'"'):
            return _ESCAPES.sub(_without_halves, token) if b"\\u" in token else token
        reason = ""
        if token in _NO_NUMBERS:
            reason = f"is {token.decode()}, which is no value"
        elif (number := _NUMBER.fullmatch(token)) and (
            len(token) > _LONGEST_NUMBER
            or (number[2] and len(number[2].lstrip(b"eE+-0")) > len(str(_LARGEST_EXPONENT)))
        ):
            reason = f"is a number of {len(token)} characters that is none of ours"
        return f'"{self._mark}{reason}"'.encode() if reason else token


class _ByLine:
    """A file that is read line by line, whatever size is asked for."""

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
    """The text that the parser’s drawing points at."""
    lines = complaint.split("\n")
    place = lines[2].find("^") if len(lines) > 2 else -1
    near = lines[1][max(0, place - 20) : place + 10].strip() if place >= 0 else ""
    return f", near “{near}”" if near else ""


def _without_halves(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]


def _is_odd(path: Path) -> bool:
    with path.open("rb") as file:
        end = b""
        while block := file.read(_BLOCK):
            if _ODD.search(end + block):
                return True
            end = block[-400:]
    return False


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
    """A child’s id as its account’s list names it."""
    is_whole = isinstance(value, Decimal) and value == value.to_integral_value()
    return str(int(value)) if is_whole else str(value)
